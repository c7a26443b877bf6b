import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Citation } from "../../src/canonical/block.ts";
import { openOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure } from "../../src/canonical/failure.ts";
import type { CanonicalResponse, Finish } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { asArray, asObject, asString, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { chatClient, decodeStream, encodeEvents, optionsFor } from "../support/openai-chat.ts";

const start: CanonicalEvent = { type: "start", id: "msg_1", model: "claude-test", createdAt: 1_700_000_002 };
const end: CanonicalEvent = { type: "end" };

describe("the shape of a stream", () => {
  test("id, created and model are the same on every chunk, and [DONE] is last", () => {
    const written = encodeEvents(answer([text("Hi")], stop), chatClient({ includeUsage: true }));
    const chunks = chunksOf(written);
    for (const chunk of chunks) {
      assert.deepEqual(
        [chunk["id"], chunk["object"], chunk["created"], chunk["model"]],
        ["chatcmpl-1", "chat.completion.chunk", 1_700_000_002, "claude-test"],
      );
    }
    assert.ok(written.endsWith("data: [DONE]\n\n"));
  });

  test("the role comes first, the finish alone", () => {
    assert.deepEqual(deltas(encodeEvents(answer([text("Hi")], stop))), [
      { role: "assistant", content: "" },
      { content: "Hi" },
      {},
    ]);
  });

  test("an answer that says nothing still has role and finish", () => {
    const written = encodeEvents(answer([], stop));
    assert.deepEqual(deltas(written), [{ role: "assistant", content: "" }, {}]);
    assert.deepEqual(finishes(written), ["stop"]);
  });

  test("usage: null on every chunk and one chunk of usage for a client that asked, no usage key for others", () => {
    const events = [...answer([text("Hi")], stop).slice(0, -1), usageEvent, end];
    const asked = chunksOf(encodeEvents(events, chatClient({ includeUsage: true })));
    assert.deepEqual(
      asked.map((chunk) => chunk["usage"] === null),
      [true, true, true, false],
    );
    assert.deepEqual(asked.at(-1)?.["choices"], []);
    assert.equal(asObject(asked.at(-1)?.["usage"])?.["total_tokens"], 120);
    for (const chunk of chunksOf(encodeEvents(events))) assert.ok(!("usage" in chunk));
  });

  test("choices interleave, each with its own role and finish", () => {
    const events: CanonicalEvent[] = [
      start,
      ...[0, 1].map(blockStart),
      ...[0, 1].map((candidate): CanonicalEvent => ({
        type: "text-delta",
        candidate,
        block: 0,
        text: `c${candidate}`,
      })),
      ...[0, 1].map((candidate): CanonicalEvent => ({ type: "block-stop", candidate, block: 0 })),
      ...[0, 1].map((candidate): CanonicalEvent => ({ type: "finish", candidate, finish: stop })),
      end,
    ];
    const indices = chunksOf(encodeEvents(events)).map((chunk) => choiceOf(chunk)["index"]);
    assert.deepEqual(indices, [0, 0, 1, 1, 0, 1]);
  });

  test("a failure ends the stream with its error and no [DONE]", () => {
    const reason = failure("provider_overloaded", "Too busy. Try again.");
    const written = encodeEvents([...answer([text("Hi")], stop).slice(0, 3), { type: "error", failure: reason }]);
    assert.ok(!written.includes("[DONE]"));
    assert.deepEqual(parseJson(lastData(written)), {
      error: { message: "Too busy. Try again.", type: "server_error", param: null, code: "server_overloaded" },
    });
  });

  test("a finish that is a failure is not sold as a normal end", () => {
    for (const reason of ["error", "malformed-tool-call"] as const) {
      const written = encodeEvents(answer([text("Hi")], { reason, native: "X" }));
      assert.ok(!written.includes("[DONE]"));
      assert.ok(lastData(written).startsWith('{"error":'));
    }
  });

  test("of two choices one of which fails, the failure is said once and is the last word", () => {
    const encoder = openaiChat.client.encoder(chatClient());
    const failed: Finish = { reason: "malformed-tool-call", native: "X", message: "No such call." };
    const events: CanonicalEvent[] = [
      start,
      { type: "finish", candidate: 0, finish: failed },
      { type: "finish", candidate: 1, finish: { ...failed, message: "Neither this." } },
      { type: "error", failure: failure("provider_interrupted", "It broke off.") },
      end,
    ];
    const written = events.map((event) => encoder.write(event)).join("");
    assert.equal(written.match(/^data: /gm)?.length, 1);
    assert.match(lastData(written), /No such call/);
    assert.equal(encoder.failure(failure("provider_interrupted", "It broke off.")), "");
  });

  test("pings and keep-alives are comments", () => {
    assert.match(encodeEvents([start, { type: "ping" }]), /^: [^\n]+\n\n$/);
    assert.equal(openaiChat.client.encoder(chatClient()).keepAlive(), ": keep-alive\n\n");
    assert.equal(openaiChat.client.follower(chatClient()).keepAlive(), ": keep-alive\n\n");
  });

  test("the follower of a verbatim stream says failures like the encoder", () => {
    const reason = failure("provider_interrupted", "It broke off.");
    const follower = openaiChat.client.follower(chatClient());
    assert.equal(follower.failure(reason), openaiChat.client.encoder(chatClient()).failure(reason));
  });
});

describe("text", () => {
  test("an astral character in two deltas arrives whole, a lone half as U+FFFD", () => {
    for (const [pieces, expected] of [
      [["a\ud83d", "\ude00b"], "a😀b"],
      [["a\ud83d"], "a\ufffd"],
      [["\ude00"], "\ufffd"],
    ] as const) {
      const events: CanonicalEvent[] = [
        start,
        blockStart(0),
        ...pieces.map((piece): CanonicalEvent => ({ type: "text-delta", candidate: 0, block: 0, text: piece })),
        { type: "block-stop", candidate: 0, block: 0 },
      ];
      const contents = deltas(encodeEvents(events)).map((delta) => asString(delta["content"]) ?? "");
      assert.equal(contents.join(""), expected);
    }
  });

  test("line separators are escaped, so that no parser of lines breaks a frame", () => {
    const written = encodeEvents(answer([text("a\u2028b\u2029c")], stop));
    assert.ok(!/[\u2028\u2029]/.test(written));
    assert.deepEqual(deltas(written)[1], { content: "a\u2028b\u2029c" });
  });

  test("reasoning is reasoning_content, blocks and parts a blank line apart", () => {
    const blocks: Block[] = [
      { type: "reasoning", summary: ["One", "Two"] },
      { type: "reasoning", summary: [], raw: ["Three"] },
      text("Hi"),
    ];
    const written = deltas(encodeEvents(answer(blocks, stop)));
    const reasoning = written.map((delta) => asString(delta["reasoning_content"]) ?? "").join("");
    assert.equal(reasoning, "One\n\nTwo\n\nThree");
    assert.equal(messageOf(plain(blocks, stop))["reasoning_content"], reasoning);
  });

  test("opaque reasoning travels sealed, and comes back as it was", () => {
    const opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "c2ln" } as const;
    const blocks: Block[] = [{ type: "reasoning", summary: ["Hm"], opaque }, text("Hi")];
    const detail = deltas(encodeEvents(answer(blocks, stop))).find((delta) => "reasoning_details" in delta);
    const details = asArray(detail?.["reasoning_details"]);
    assert.deepEqual(openOpaque(asString(asObject(details?.[0])?.["data"]) ?? ""), opaque);
    assert.deepEqual(messageOf(plain(blocks, stop))["reasoning_details"], details);
  });

  test("offsets of citations count within the whole message", () => {
    const rows: readonly (readonly [Citation, number, number])[] = [
      [{ type: "url", url: "https://a.test", title: "A", start: 1, end: 3 }, 6, 8],
      [{ type: "url", url: "https://a.test", title: "A" }, 5, 10],
      [
        {
          type: "search-result",
          index: 0,
          source: "https://a.test",
          title: "A",
          startBlock: 0,
          endBlock: 1,
          citedText: "x",
        },
        5,
        10,
      ],
      [
        { type: "grounding", chunk: { web: { uri: "https://a.test", title: "A" } }, segment: { start: 0, end: 2 } },
        5,
        10,
      ],
    ];
    for (const [citation, from, to] of rows) {
      const blocks: Block[] = [text("Hello"), { type: "text", text: "World", citations: [citation] }];
      const expected = [
        { type: "url_citation", url_citation: { start_index: from, end_index: to, title: "A", url: "https://a.test" } },
      ];
      const delta = deltas(encodeEvents(answer(blocks, stop))).find((each) => "annotations" in each);
      assert.deepEqual(delta?.["annotations"], expected);
      assert.deepEqual(messageOf(plain(blocks, stop))["annotations"], expected);
    }
  });
});

describe("tool calls", () => {
  const f = call("a", "f", '{"x":1}');
  const g = call("b", "g", "");

  test("indices count calls only, later deltas have nothing but index and arguments", () => {
    const written = deltas(encodeEvents(answer([{ type: "reasoning", summary: ["Hm"] }, text("Hi"), f, g], toolUse)));
    assert.deepEqual(
      written.flatMap((delta) => asArray(delta["tool_calls"]) ?? []),
      [
        { index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } },
        { index: 0, function: { arguments: '{"x":1}' } },
        { index: 1, id: "b", type: "function", function: { name: "g", arguments: "" } },
        { index: 1, function: { arguments: "{}" } },
      ],
    );
  });

  test("a message of calls alone has no content", () => {
    assert.deepEqual(deltas(encodeEvents(answer([f], toolUse)))[0], { role: "assistant", content: null });
    assert.equal(messageOf(plain([f], toolUse))["content"], null);
  });

  test("custom tools keep their free text, and their names the namespace", () => {
    const patch: Block = { ...call("a", "patch", "*** Begin"), kind: "custom", namespace: "ns" };
    const message = messageOf(plain([patch], toolUse));
    assert.deepEqual(message["tool_calls"], [
      { id: "a", type: "custom", custom: { name: "ns__patch", input: "*** Begin" } },
    ]);
    const written = deltas(encodeEvents(answer([patch], toolUse)));
    assert.deepEqual(written[2], { tool_calls: [{ index: 0, custom: { input: "*** Begin" } }] });
  });

  test("a Gemini signature stays with its call", () => {
    const signature = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "c2ln" } as const;
    const signed: Block = { ...f, signature };
    const first = asObject(asArray(deltas(encodeEvents(answer([signed], toolUse)))[1]?.["tool_calls"])?.[0]);
    const again = asObject(asArray(messageOf(plain([signed], toolUse))["tool_calls"])?.[0]);
    for (const written of [first, again]) {
      const google = asObject(asObject(written?.["extra_content"])?.["google"]);
      assert.deepEqual(openOpaque(asString(google?.["thought_signature"]) ?? ""), signature);
    }
  });

  test("a client of the deprecated functions gets one function_call", () => {
    const client = chatClient({ echo: { legacyFunctions: true } });
    const written = encodeEvents(answer([f, g], toolUse), client);
    assert.deepEqual(deltas(written).slice(1, 3), [
      { function_call: { name: "f", arguments: "" } },
      { function_call: { arguments: '{"x":1}' } },
    ]);
    assert.deepEqual(finishes(written), ["function_call"]);
    const message = messageOf(plain([f, g], toolUse, client));
    assert.deepEqual(message["function_call"], { name: "f", arguments: '{"x":1}' });
    assert.ok(!("tool_calls" in message));
  });

  test("calls of tools that the client cannot know are not shown, and the end does not promise any", () => {
    const builtin: Block = { ...f, kind: "builtin" };
    assert.deepEqual(finishes(encodeEvents(answer([builtin], toolUse))), ["stop"]);
  });
});

describe("refusals and blocked prompts", () => {
  test("an explanation without a refusal text becomes the refusal", () => {
    const finish: Finish = { reason: "refusal", native: "refusal", refusal: { explanation: "Not this." } };
    const written = encodeEvents(answer([], finish));
    assert.deepEqual(deltas(written)[1], { refusal: "Not this." });
    assert.deepEqual(finishes(written), ["content_filter"]);
    assert.equal(messageOf(plain([], finish))["refusal"], "Not this.");
  });

  test("a refusal that the client has read ends with stop", () => {
    const blocks: Block[] = [{ type: "refusal", text: "No." }];
    assert.deepEqual(finishes(encodeEvents(answer(blocks, { reason: "refusal", native: "x" }))), ["stop"]);
  });

  test("a blocked prompt is one choice with content_filter", () => {
    const blocked = { ...response([], stop), candidates: [], promptBlock: { reason: "SAFETY" } };
    const [choice] = asArray(openaiChat.client.writeResponse(blocked, chatClient())["choices"]) ?? [];
    assert.equal(asObject(choice)?.["finish_reason"], "content_filter");
  });
});

test("a plain answer always has content, refusal and logprobs", () => {
  const [choice] = asArray(plain([text("Hi")], stop)["choices"]) ?? [];
  assert.deepEqual(choice, {
    index: 0,
    message: { role: "assistant", content: "Hi", refusal: null },
    logprobs: null,
    finish_reason: "stop",
  });
});

test("writing a recorded stream again changes no event but what it repairs", () => {
  for (const each of fixtures("openai-chat").filter(({ response: { extension } }) => extension === "sse")) {
    const first = decodeStream(each.response.body, optionsFor(each));
    if (first.outcome !== "complete") continue;
    const client = chatClient({ includeUsage: true });
    const once = encodeEvents(first.events, client);
    const twice = encodeEvents(decodeStream(once, optionsFor(each)).events, client);
    assert.equal(twice, once, each.name);
  }
});

const stop: Finish = { reason: "stop", native: "end_turn" };
const toolUse: Finish = { reason: "tool-calls", native: "tool_use" };
const usageEvent: CanonicalEvent = {
  type: "usage",
  usage: { inputTotal: 100, cacheRead: 75, cacheWrite: 0, outputTotal: 20 },
};

function text(value: string): Block {
  return { type: "text", text: value };
}

function call(id: string, name: string, argumentsText: string): Extract<Block, { readonly type: "tool-call" }> {
  return { type: "tool-call", id, name, kind: "function", argumentsText };
}

function blockStart(candidate: number): CanonicalEvent {
  return { type: "block-start", candidate, block: 0, kind: "text", initial: text("") };
}

function response(blocks: readonly Block[], finish: Finish): CanonicalResponse {
  return {
    id: "msg_1",
    model: "claude-test",
    createdAt: 1_700_000_002,
    candidates: [{ index: 0, blocks, finish }],
    losses: [],
    extras: {},
  };
}

function answer(blocks: readonly Block[], finish: Finish): CanonicalEvent[] {
  return unfold(response(blocks, finish));
}

function plain(blocks: readonly Block[], finish: Finish, client: ClientContext = chatClient()): JsonObject {
  return openaiChat.client.writeResponse(response(blocks, finish), client);
}

function messageOf(body: JsonObject): JsonObject {
  return asObject(asObject(asArray(body["choices"])?.[0])?.["message"]) ?? {};
}

function dataOf(written: string): string[] {
  return written
    .split("\n\n")
    .filter((frame) => frame.startsWith("data: "))
    .map((frame) => frame.slice("data: ".length));
}

function lastData(written: string): string {
  return dataOf(written).at(-1) ?? "";
}

function chunksOf(written: string): JsonObject[] {
  return dataOf(written).flatMap((data) => (data === "[DONE]" ? [] : [asObject(parseJson(data)) ?? {}]));
}

function choiceOf(chunk: JsonObject): JsonObject {
  return asObject(asArray(chunk["choices"])?.[0]) ?? {};
}

function deltas(written: string): JsonObject[] {
  return chunksOf(written).map((chunk) => asObject(choiceOf(chunk)["delta"]) ?? {});
}

function finishes(written: string): (string | undefined)[] {
  return chunksOf(written).flatMap((chunk) => {
    const reason = asString(choiceOf(chunk)["finish_reason"]);
    return reason === undefined ? [] : [reason];
  });
}
