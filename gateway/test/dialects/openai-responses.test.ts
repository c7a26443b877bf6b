import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "../support/corpus.ts";
import { requestOf } from "../support/openai-responses.ts";

const { client } = openaiResponses;

describe("the head", () => {
  test("what routing needs", () => {
    const head = client.readHead(
      requestOf({
        model: "gpt-5",
        input: "Hi",
        stream: true,
        max_output_tokens: 500,
        prompt_cache_key: "session-1",
        user: "u",
      }),
    );
    assert.deepEqual(head.ok && head.value, {
      model: "gpt-5",
      stream: true,
      maxTokens: 500,
      candidates: 1,
      includeUsage: true,
      sessionKey: "session-1",
    });
  });

  test("defaults: no stream, no model, the user as session", () => {
    const head = client.readHead(requestOf({ input: [], user: "u", stream: null }));
    assert.deepEqual(head.ok && head.value, {
      model: "",
      stream: false,
      candidates: 1,
      includeUsage: true,
      sessionKey: "u",
    });
  });

  test("a conversation may come from elsewhere than `input`", () => {
    const elsewhere: readonly JsonObject[] = [
      { prompt: { id: "pmpt_1" } },
      { previous_response_id: "resp_1" },
      { conversation: "conv_1" },
      { input: null, previous_response_id: "resp_1" },
    ];
    for (const body of elsewhere)
      assert.ok(client.readHead(requestOf({ model: "m", ...body })).ok, JSON.stringify(body));
  });

  const refused: readonly (readonly [JsonObject, string, string])[] = [
    [{ model: "m" }, "missing_parameter", "input"],
    [{ model: "m", input: null }, "missing_parameter", "input"],
    [{ model: "m", previous_response_id: null }, "missing_parameter", "input"],
    [{ model: "m", input: 5 }, "invalid_parameter", "input"],
    [{ model: "m", input: {} }, "invalid_parameter", "input"],
    [{ model: 5, input: "Hi" }, "invalid_parameter", "model"],
    [{ model: "m", input: "Hi", stream: "yes" }, "invalid_parameter", "stream"],
  ];
  for (const [body, code, param] of refused) {
    test(`${JSON.stringify(body)} is refused`, () => {
      const head = client.readHead(requestOf(body));
      assert.deepEqual(head.ok ? [] : [head.error.code, head.error.param], [code, param]);
    });
  }
});

describe("the echo", () => {
  test("absent settings have the API's defaults", () => {
    assert.deepEqual(client.readEcho(requestOf({ model: "m", input: "Hi" })), {
      background: false,
      instructions: null,
      max_output_tokens: null,
      max_tool_calls: null,
      metadata: {},
      parallel_tool_calls: true,
      previous_response_id: null,
      prompt_cache_key: null,
      reasoning: { effort: null, summary: null },
      safety_identifier: null,
      service_tier: "auto",
      store: true,
      temperature: 1,
      text: { format: { type: "text" } },
      tool_choice: "auto",
      tools: [],
      top_logprobs: 0,
      top_p: 1,
      truncation: "disabled",
      user: null,
    });
  });

  test("settings are repeated, objects completed, values of another type not believed", () => {
    const echo = client.readEcho(
      requestOf({
        input: "Hi",
        text: { verbosity: "low" },
        reasoning: { effort: "high" },
        store: false,
        tools: "none",
        temperature: null,
      }),
    );
    assert.deepEqual(echo["text"], { format: { type: "text" }, verbosity: "low" });
    assert.deepEqual(echo["reasoning"], { effort: "high", summary: null });
    assert.equal(echo["store"], false);
    assert.deepEqual(echo["tools"], []);
    assert.equal(echo["temperature"], 1);
  });

  test("tools declared inside the input are remembered", () => {
    const tools = [{ type: "namespace", name: "functions", tools: [{ type: "custom", name: "exec" }] }];
    const input = [{ type: "additional_tools", role: "developer", tools }];
    assert.deepEqual(client.readEcho(requestOf({ input }))["additional_tools"], tools);
  });
});

describe("requests: settings", () => {
  test("every setting has its canonical place", () => {
    const request = read({
      stream: true,
      max_output_tokens: 9,
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 3,
      include: ["reasoning.encrypted_content"],
      parallel_tool_calls: false,
      max_tool_calls: 4,
      reasoning: { effort: "low", summary: "auto", context: "all_turns" },
      text: { verbosity: "low", format: { type: "json_schema", name: "n", schema: { type: "object" }, strict: null } },
      prompt_cache_key: "k",
      prompt_cache_options: { mode: "explicit", ttl: "30m", prewarm: true },
      user: "u",
      safety_identifier: "s",
      metadata: { a: "b", c: 5 },
      service_tier: "priority",
      store: false,
      previous_response_id: "resp_1",
      client_metadata: { session_id: "x" },
      truncation: null,
    });
    assert.equal(request.stream, true);
    assert.deepEqual(request.sampling, {
      maxTokens: 9,
      temperature: 0.5,
      temperatureMax: 2,
      topP: 0.9,
      logprobs: { top: 3 },
    });
    assert.deepEqual(request.reasoning, {
      mode: "default",
      effort: "low",
      visible: "auto",
      openai: { context: "all_turns" },
    });
    assert.deepEqual(request.output, {
      verbosity: "low",
      format: { type: "json-schema", name: "n", schema: { type: "object" }, strict: null },
    });
    assert.deepEqual(request.cache, { key: "k", mode: "explicit", ttl: "30m", prewarm: true });
    assert.deepEqual(request.identity, { endUser: "u", safetyId: "s", metadata: { a: "b" } });
    assert.equal(request.tier, "priority");
    assert.deepEqual(request.state, { previousResponseId: "resp_1", store: false });
    assert.equal(request.parallelToolCalls, false);
    assert.equal(request.maxToolCalls, 4);
    assert.deepEqual(request.include, ["reasoning.encrypted_content"]);
    assert.deepEqual(request.extras, { "openai-responses": { client_metadata: { session_id: "x" } } });
  });

  test("effort none switches reasoning off, a null summary hides it", () => {
    assert.deepEqual(read({ reasoning: { effort: "none", summary: null } }).reasoning, {
      mode: "off",
      effort: "none",
      visible: "none",
    });
    assert.deepEqual(read({}).reasoning, { mode: "default" });
  });
});

describe("recorded requests are read", () => {
  for (const { name, request } of fixtures("openai-responses")) {
    if (request === null || typeof request.body !== "object") continue;
    test(name, () => {
      const wire = requestOf(request.body as JsonObject);
      assert.ok(client.readHead(wire).ok);
      const read = client.readRequest(wire);
      assert.ok(read.ok);
      assert.ok(read.value.turns.length > 0);
    });
  }
});

function read(body: JsonObject): CanonicalRequest {
  const request = client.readRequest(requestOf({ model: "m", input: "Hi", ...body }));
  if (!request.ok) throw new Error(request.error.message);
  return request.value;
}
