import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { writeRequest } from "../../src/dialects/bedrock-converse/write-request.ts";
import { asArray, asObject, asString, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  chat,
  CLAUDE,
  KIMI,
  lossesOf,
  messages,
  messagesOf,
  NOVA,
  optionsFor,
  shape,
} from "../support/converse-write.ts";
import { readBody } from "../support/requests.ts";

const HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0";
const OPUS_4_6 = "us.anthropic.claude-opus-4-6-v1";
const LLAMA = "us.meta.llama4-maverick-17b-instruct-v1:0";
const GPT_OSS = "openai.gpt-oss-120b-1:0";

const user = (content: Json): Json => ({ role: "user", content });
const assistant = (content: Json): Json => ({ role: "assistant", content });
const call = (id: string, name = "f", args = "{}"): Json => ({
  role: "assistant",
  content: null,
  tool_calls: [{ id, type: "function", function: { name, arguments: args } }],
});
const result = (id: string, content: Json = "done"): Json => ({ role: "tool", tool_call_id: id, content });
const f: Json = { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } };
const config = ({ body }: { readonly body: JsonObject }) => body["inferenceConfig"];
const fields = ({ body }: { readonly body: JsonObject }) => body["additionalModelRequestFields"];
const choice = ({ body }: { readonly body: JsonObject }) => asObject(body["toolConfig"])?.["toolChoice"];

describe("settings", () => {
  test("limits and sampling in inferenceConfig, what only some models know beside it", () => {
    const written = messages({ max_tokens: 100, temperature: 0.5, top_k: 5, stop_sequences: ["X", "\n"] }, HAIKU_3);
    assert.deepEqual(config(written), { maxTokens: 100, temperature: 0.5, stopSequences: ["X"] });
    assert.deepEqual(fields(written), { top_k: 5 });
    assert.deepEqual(written.body["additionalModelResponseFieldPaths"], ["/stop_sequence"]);
    assert.deepEqual(written.restore?.stop, ["\n"]);
    assert.deepEqual(fields(messages({ top_k: 5 }, NOVA)), { inferenceConfig: { topK: 5 } });
    assert.deepEqual(lossesOf(messages({ top_k: 5 }, KIMI)), ["unsupported sampling.topK"]);
  });

  test("a temperature of the other scale is lowered to the highest there is", () => {
    const written = chat({ temperature: 1.5, top_p: 0.9 }, KIMI);
    assert.deepEqual(config(written), { temperature: 1, topP: 0.9 });
    assert.deepEqual(lossesOf(written), ["clamped sampling.temperature"]);
  });

  test("nobody's limit is named where the client named none: it would be taken off the quota", () => {
    assert.equal(config(chat({})), undefined);
  });

  const settings: readonly (readonly [string, JsonObject, string, JsonObject, readonly string[]])[] = [
    ["a tier", { service_tier: "flex" }, KIMI, { serviceTier: { type: "flex" } }, []],
    [
      "a tier by another name",
      { service_tier: "scale" },
      KIMI,
      { serviceTier: { type: "priority" } },
      ["clamped tier"],
    ],
    ["metadata", { metadata: { team: "a b" } }, KIMI, { requestMetadata: { team: "a b" } }, []],
    [
      "metadata of other characters",
      { metadata: { team: "日" } },
      KIMI,
      { requestMetadata: { team: "_" } },
      ["clamped identity.metadata"],
    ],
  ];
  for (const [name, asked, model, expected, losses] of settings) {
    test(name, () => {
      const written = chat(asked, model);
      for (const [key, value] of Object.entries(expected)) assert.deepEqual(written.body[key], value);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("what has no counterpart is told", () => {
    const written = chat(
      { seed: 1, logprobs: true, logit_bias: { "1": 2 }, presence_penalty: 1, n: 2, user: "u" },
      KIMI,
    );
    assert.deepEqual(lossesOf(written).sort(), [
      "unsupported identity.endUser",
      "unsupported sampling.candidates",
      "unsupported sampling.logitBias",
      "unsupported sampling.logprobs",
      "unsupported sampling.presencePenalty",
      "unsupported sampling.seed",
    ]);
  });

  test("betas that Bedrock knows go along; any other would refuse the whole request", () => {
    const betas = "interleaved-thinking-2025-05-14,claude-code-20250219";
    const body = { model: "m", max_tokens: 100, messages: [user("a")] };
    const request = readBody("anthropic-messages", body, { headers: { "anthropic-beta": betas } });
    assert.ok(request !== undefined);
    const written = writeRequest(request, optionsFor(CLAUDE));
    assert.ok(written.ok);
    assert.deepEqual(fields(written.value), { anthropic_beta: ["interleaved-thinking-2025-05-14"] });
    assert.deepEqual(written.value.losses, [
      { path: "headers.betas", reason: "unsupported", detail: "claude-code-20250219" },
    ]);
  });

  test("a stream is asked for in AWS's framing", () => {
    assert.equal(chat({ stream: true }).headers["accept"], "application/vnd.amazon.eventstream");
    assert.equal(chat({}).headers["accept"], "application/json");
  });
});

describe("reasoning", () => {
  const rows: readonly (readonly [
    string,
    string,
    JsonObject,
    JsonObject | undefined,
    Json | undefined,
    readonly string[],
  ])[] = [
    [
      "adaptive, with an effort",
      OPUS_4_6,
      { reasoning_effort: "high" },
      { thinking: { type: "adaptive", display: "summarized" }, output_config: { effort: "high" } },
      undefined,
      [],
    ],
    [
      "a budget, and room for the answer",
      CLAUDE,
      { reasoning_effort: "low" },
      { thinking: { type: "enabled", budget_tokens: 4096, display: "summarized" } },
      { maxTokens: 12_288 },
      ["emulated reasoning.effort"],
    ],
    [
      "a budget within the client's limit",
      CLAUDE,
      { reasoning_effort: "low", max_completion_tokens: 4000 },
      { thinking: { type: "enabled", budget_tokens: 2976, display: "summarized" } },
      { maxTokens: 4000 },
      ["emulated reasoning.effort"],
    ],
    ["off", CLAUDE, { reasoning_effort: "none" }, { thinking: { type: "disabled" } }, undefined, []],
    [
      "Nova 2",
      NOVA,
      { reasoning_effort: "medium", temperature: 0.2 },
      { reasoningConfig: { type: "enabled", maxReasoningEffort: "medium" } },
      { temperature: 0.2 },
      [],
    ],
    [
      "Nova 2 at its highest",
      NOVA,
      { reasoning_effort: "high", temperature: 0.2, max_completion_tokens: 99 },
      { reasoningConfig: { type: "enabled", maxReasoningEffort: "high" } },
      undefined,
      ["unsupported sampling.maxTokens", "unsupported sampling.temperature"],
    ],
    [
      "gpt-oss",
      GPT_OSS,
      { reasoning_effort: "xhigh" },
      { reasoning_effort: "high" },
      undefined,
      ["clamped reasoning.effort"],
    ],
    ["Qwen", "qwen.qwen3-32b-v1:0", { reasoning_effort: "low" }, { reasoning_config: "low" }, undefined, []],
    ["a model without a setting", KIMI, { reasoning_effort: "low" }, undefined, undefined, ["unsupported reasoning"]],
  ];
  for (const [name, model, asked, expected, inference, losses] of rows) {
    test(name, () => {
      const written = chat(asked, model);
      assert.deepEqual(fields(written), expected);
      assert.deepEqual(config(written), inference);
      assert.deepEqual(lossesOf(written), losses);
    });
  }

  test("a call without the thoughts before it cannot be thought on from by budget", () => {
    const body = { messages: [user("a"), call("t1"), result("t1")], tools: [f], reasoning_effort: "low" };
    const written = chat(body);
    assert.equal(fields(written), undefined);
    assert.deepEqual(lossesOf(written), ["emulated reasoning.effort", "clamped reasoning"]);
    assert.deepEqual(asObject(fields(chat(body, OPUS_4_6)))?.["thinking"], { type: "adaptive", display: "summarized" });
  });
});

describe("structured output", () => {
  const schema = {
    type: "object",
    properties: { n: { type: "integer" } },
    required: ["n"],
    additionalProperties: false,
  };
  const asked = { response_format: { type: "json_schema", json_schema: { name: "my answer", schema } } };

  test("is the API's own, as text, where the model has it", () => {
    for (const model of [CLAUDE, KIMI]) {
      const written = chat(asked, model);
      const jsonSchema = { name: "my_answer", schema: JSON.stringify(schema) };
      assert.deepEqual(written.body["outputConfig"], {
        textFormat: { type: "json_schema", structure: { jsonSchema } },
      });
      assert.deepEqual(lossesOf(written), []);
    }
  });

  test("is a forced tool where it has not", () => {
    const written = chat(asked, NOVA);
    assert.deepEqual(choice(written), { tool: { name: "json_output" } });
    assert.equal(written.restore?.jsonTool, "json_output");
    assert.deepEqual(lossesOf(written), ["emulated output.format"]);
    assert.deepEqual(choice(chat({ ...asked, tools: [f] }, NOVA)), { any: {} });
  });

  test("is said in words where it can be neither", () => {
    const { body, restore } = chat(asked, LLAMA);
    assert.match(
      asString(asObject(asArray(body["system"])?.at(-1))?.["text"]) ?? "",
      /conforms to this JSON Schema:\n\{"type":"object"/,
    );
    assert.equal(restore, undefined);
    const any = chat({ response_format: { type: "json_object" } }, CLAUDE);
    assert.deepEqual(any.body["system"], [
      { text: "Respond with a single JSON object and nothing else." },
      { cachePoint: { type: "default" } },
    ]);
  });

  test("is a forced tool everywhere if the configuration says so", () => {
    const written = chat(asked, CLAUDE, { traits: { structuredOutput: "tool" } });
    assert.deepEqual(choice(written), { tool: { name: "json_output" } });
  });
});

describe("cache points", () => {
  const mark = { type: "ephemeral" };
  const points = (written: { readonly body: JsonObject }) =>
    JSON.stringify(written.body).split('"cachePoint"').length - 1;

  test("stand where a client's marks do", () => {
    const system = [{ type: "text", text: "s", cache_control: mark }];
    const written = messages({
      system,
      messages: [user([{ type: "text", text: "a", cache_control: { ...mark, ttl: "1h" } }])],
    });
    assert.deepEqual(written.body["system"], [{ text: "s" }, { cachePoint: { type: "default" } }]);
    // What lives for an hour cannot stand behind what does not.
    assert.deepEqual(messagesOf(written)[0]?.["content"], [{ text: "a" }, { cachePoint: { type: "default" } }]);
    assert.deepEqual(lossesOf(written), ["clamped cache"]);
  });

  test("are at most four, the last ones", () => {
    const blocks = ["a", "b", "c", "d", "e", "f"].map((text) => ({ type: "text", text, cache_control: mark }));
    const written = messages({ messages: [user(blocks)] });
    assert.deepEqual(shape(written), [
      "user: text text text cachePoint text cachePoint text cachePoint text cachePoint",
    ]);
    assert.deepEqual(lossesOf(written), ["clamped cache"]);
  });

  test("are lost on models that have none", () => {
    const written = messages({ system: [{ type: "text", text: "s", cache_control: mark }] }, KIMI);
    assert.equal(points(written), 0);
    assert.deepEqual(lossesOf(written), ["unsupported instructions[0].cache"]);
  });

  test("are set for OpenAI's clients of Claude models, who are used to caching", () => {
    const body = { messages: [{ role: "system", content: "s" }, user("a"), assistant("b"), user("c")] };
    assert.equal(points(chat(body)), 2);
    assert.equal(points(chat(body, HAIKU_3)), 0);
    assert.equal(points(chat(body, NOVA)), 0);
    assert.equal(points(messages({ messages: [user("a")] })), 0);
  });
});
