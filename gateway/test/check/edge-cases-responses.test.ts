import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/lib/json.ts";
import {
  at,
  chatChunk,
  DONE,
  frameOf,
  geminiChunk,
  joined,
  messagesStream,
  objects,
  playPair,
  textBlock,
  toolBlock,
  type Played,
} from "../support/pairs.ts";

/* Edge cases 30 to 40 of the translation's specification: OpenAI Responses, as clients and providers speak it. */

const typed = ({ frames }: Played, type: string): JsonObject[] => frames.filter((frame) => frame["type"] === type);
const outputOf = (played: Played): JsonObject[] =>
  objects(at(typed(played, "response.completed")[0], "response", "output"));

/** What a Responses provider streams for one item. */
const itemStream = (item: JsonObject, terminal = "response.completed"): JsonObject[] => {
  const response = {
    id: "resp_1",
    object: "response",
    created_at: 1,
    model: "gpt-5.5",
    status: "in_progress",
    output: [],
  };
  return [
    { type: "response.created", response },
    { type: "response.output_item.added", output_index: 0, item },
    { type: "response.output_item.done", output_index: 0, item },
    { type: terminal, response: { ...response, status: "completed", output: [item] } },
  ];
};
const message: JsonObject = {
  type: "message",
  id: "msg_1",
  role: "assistant",
  status: "completed",
  content: [{ type: "output_text", text: "Hello", annotations: [] }],
};

test("edge 30: a Chat stream without finish is told as failed; with one every item is closed before the end", async () => {
  const content = [chatChunk({ content: "Hel" }), chatChunk({ content: "lo" })];
  const steps = (...last: string[]) => [
    { headers: { "content-type": "text/event-stream" } },
    { data: content.map((value) => frameOf("openai-chat", value)).join("") },
    { waitMs: 20 },
    ...last.map((data) => ({ data })),
    { end: true } as const,
  ];
  const cut = await playPair({ from: "openai-responses", to: "openai-chat", steps: steps() });
  assert.equal(typed(cut, "response.failed").length, 1);
  assert.equal(typed(cut, "response.completed").length, 0);
  // Some providers send `[DONE]` and no finish reason: after content that is a terminal.
  const done = await playPair({ from: "openai-responses", to: "openai-chat", steps: steps(DONE) });
  assert.deepEqual(done.frames.map(({ type }) => type).slice(-4), [
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
  ]);
});

test("edge 31: a provider that dies in the middle is told as response.failed", async () => {
  const played = await playPair({
    from: "openai-responses",
    to: "anthropic-messages",
    steps: [
      { headers: { "content-type": "text/event-stream" } },
      {
        data: messagesStream([textBlock("Hello")])
          .slice(0, 3)
          .map((each) => frameOf("anthropic-messages", each))
          .join(""),
      },
      { waitMs: 20 },
      { error: { kind: "reset" } },
    ],
  });
  assert.deepEqual(played.frames.at(-1)?.["type"], "response.failed");
});

test("edge 32: a Responses provider ends with its terminal, without [DONE]; `response.done` is one too", async () => {
  for (const terminal of ["response.completed", "response.done"]) {
    const played = await playPair({
      from: "openai-chat",
      to: "openai-responses",
      stream: itemStream(message, terminal),
    });
    assert.equal(played.record.end, "complete", terminal);
    assert.match(played.reply.text, /Hello[^]*"finish_reason":"stop"[^]*\[DONE\]/, terminal);
  }
});

const historyOf = (id: string): JsonObject => ({
  messages: [
    { role: "user", content: "go" },
    {
      role: "assistant",
      content: null,
      tool_calls: [{ id, type: "function", function: { name: "f", arguments: '{"n":  1234567890123456789}' } }],
    },
    { role: "tool", tool_call_id: id, content: "done" },
  ],
  tools: [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }],
});
const answered = { stream: itemStream(message) };

test("edge 33: a long call id is shortened the same way in the call and in its result", async () => {
  const request = historyOf(`call_${"x".repeat(78)}`);
  const { sent } = await playPair({ from: "openai-chat", to: "openai-responses", request, ...answered });
  const items = objects(sent["input"]);
  const [call, result] = ["function_call", "function_call_output"].map((type) =>
    items.find((item) => item["type"] === type),
  );
  assert.ok(joined([call?.["call_id"]]).length <= 64);
  assert.equal(call?.["call_id"], result?.["call_id"]);
});

test("edge 34: converted calls have no item id, and an output's id is no call's", async () => {
  const converted = await playPair({
    from: "openai-chat",
    to: "openai-responses",
    request: historyOf("call_1"),
    ...answered,
  });
  for (const item of objects(converted.sent["input"])) assert.equal(item["id"], undefined);
  const input: JsonObject[] = [
    { type: "message", role: "user", content: "go" },
    { type: "function_call", id: "fc_1", call_id: "call_1", name: "f", arguments: "{}" },
    { type: "function_call_output", id: "fco_1", call_id: "call_1", output: "done" },
  ];
  const { sent } = await playPair({
    from: "openai-responses",
    to: "openai-chat",
    request: { input },
    stream: [chatChunk({ content: "a" }, "stop"), DONE],
  });
  assert.equal(at(sent["messages"], 2, "tool_call_id"), "call_1");
  assert.equal(at(sent["messages"], 1, "tool_calls", 0, "id"), "call_1");
});

test("edge 35: an item has one id and one place from its announcement to the final output", async () => {
  const played = await playPair({
    from: "openai-responses",
    to: "anthropic-messages",
    stream: messagesStream(
      [textBlock("a"), toolBlock("toolu_1", "f", '{"a":1}'), toolBlock("toolu_2", "g")],
      "tool_use",
    ),
  });
  const ids = (type: string) => typed(played, type).map((frame) => at(frame, "item", "id"));
  const final = outputOf(played).map(({ id }) => id);
  assert.equal(new Set(final).size, 3);
  assert.deepEqual(ids("response.output_item.added"), final);
  assert.deepEqual(ids("response.output_item.done"), final);
  assert.deepEqual(
    typed(played, "response.output_item.added").map((frame) => frame["output_index"]),
    [0, 1, 2],
  );
  for (const frame of played.frames) {
    if (frame["item_id"] !== undefined) assert.equal(frame["item_id"], final[Number(frame["output_index"])]);
  }
});

test("edge 36: encrypted reasoning comes with the finished item only, and goes back unchanged", async () => {
  const thinking: [JsonObject, ...JsonObject[]] = [
    { type: "thinking", thinking: "", signature: "" },
    { type: "thinking_delta", thinking: "Hm." },
    { type: "signature_delta", signature: "c2lnbmF0dXJl" },
  ];
  const first = await playPair({
    from: "openai-responses",
    to: "anthropic-messages",
    request: { include: ["reasoning.encrypted_content"], reasoning: { effort: "low", summary: "auto" } },
    stream: messagesStream([thinking, textBlock("Yes.")]),
  });
  const added = typed(first, "response.output_item.added").find((frame) => at(frame, "item", "type") === "reasoning");
  const done = typed(first, "response.output_item.done").find((frame) => at(frame, "item", "type") === "reasoning");
  assert.ok(!at(added, "item", "encrypted_content"));
  assert.ok(joined([at(done, "item", "encrypted_content")]).length > 10);
  const { sent } = await playPair({
    from: "openai-responses",
    to: "anthropic-messages",
    request: { input: [{ role: "user", content: "hi" }, ...outputOf(first), { role: "user", content: "more" }] },
    stream: messagesStream([textBlock("a")]),
  });
  const block = objects(at(sent["messages"], 1, "content"))[0];
  assert.deepEqual(block, { type: "thinking", thinking: "Hm.", signature: "c2lnbmF0dXJl" });
});

test("edge 37: a message without its reasoning neighbour is sent to OpenAI without an id", async () => {
  // In its own format a request passes untouched: what clients send there is theirs to know.
  const { sent } = await playPair({
    from: "anthropic-messages",
    to: "openai-responses",
    request: {
      messages: [
        { role: "user", content: "a" },
        { role: "assistant", content: "b" },
        { role: "user", content: "c" },
      ],
    },
    ...answered,
  });
  for (const item of objects(sent["input"])) assert.equal(item["id"], undefined);
});

test("edge 38: a Chat tool that does not say strict is said not to be", async () => {
  const { sent } = await playPair({
    from: "openai-chat",
    to: "openai-responses",
    request: historyOf("call_1"),
    ...answered,
  });
  assert.equal(at(sent["tools"], 0, "strict"), false);
});

const patchTool: JsonObject = {
  type: "custom",
  name: "apply_patch",
  description: "Edits files.",
  format: { type: "grammar", syntax: "lark", definition: "start: /.+/" },
};
const patch = '*** Begin Patch\n+ "quoted" \\ back\u00e9\n*** End Patch';

test("edge 39: a custom tool is a function to Claude and Gemini, and its call is the raw text, in pieces as whole", async () => {
  const input = JSON.stringify({ input: patch });
  const pieces = [input.slice(0, 5), input.slice(5, 30), input.slice(30, 31), input.slice(31)];
  const request = { tools: [patchTool] };
  const claude = await playPair({
    from: "openai-responses",
    to: "anthropic-messages",
    request,
    stream: messagesStream([toolBlock("toolu_1", "apply_patch", ...pieces)], "tool_use"),
  });
  const functionCall = { name: "apply_patch", args: { input: patch } };
  const gemini = await playPair({
    from: "openai-responses",
    to: "gemini",
    request,
    stream: [geminiChunk([{ functionCall }], { finishReason: "STOP" })],
  });
  for (const played of [claude, gemini]) {
    const [item] = outputOf(played);
    assert.equal(item?.["type"], "custom_tool_call");
    assert.equal(item?.["input"], patch);
    const deltas = typed(played, "response.custom_tool_call_input.delta").map(({ delta }) => delta);
    assert.equal(joined(deltas), patch);
    assert.equal(typed(played, "response.custom_tool_call_input.done")[0]?.["input"], patch);
  }
  assert.deepEqual(Object.keys(at(claude.sent["tools"], 0, "input_schema", "properties") as JsonObject), ["input"]);
});

test("edge 40: stop sequences that Responses does not know are enforced, also across deltas", async () => {
  const delta = (text: string): JsonObject => ({
    type: "response.output_text.delta",
    output_index: 0,
    content_index: 0,
    item_id: "msg_1",
    delta: text,
  });
  const [created, , , completed] = itemStream(message);
  const added = { type: "response.output_item.added", output_index: 0, item: { ...message, content: [] } };
  const played = await playPair({
    from: "openai-chat",
    to: "openai-responses",
    request: { stop: ["END"] },
    stream: [created ?? {}, added, delta("one E"), delta("ND two"), completed ?? {}],
  });
  assert.deepEqual(
    played.folded.candidates[0]?.blocks.map((block) => block.type === "text" && block.text),
    ["one "],
  );
  assert.ok(played.frames.some((frame) => at(frame, "choices", 0, "finish_reason") === "stop"));
  assert.match(played.reply.text, /\[DONE\]/);
  assert.equal(played.sent["stop"], undefined);
});

test("edge 60: arguments keep their exact text and large numbers", async () => {
  const responses = await playPair({
    from: "openai-chat",
    to: "openai-responses",
    request: historyOf("call_1"),
    ...answered,
  });
  const call = objects(responses.sent["input"]).find(({ type }) => type === "function_call");
  assert.equal(call?.["arguments"], '{"n":  1234567890123456789}');
  const streamed = await playPair({
    from: "openai-chat",
    to: "anthropic-messages",
    stream: messagesStream([toolBlock("toolu_1", "f", '{"n":1234567890', "123456789}")], "tool_use"),
  });
  const deltas = streamed.frames.map(
    (frame) => at(frame, "choices", 0, "delta", "tool_calls", 0, "function", "arguments") ?? "",
  );
  assert.equal(joined(deltas), '{"n":1234567890123456789}');
  const chat = await playPair({
    from: "anthropic-messages",
    to: "openai-chat",
    headers: { "content-type": "application/json" },
    rawRequest:
      '{"model":"gpt-4.1","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":1234567890123456789}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"done"}]}]}',
    stream: [chatChunk({ content: "a" }, "stop"), DONE],
  });
  const kept = at(chat.sent["messages"], 1, "tool_calls", 0, "function", "arguments");
  assert.equal(kept, '{"n":1234567890123456789}');
});

const wholeAnswers: readonly (readonly ["anthropic-messages" | "gemini", string])[] = [
  [
    "anthropic-messages",
    '{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":{"n":1234567890123456789}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}',
  ],
  [
    "gemini",
    '{"candidates":[{"content":{"role":"model","parts":[{"functionCall":{"name":"f","args":{"n":1234567890123456789}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}',
  ],
];

for (const [to, answer] of wholeAnswers) {
  test(`edge 60: arguments in a whole answer of ${to} keep large numbers`, async () => {
    const headers = { "content-type": "application/json" };
    const steps = [{ status: 200, headers }, { data: answer }, { end: true } as const];
    const { frames } = await playPair({ from: "openai-chat", to, steps });
    const path = ["choices", 0, "delta", "tool_calls", 0, "function", "arguments"] as const;
    assert.equal(joined(frames.map((frame) => at(frame, ...path) ?? "")), '{"n":1234567890123456789}');
  });
}
