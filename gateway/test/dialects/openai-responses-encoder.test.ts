import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { asArray, asObject, asString, type JsonObject } from "../../src/lib/json.ts";
import { encodeEvents, payloadsOf, requestOf, responsesClient } from "../support/openai-responses.ts";
import { block, encode, finalOutput, finish, output, start, withLateSignature } from "../support/responses-encoder.ts";

describe("a stream, event by event", () => {
  test("text, a call and the end", () => {
    const frames = encode([
      ...block(0, { type: "text", text: "Hello" }),
      ...block(1, { type: "tool-call", id: "call_1", name: "f", kind: "function", argumentsText: '{"a":1}' }),
      { type: "usage", usage: { inputTotal: 10, outputTotal: 3, cacheRead: 4, cacheWrite: 0 } },
    ]);
    assert.deepEqual(
      frames.map(({ type }) => type),
      [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.output_item.done",
        "response.completed",
      ],
    );
    assert.deepEqual(
      frames.map(({ sequence_number: number }) => number),
      frames.map((_, index) => index),
    );
    const response = asObject(frames.at(-1)?.["response"]) ?? {};
    assert.equal(response["id"], "resp_01ABC");
    assert.equal(response["model"], "claude-sonnet-4-6");
    assert.deepEqual(response["usage"], {
      input_tokens: 10,
      input_tokens_details: { cached_tokens: 4, cache_write_tokens: 0 },
      output_tokens: 3,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 13,
    });
    const items = asArray(response["output"])?.map(asObject) ?? [];
    assert.deepEqual(
      items.map((item) => item?.["type"]),
      ["message", "function_call"],
    );
    assert.match(asString(items[0]?.["id"]) ?? "", /^msg_/);
    assert.match(asString(items[1]?.["id"]) ?? "", /^fc_/);
    assert.deepEqual(frames[4], {
      type: "response.output_text.delta",
      sequence_number: 4,
      item_id: items[0]?.["id"],
      output_index: 0,
      content_index: 0,
      delta: "Hello",
      logprobs: [],
    });
  });

  test("every frame names its event, and the same answer has the same ids", () => {
    const events = [start, ...block(0, { type: "text", text: "Hello" }), ...finish({ reason: "stop", native: "" })];
    for (const payload of payloadsOf(encodeEvents(events))) {
      assert.equal(payload.event, (JSON.parse(payload.data) as JsonObject)["type"]);
    }
    assert.equal(encodeEvents(events), encodeEvents(events));
  });

  test("adjacent texts share a message, a text after a call has its own", () => {
    const items = output([
      ...block(0, { type: "text", text: "a" }),
      ...block(1, { type: "refusal", text: "b" }),
      ...block(2, { type: "tool-call", id: "c", name: "f", kind: "function", argumentsText: "{}" }),
      ...block(3, { type: "text", text: "d" }),
    ]);
    assert.deepEqual(
      items.map(({ type, content }) => [type, asArray(content)?.length]),
      [
        ["message", 2],
        ["function_call", undefined],
        ["message", 1],
      ],
    );
  });

  test("texts of two messages of this API stay two messages, under their ids and phases", () => {
    const said = (id: string, phase: string): Block => ({
      type: "text",
      text: id,
      extras: { "openai-responses": { id, phase } },
    });
    const frames = encode([...block(0, said("msg_1", "commentary")), ...block(1, said("msg_2", "final_answer"))]);
    const items = finalOutput(frames);
    assert.deepEqual(
      items.map(({ id, phase, status }) => [id, phase, status]),
      [
        ["msg_1", "commentary", "completed"],
        ["msg_2", "final_answer", "completed"],
      ],
    );
    assert.equal(frames.filter(({ type }) => type === "response.output_item.done").length, 2);
  });

  test("overlapping blocks each keep their index, and the message waits for its text", () => {
    const frames = encode([
      { type: "block-start", candidate: 0, block: 0, kind: "text", initial: { type: "text", text: "" } },
      { type: "text-delta", candidate: 0, block: 0, text: "one " },
      {
        type: "block-start",
        candidate: 0,
        block: 1,
        kind: "tool-call",
        initial: { type: "tool-call", id: "c", name: "f", kind: "function", argumentsText: "" },
      },
      { type: "text-delta", candidate: 0, block: 0, text: "two" },
      { type: "arguments-delta", candidate: 0, block: 1, text: "{}" },
      { type: "block-stop", candidate: 0, block: 1 },
      { type: "block-stop", candidate: 0, block: 0 },
    ]);
    const done = frames
      .filter(({ type }) => type === "response.output_item.done")
      .map(({ output_index: index }) => index);
    assert.deepEqual(done, [1, 0]);
    const [message] = finalOutput(frames);
    assert.deepEqual(message?.["content"], [{ type: "output_text", text: "one two", annotations: [], logprobs: [] }]);
  });

  test("a character split over two deltas arrives whole, and a lost half as U+FFFD", () => {
    const text = (...deltas: string[]) =>
      encode([
        { type: "block-start", candidate: 0, block: 0, kind: "text", initial: { type: "text", text: "" } },
        ...deltas.map((delta): CanonicalEvent => ({ type: "text-delta", candidate: 0, block: 0, text: delta })),
        { type: "block-stop", candidate: 0, block: 0 },
      ]);
    const deltas = (frames: JsonObject[]) =>
      frames.filter(({ type }) => type === "response.output_text.delta").map(({ delta }) => delta);
    assert.deepEqual(deltas(text("a\ud83d", "\ude00b")), ["a", "😀b"]);
    assert.deepEqual(deltas(text("a\ud83d")), ["a", "\ufffd"]);
    assert.deepEqual(deltas(text("\ude00")), ["\ufffd"]);
  });

  test("line separators are escaped", () => {
    assert.ok(!/[\u2028\u2029]/.test(encodeEvents([start, ...block(0, { type: "text", text: "a\u2028b\u2029c" })])));
  });

  test("other candidates than the first are not shown", () => {
    const frames = encode([
      { type: "block-start", candidate: 1, block: 0, kind: "text", initial: { type: "text", text: "" } },
    ]);
    assert.deepEqual(finalOutput(frames), []);
  });
});

describe("calls", () => {
  const call = (more: Partial<Extract<Block, { type: "tool-call" }>>): Block => ({
    type: "tool-call",
    id: "c",
    name: "f",
    kind: "function",
    argumentsText: "",
    ...more,
  });

  test("a call without arguments has an empty object", () => {
    assert.equal(output(block(0, call({})))[0]?.["arguments"], "{}");
  });

  test("arguments that were cut off are not passed off as complete", () => {
    const [item] = output(block(0, call({ argumentsText: '{"a":' })), { reason: "length", native: "max_tokens" });
    assert.deepEqual([item?.["status"], item?.["arguments"]], ["incomplete", '{"a":']);
  });

  test("a wrapped input that was cut off is not passed off as complete", () => {
    const cut = block(0, call({ name: "apply_patch", argumentsText: '{"input":"*** Begin' }));
    const [item] = output(cut, { reason: "length", native: "max_tokens" }, client);
    assert.deepEqual([item?.["status"], item?.["input"]], ["incomplete", "*** Begin"]);
  });

  test("calls that share an id are told apart, and one without gets one", () => {
    const items = output([
      ...block(0, call({ id: "call_0" })),
      ...block(1, call({ id: "call_0" })),
      ...block(2, call({ id: "" })),
    ]);
    const ids = items.map((item) => item["call_id"]);
    assert.deepEqual(ids.slice(0, 2), ["call_0", "call_0_2"]);
    assert.match(asString(ids[2]) ?? "", /^call_./);
  });

  const tools: JsonObject = {
    model: "m",
    input: "Hi",
    tools: [
      { type: "custom", name: "apply_patch" },
      {
        type: "namespace",
        name: "agents",
        tools: [
          { type: "function", name: "spawn", parameters: {} },
          { type: "custom", name: "exec" },
        ],
      },
    ],
  };
  const client = responsesClient({}, tools);

  test("a custom tool that the provider knows as a function is called with its bare text", () => {
    const patch = '*** Begin\n"quoted" \\ 😀 end';
    const wrapped = JSON.stringify({ input: patch });
    for (const size of [1, 2, 3, 7, wrapped.length]) {
      const pieces = wrapped.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      const frames = encode(
        [
          { type: "block-start", candidate: 0, block: 0, kind: "tool-call", initial: call({ name: "apply_patch" }) },
          ...pieces.map((text): CanonicalEvent => ({ type: "arguments-delta", candidate: 0, block: 0, text })),
          { type: "block-stop", candidate: 0, block: 0 },
        ],
        { reason: "tool-calls", native: "" },
        client,
      );
      const deltas = frames
        .filter(({ type }) => type === "response.custom_tool_call_input.delta")
        .map(({ delta }) => asString(delta));
      const [item] = finalOutput(frames);
      assert.deepEqual([item?.["type"], item?.["name"], item?.["input"]], ["custom_tool_call", "apply_patch", patch]);
      assert.equal(deltas.join(""), patch);
    }
  });

  test("what is not the wrapper is the input itself", () => {
    const input = (argumentsText: string) =>
      output(block(0, call({ name: "apply_patch", argumentsText })), undefined, client)[0]?.["input"];
    assert.equal(input("*** Begin"), "*** Begin");
    assert.equal(input('"*** Begin"'), "*** Begin");
    assert.equal(input('{"patch":"x"}'), '{"patch":"x"}');
    assert.equal(input('{"other":1,"input":"x"}'), "x");
    assert.equal(input('{"input":"cut o'), "cut o");
    assert.equal(input('{"input":"raw\nline"}'), "raw\nline");
    assert.equal(input(`{"a":"${"x".repeat(100)}"}`), `{"a":"${"x".repeat(100)}"}`);
    assert.equal(input(""), "");
  });

  test("a namespace comes back", () => {
    const items = output(
      [
        ...block(0, call({ name: "agents__spawn" })),
        ...block(1, call({ id: "d", name: "exec", argumentsText: '{"input":"1"}' })),
      ],
      undefined,
      client,
    );
    assert.deepEqual(
      items.map(({ type, name, namespace }) => [type, name, namespace]),
      [
        ["function_call", "spawn", "agents"],
        ["custom_tool_call", "exec", "agents"],
      ],
    );
  });
});

describe("reasoning and opaque values", () => {
  const signature: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "EqQB" };
  const thought: Opaque = { issuer: { provider: "gemini" }, kind: "gemini.thought-signature", value: "CiQB" };

  test("a summary in parts, then the envelope of another vendor's signature", () => {
    const frames = encode(block(0, { type: "reasoning", summary: ["one", "two"], opaque: signature }));
    assert.deepEqual(
      frames.slice(3, -2).map(({ type, summary_index: index }) => `${asString(type)} ${Number(index)}`),
      [
        "response.reasoning_summary_part.added 0",
        "response.reasoning_summary_text.delta 0",
        "response.reasoning_summary_text.done 0",
        "response.reasoning_summary_part.done 0",
        "response.reasoning_summary_part.added 1",
        "response.reasoning_summary_text.delta 1",
        "response.reasoning_summary_text.done 1",
        "response.reasoning_summary_part.done 1",
      ],
    );
    const [item] = finalOutput(frames);
    assert.equal(item?.["encrypted_content"], sealOpaque(signature));
    assert.deepEqual(item?.["summary"], [
      { type: "summary_text", text: "one" },
      { type: "summary_text", text: "two" },
    ]);
  });

  test("raw reasoning is content of the item", () => {
    const [item] = output(block(0, { type: "reasoning", summary: [], raw: ["hmm"] }));
    assert.deepEqual(item?.["content"], [{ type: "reasoning_text", text: "hmm" }]);
  });

  test("OpenAI's own encrypted content goes back bare, under the item's own id", () => {
    const value = JSON.stringify({ id: "rs_own", type: "reasoning", encrypted_content: "gAAA", summary: [] });
    const opaque: Opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning", value };
    const [item] = output(block(0, { type: "reasoning", summary: [], itemId: "rs_own", opaque }));
    assert.deepEqual([item?.["id"], item?.["encrypted_content"]], ["rs_own", "gAAA"]);
  });

  test("signatures of calls and texts come back to what they signed, in the next request", () => {
    const blocks: Block[] = [
      { type: "text", text: "Looking.", signature: thought },
      {
        type: "tool-call",
        id: "c1",
        name: "f",
        kind: "function",
        argumentsText: "{}",
        signature: { ...thought, value: "second" },
      },
      { type: "tool-call", id: "c2", name: "f", kind: "function", argumentsText: "{}" },
    ];
    const late = blocks.flatMap((each, index) => withLateSignature(index, each));
    const early = blocks.flatMap((each, index) => block(index, each));
    for (const events of [early, late]) {
      const input = [{ role: "user", content: "Hi" }, ...output(events)];
      const request = openaiResponses.client.readRequest(requestOf({ model: "m", input }));
      assert.ok(request.ok);
      const read = request.value.turns[1]?.blocks ?? [];
      assert.deepEqual(
        read.map(({ type, signature: found }) => [type, found?.value]),
        [
          ["text", "CiQB"],
          ["tool-call", "second"],
          ["tool-call", undefined],
        ],
      );
    }
  });
});

describe("other vendors' tools and pictures", () => {
  test("a web search is shown as one, its results are not", () => {
    const native = { dialect: "anthropic-messages" as const, value: {} };
    const frames = encode([
      {
        type: "block-start",
        candidate: 0,
        block: 0,
        kind: "server-tool",
        initial: { type: "server-tool", phase: "call", tool: "web_search", id: "srvtoolu_1", native },
      },
      { type: "arguments-delta", candidate: 0, block: 0, text: '{"query":"dragoman"}' },
      { type: "block-stop", candidate: 0, block: 0 },
      ...block(1, { type: "server-tool", phase: "result", tool: "web_search", id: "srvtoolu_1", native }),
    ]);
    const [item, ...others] = finalOutput(frames);
    assert.deepEqual(
      [item?.["type"], item?.["status"], item?.["action"]],
      ["web_search_call", "completed", { type: "search", query: "dragoman" }],
    );
    assert.equal(others.length, 0);
  });

  test("a picture is a result of the image tool", () => {
    const [item] = output(
      block(0, { type: "media", kind: "image", source: { by: "base64", data: "AAAA" }, mimeType: "image/png" }),
    );
    assert.deepEqual([item?.["type"], item?.["result"]], ["image_generation_call", "AAAA"]);
  });
});
