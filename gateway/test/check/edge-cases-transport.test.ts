import assert from "node:assert/strict";
import { test } from "node:test";
import { asArray } from "../../src/lib/json.ts";
import {
  at,
  chatChunk,
  chatUsage,
  DONE,
  frameOf,
  geminiChunk,
  joined,
  messagesStream,
  pairsYaml,
  playPair,
  textBlock,
} from "../support/pairs.ts";
import { stage } from "../support/play.ts";
import { frameAll, slicings } from "../support/slicing.ts";

/* Edge cases 1 to 10 of the translation's specification: event streams and transport, through the whole gateway. */

const sse = { headers: { "content-type": "text/event-stream" } } as const;
const hello = [
  chatChunk({ role: "assistant", content: "Hel" }),
  chatChunk({ content: "lo" }),
  chatChunk({}, "stop"),
  DONE,
];
const chatText = (values: typeof hello) =>
  values.map((value) => (typeof value === "string" ? value : frameOf("openai-chat", value))).join("");

test("edge 1: an emoji split over two reads arrives whole", async () => {
  const bytes = Buffer.from(chatText([chatChunk({ content: "a😀b" }), chatChunk({}, "stop"), DONE]));
  const cutAt = bytes.indexOf(Buffer.from("😀")) + 3;
  const { folded } = await playPair({
    from: "anthropic-messages",
    to: "openai-chat",
    steps: [sse, { data: bytes.subarray(0, cutAt) }, { waitMs: 5 }, { data: bytes.subarray(cutAt) }, { end: true }],
  });
  assert.equal(at(folded.candidates[0]?.blocks as never, 0, "text"), "a😀b");
});

test("edge 2: halves of a surrogate pair in two deltas become one character", async () => {
  for (const from of ["anthropic-messages", "openai-responses", "gemini"] as const) {
    const { reply, folded } = await playPair({
      from,
      to: "openai-chat",
      stream: [
        'data: {"choices":[{"index":0,"delta":{"content":"\\ud83d"},"finish_reason":null}]}\n\n',
        'data: {"choices":[{"index":0,"delta":{"content":"\\ude00"},"finish_reason":null}]}\n\n',
        chatChunk({}, "stop"),
        DONE,
      ],
    });
    assert.equal(at(folded.candidates[0]?.blocks as never, 0, "text"), "😀", from);
    assert.doesNotMatch(reply.text, /\ufffd/, from);
  }
});

test("edge 3: line ends of all three kinds say the same, wherever they are cut", async () => {
  const said = async (lineEnd: string, cutAt: number) => {
    const bytes = Buffer.from(chatText(hello).replaceAll("\n", lineEnd));
    const { events } = await playPair({
      from: "anthropic-messages",
      to: "openai-chat",
      steps: [sse, { data: bytes.subarray(0, cutAt) }, { waitMs: 5 }, { data: bytes.subarray(cutAt) }, { end: true }],
    });
    return events;
  };
  const expected = await said("\n", 10);
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const first = Buffer.from(chatText(hello.slice(0, 1)).replaceAll("\n", lineEnd)).length;
    for (const cutAt of [first - 2, first - 1, first]) assert.deepEqual(await said(lineEnd, cutAt), expected);
  }
});

test("edge 4: a byte order mark, comments, no space after the colon and data over two lines", async () => {
  const [first, second] = [
    JSON.stringify(chatChunk({ content: "one" })),
    JSON.stringify(chatChunk({}, "stop"), null, "\n"),
  ];
  const text = `\ufeff: a comment\ndata:${first}\n\n${second
    .split("\n")
    .map((line) => `data: ${line}\n`)
    .join("")}\n${DONE}`;
  const { folded, record } = await playPair({ from: "anthropic-messages", to: "openai-chat", stream: [text] });
  assert.equal(at(folded.candidates[0]?.blocks as never, 0, "text"), "one");
  assert.equal(record.end, "complete");
});

test("edge 5: a last event without its blank line counts, and makes the stream complete only if it is the terminal", async () => {
  const frames = messagesStream([textBlock("Hello")]).map((value) => frameOf("anthropic-messages", value));
  const ended = await playPair({ from: "openai-chat", to: "anthropic-messages", stream: [frames.join("").trimEnd()] });
  assert.equal(ended.record.end, "complete");
  assert.match(ended.reply.text, /"finish_reason":"stop"[^]*\[DONE\]/);
  assert.equal(ended.record.usage?.outputTotal, 5);
  const cut = await playPair({
    from: "openai-chat",
    to: "anthropic-messages",
    steps: [
      sse,
      { data: frames.slice(0, 3).join("") },
      { waitMs: 20 },
      { data: frames.slice(3, -1).join("").trimEnd() },
      { end: true },
    ],
  });
  assert.equal(cut.record.end, "truncated");
  assert.doesNotMatch(cut.reply.text, /\[DONE\]/);
});

test("edge 6: a whole answer to a request for a stream becomes a stream", async () => {
  const message = { role: "assistant", content: "Hello" };
  const body = { id: "c", object: "chat.completion", created: 1, model: "m" };
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
  for (const from of ["anthropic-messages", "openai-responses", "gemini"] as const) {
    const { folded, events, reply } = await playPair({
      from,
      to: "openai-chat",
      steps: [
        { headers: { "content-type": "application/json" } },
        { data: JSON.stringify({ ...body, choices: [{ index: 0, message, finish_reason: "stop" }], usage }) },
        { end: true },
      ],
    });
    assert.match(reply.headers["content-type"] as string, /text\/event-stream/, from);
    assert.equal(at(folded.candidates[0]?.blocks as never, 0, "text"), "Hello", from);
    assert.equal(events.at(-1)?.type, "end", from);
  }
});

test("edge 7: a 429 to a request for a stream is a 429 in the client's format, with the wait", async () => {
  for (const from of ["anthropic-messages", "openai-responses", "gemini"] as const) {
    const { reply } = await playPair({
      from,
      to: "openai-chat",
      steps: [
        { status: 429, headers: { "content-type": "application/json", "retry-after": "7" } },
        { data: '{"error":{"message":"slow down","type":"requests","code":"rate_limit_exceeded"}}' },
        { end: true },
      ],
    });
    assert.equal(reply.status, 429, from);
    assert.match(reply.headers["content-type"] as string, /json/, from);
    assert.equal(reply.headers["retry-after"], "7", from);
    assert.match(at(reply.json() as never, "error", "message") as string, /slow down/, from);
  }
});

test("edge 8: Gemini without alt=sse gets one JSON array, however the provider's bytes are cut", async () => {
  const bytes = Buffer.from(chatText(hello));
  const body = { contents: [{ role: "user", parts: [{ text: "hi" }] }] };
  for (const pieces of [...slicings(bytes, 1)].filter((_, index) => index % 40 === 0)) {
    const { ask } = stage({
      yaml: pairsYaml,
      script: () => [sse, ...pieces.flatMap((data) => [{ data }, { waitMs: 1 }]), { end: true }],
    });
    const { reply } = await ask({ target: "/v1beta/models/gpt-4.1:streamGenerateContent", body });
    const chunks = asArray(reply.json()) ?? [];
    const texts = chunks.map((chunk) => at(chunk, "candidates", 0, "content", "parts", 0, "text") ?? "");
    assert.equal(joined(texts), "Hello");
  }
});

test("edge 9: nothing stands in front of a Gemini client's data while the provider is silent", async () => {
  const { reply } = await playPair({
    from: "gemini",
    to: "openai-chat",
    steps: [
      sse,
      { data: chatText(hello.slice(0, 1)) },
      { waitMs: 50_000 },
      { data: chatText(hello.slice(1)) },
      { end: true },
    ],
  });
  for (const block of reply.text.split(/\r?\n\r?\n/)) assert.match(block, /^(data: .*)?$/);
  assert.match(reply.text, /STOP/);
});

test("edge 10: Anthropic's events are always named as their data, Gemini's and Chat's never", async () => {
  const names = async (from: "anthropic-messages" | "openai-responses" | "gemini") => {
    const { reply } = await playPair({ from, to: "openai-chat", stream: [...hello, chatUsage({ prompt_tokens: 1 })] });
    return frameAll("sse", [reply.body]).frames.flatMap(({ payload }) => payload ?? []);
  };
  for (const from of ["anthropic-messages", "openai-responses"] as const) {
    for (const { event, data } of await names(from)) assert.equal(at(JSON.parse(data), "type"), event, from);
  }
  for (const { event } of await names("gemini")) assert.equal(event, "");
  const chat = await playPair({
    from: "openai-chat",
    to: "gemini",
    stream: [geminiChunk([{ text: "a" }], { finishReason: "STOP" })],
  });
  assert.doesNotMatch(chat.reply.text, /^event:/m);
});
