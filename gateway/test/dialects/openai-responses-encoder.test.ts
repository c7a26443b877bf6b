import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { failure, failureCodes, type FailureCode } from "../../src/canonical/failure.ts";
import type { CanonicalResponse, Finish } from "../../src/canonical/response.ts";
import { unfold } from "../../src/canonical/unfold.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { asArray, asObject, asString, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixture } from "../support/corpus.ts";
import { encodeEvents, framesOf, payloadsOf, requestOf, responsesClient } from "../support/openai-responses.ts";

const start: CanonicalEvent = { type: "start", id: "msg_01ABC", model: "claude-sonnet-4-6", createdAt: 7 };
const codex = responsesClient({ agent: "codex" });

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

describe("endings", () => {
  const rows: readonly (readonly [Finish, ClientContext["agent"], string, string, Json])[] = [
    [{ reason: "stop", native: "" }, "other", "response.completed", "completed", null],
    [{ reason: "length", native: "" }, "other", "response.incomplete", "incomplete", "max_output_tokens"],
    [{ reason: "content-filter", native: "" }, "other", "response.incomplete", "incomplete", "content_filter"],
    [{ reason: "refusal", native: "" }, "other", "response.incomplete", "incomplete", "content_filter"],
    [{ reason: "cancelled", native: "" }, "other", "response.incomplete", "cancelled", null],
    [{ reason: "malformed-tool-call", native: "MALFORMED" }, "other", "response.failed", "failed", null],
    [{ reason: "pause", native: "" }, "other", "response.completed", "completed", null],
    // Codex asks six times in all when it sees anything else.
    [{ reason: "length", native: "" }, "codex", "response.completed", "incomplete", "max_output_tokens"],
    [{ reason: "content-filter", native: "" }, "codex", "response.failed", "failed", null],
  ];
  for (const [of, agent, type, status, reason] of rows) {
    test(`${of.reason} for ${agent}`, () => {
      const last = encode(block(0, { type: "text", text: "x" }), of, responsesClient({ agent })).at(-1);
      const response = asObject(last?.["response"]);
      assert.deepEqual(
        [last?.["type"], response?.["status"], asObject(response?.["incomplete_details"])?.["reason"] ?? null],
        [type, status, reason],
      );
    });
  }

  test("an unfinished text is marked as such", () => {
    const [item] = output(block(0, { type: "text", text: "x" }), { reason: "length", native: "" });
    assert.equal(item?.["status"], "incomplete");
  });

  test("a refusal that only its explanation tells is said as a refusal", () => {
    const frames = encode([], { reason: "refusal", native: "refusal", refusal: { explanation: "Not this." } });
    assert.equal(frames.at(-1)?.["type"], "response.completed");
    assert.deepEqual(finalOutput(frames)[0]?.["content"], [{ type: "refusal", refusal: "Not this." }]);
  });

  test("nothing follows a terminal", () => {
    const encoder = openaiResponses.client.encoder(responsesClient());
    for (const event of [start, ...finish({ reason: "stop", native: "" })]) encoder.write(event);
    assert.equal(encoder.write({ type: "ping" }), "");
    assert.equal(encoder.failure(failure("internal", "late")), undefined);
  });
});

describe("failures in the stream", () => {
  const codes: readonly (readonly [FailureCode, ClientContext["agent"], string])[] = [
    ["provider_rate_limited", "other", "rate_limit_exceeded"],
    ["context_length_exceeded", "other", "context_length_exceeded"],
    ["provider_quota_exhausted", "other", "insufficient_quota"],
    ["content_policy_violation", "other", "invalid_prompt"],
    ["provider_overloaded", "other", "server_error"],
    ["provider_overloaded", "codex", "server_is_overloaded"],
    ["provider_interrupted", "codex", "server_error"],
  ];
  for (const [code, agent, written] of codes) {
    test(`${code} is ${written} for ${agent}`, () => {
      const encoder = openaiResponses.client.encoder(responsesClient({ agent }));
      encoder.write(start);
      const [frame] = framesOf(encoder.failure(failure(code, "It broke.", { retryAfterMs: 2500 })) ?? "");
      const error = asObject(asObject(frame?.["response"])?.["error"]);
      assert.deepEqual([frame?.["type"], frame?.["sequence_number"], error?.["code"]], ["response.failed", 2, written]);
      const ending = failureCodes[code] === "rate-limit" ? "It broke. Please try again in 2.5s." : "It broke.";
      assert.equal(error?.["message"], ending);
    });
  }

  test("before the response began a failure is an error event", () => {
    const [frame] = framesOf(
      encodeEvents([{ type: "error", failure: failure("internal", "It broke.", { param: "input" }) }]),
    );
    assert.deepEqual(frame, {
      type: "error",
      sequence_number: 0,
      code: "server_error",
      message: "It broke.",
      param: "input",
    });
  });
});

describe("keep-alives", () => {
  test("an event for Codex while its response is open, a comment otherwise", () => {
    const event = 'event: keepalive\ndata: {"type":"keepalive"}\n\n';
    const encoder = openaiResponses.client.encoder(codex);
    assert.match(encoder.keepAlive(), /^:/);
    encoder.write(start);
    assert.equal(encoder.keepAlive(), event);
    assert.equal(encoder.write({ type: "ping" }), event);
    const plain = openaiResponses.client.encoder(responsesClient());
    plain.write(start);
    assert.match(plain.keepAlive(), /^:[^\n]*\n\n$/);
  });
});

describe("following a verbatim stream", () => {
  const payloads = payloadsOf(fixture("openai-responses", "stream-reasoning-summary").response.body);

  test("a failure goes on counting in the stream's own name", () => {
    const follower = openaiResponses.client.follower(codex);
    assert.match(follower.keepAlive(), /^:/);
    for (const payload of payloads.slice(0, 20)) follower.observe(payload);
    assert.match(follower.keepAlive(), /^event: keepalive/);
    const [frame] = framesOf(follower.failure(failure("provider_interrupted", "It broke off.")) ?? "");
    const response = asObject(frame?.["response"]);
    const created = asObject(asObject(JSON.parse(payloads[0]?.data ?? ""))?.["response"]);
    assert.deepEqual([frame?.["type"], frame?.["sequence_number"]], ["response.failed", 20]);
    assert.deepEqual(
      [response?.["id"], response?.["model"], response?.["created_at"]],
      [created?.["id"], created?.["model"], created?.["created_at"]],
    );
    assert.equal(asObject(response?.["error"])?.["message"], "It broke off.");
  });

  test("a provider's own form of id is kept, because the client has seen it", () => {
    const follower = openaiResponses.client.follower(codex);
    for (const payload of payloadsOf(fixture("openai-responses", "xai-stream-web-search").response.body).slice(0, 3))
      follower.observe(payload);
    const [frame] = framesOf(follower.failure(failure("internal", "x")) ?? "");
    assert.doesNotMatch(asString(asObject(frame?.["response"])?.["id"]) ?? "resp_", /^resp_/);
  });

  test("before anything was seen a failure is an error event, and after the terminal there is none", () => {
    const [frame] = framesOf(openaiResponses.client.follower(codex).failure(failure("internal", "x")) ?? "");
    assert.equal(frame?.["type"], "error");
    const follower = openaiResponses.client.follower(codex);
    for (const payload of payloads) follower.observe(payload);
    assert.equal(follower.failure(failure("internal", "x")), undefined);
    assert.match(follower.keepAlive(), /^:/);
  });

  test("streams without event names or numbers are followed as well", () => {
    const follower = openaiResponses.client.follower(codex);
    follower.observe({
      event: "",
      data: '{"type":"response.created","response":{"id":"resp_1","model":"m","created_at":1}}',
    });
    const text = JSON.stringify({
      type: "response.output_text.delta",
      delta: '"sequence_number": 99, {"type":"error"}',
    });
    follower.observe({ event: "", data: text });
    const [frame] = framesOf(follower.failure(failure("internal", "x")) ?? "");
    assert.deepEqual([frame?.["type"], frame?.["sequence_number"]], ["response.failed", 2]);
    const ended = openaiResponses.client.follower(codex);
    ended.observe({ event: "", data: '{"sequence_number":4,"type":"response.completed","response":{"id":"resp_1"}}' });
    assert.equal(ended.failure(failure("internal", "x")), undefined);
  });
});

describe("errors for agents", () => {
  const context = (agent: ClientContext["agent"]) => ({ agent, requestId: "req_1", framing: "sse" as const });

  test("Codex is told when a limit resets, and stops asking", () => {
    const budget = {
      ...failure("provider_quota_exhausted", "The budget is used up."),
      class: "budget" as const,
      retryAfterMs: 60_500,
    };
    const forCodex = openaiResponses.client.writeError(budget, context("codex"));
    assert.equal(forCodex.status, 429);
    const error = asObject(forCodex.body["error"]);
    assert.deepEqual([error?.["type"], error?.["resets_in_seconds"]], ["usage_limit_reached", 61]);
    const forSdk = openaiResponses.client.writeError(budget, context("other"));
    assert.equal(asObject(forSdk.body["error"])?.["code"], "insufficient_quota");
  });

  test("a model that a key may not use is not found for Codex, forbidden for SDKs", () => {
    const of = failure("model_not_allowed", "Choose another model.");
    assert.equal(openaiResponses.client.writeError(of, context("codex")).status, 404);
    assert.equal(openaiResponses.client.writeError(of, context("other")).status, 403);
  });

  test("a bad key stays a 401", () => {
    assert.equal(
      openaiResponses.client.writeError(failure("invalid_gateway_key", "No."), context("codex")).status,
      401,
    );
  });
});

describe("plain answers", () => {
  test("members of the provider's response that have no canonical name are kept for its own format", () => {
    const response: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [{ type: "text", text: "x" }], finish: { reason: "stop", native: "" } }],
      losses: [],
      extras: { "openai-responses": { tool_usage: { web_search: { num_requests: 1 } } } },
    };
    const written = openaiResponses.client.writeResponse(response, responsesClient());
    assert.deepEqual(written["tool_usage"], { web_search: { num_requests: 1 } });
    assert.equal(written["usage"], null);
  });

  test("a background response that is still queued stays queued", () => {
    const queued: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [], finish: { reason: "other", native: "queued" } }],
      losses: [],
      extras: {},
    };
    assert.equal(openaiResponses.client.writeResponse(queued, responsesClient())["status"], "queued");
  });

  test("an answer that failed says why", () => {
    const failed: CanonicalResponse = {
      id: "resp_1",
      model: "m",
      createdAt: 1,
      candidates: [{ index: 0, blocks: [], finish: { reason: "error", native: "X", message: "Broken." } }],
      losses: [],
      extras: {},
    };
    const written = openaiResponses.client.writeResponse(failed, responsesClient());
    assert.deepEqual([written["status"], written["error"]], ["failed", { code: "server_error", message: "Broken." }]);
  });
});

/** The events of one block, as `unfold` writes them. */
function block(index: number, whole: Block): CanonicalEvent[] {
  const response: CanonicalResponse = {
    id: "",
    model: "",
    createdAt: 0,
    candidates: [{ index: 0, blocks: [whole], finish: { reason: "stop", native: "" } }],
    losses: [],
    extras: {},
  };
  return unfold(response).flatMap((event) => ("block" in event ? [{ ...event, block: index }] : []));
}

/** The same, with the signature after everything else. */
function withLateSignature(index: number, whole: Block): CanonicalEvent[] {
  const { signature, ...unsigned } = whole;
  const events = block(index, unsigned);
  const value: CanonicalEvent[] =
    signature === undefined ? [] : [{ type: "opaque", candidate: 0, block: index, value: signature }];
  return [...events.slice(0, -1), ...value, ...events.slice(-1)];
}

function finish(of: Finish): CanonicalEvent[] {
  return [{ type: "finish", candidate: 0, finish: of }, { type: "end" }];
}

function encode(
  events: readonly CanonicalEvent[],
  of: Finish = { reason: "stop", native: "" },
  client = responsesClient(),
): JsonObject[] {
  return framesOf(encodeEvents([start, ...events, ...finish(of)], client));
}

function output(events: readonly CanonicalEvent[], of?: Finish, client?: ClientContext): JsonObject[] {
  return finalOutput(encode(events, of, client));
}

function finalOutput(frames: readonly JsonObject[]): JsonObject[] {
  const items = asArray(asObject(frames.at(-1)?.["response"])?.["output"]) ?? [];
  return items.flatMap((item) => {
    const object = asObject(item);
    return object === undefined ? [] : [object];
  });
}
