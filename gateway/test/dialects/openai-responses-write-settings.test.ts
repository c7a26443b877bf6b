import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asString, type JsonObject } from "../../src/lib/json.ts";
import { inputOf, refusal, said, target, write, type Source } from "../support/responses-write.ts";

describe("settings", () => {
  const sealed = { store: false, include: ["reasoning.encrypted_content"] };
  type Row = readonly [
    what: string,
    source: Source,
    body: JsonObject,
    model: string,
    expected: JsonObject,
    losses: readonly string[],
  ];
  const rows: readonly Row[] = [
    ["nothing", "openai-chat", {}, "gpt-5.6-sol", sealed, []],
    [
      "nothing is kept though Chat asks for it",
      "openai-chat",
      { store: true },
      "gpt-5",
      sealed,
      ["unsupported state.store"],
    ],
    ["a stream", "openai-chat", { stream: true }, "gpt-5", { ...sealed, stream: true }, []],
    ["models without reasoning", "openai-chat", {}, "gpt-4o", { store: false }, []],
    [
      "sampling",
      "openai-chat",
      { temperature: 0.3, top_p: 0.9, max_tokens: 50, logprobs: true, top_logprobs: 2 },
      "gpt-4o-mini",
      {
        max_output_tokens: 50,
        temperature: 0.3,
        top_p: 0.9,
        top_logprobs: 2,
        store: false,
        include: ["message.output_text.logprobs"],
      },
      [],
    ],
    [
      "sampling of a reasoning model",
      "openai-chat",
      { temperature: 0.3, top_p: 0.9, logprobs: true },
      "gpt-5",
      sealed,
      ["unsupported sampling.temperature", "unsupported sampling.topP", "unsupported sampling.logprobs"],
    ],
    ["a temperature that is every reasoning model's", "openai-chat", { temperature: 1, top_p: 1 }, "gpt-5", sealed, []],
    [
      "sampling of a model that was told not to reason",
      "openai-chat",
      { temperature: 0.3, reasoning_effort: "none" },
      "gpt-5.6-sol",
      { ...sealed, reasoning: { effort: "none" }, temperature: 0.3 },
      [],
    ],
    [
      "sampling of a model that rests by default",
      "openai-chat",
      { temperature: 0.3 },
      "gpt-5.1",
      { ...sealed, temperature: 0.3 },
      [],
    ],
    [
      "what has no name",
      "openai-chat",
      {
        seed: 1,
        presence_penalty: 0.5,
        frequency_penalty: 0,
        logit_bias: { "1": 2 },
        top_k: 3,
        prediction: { type: "content", content: "x" },
        foo: 1,
      },
      "gpt-4o",
      { store: false },
      [
        "unsupported sampling.topK",
        "unsupported sampling.seed",
        "unsupported sampling.presencePenalty",
        "unsupported sampling.logitBias",
        "unsupported prediction",
        "unsupported extras.foo",
      ],
    ],
    [
      "few tokens",
      "anthropic-messages",
      { max_tokens: 1 },
      "gpt-4o",
      { max_output_tokens: 16, store: false },
      ["clamped sampling.maxTokens"],
    ],
    [
      "a cache to be filled",
      "anthropic-messages",
      { max_tokens: 0 },
      "gpt-5.6-sol",
      { ...sealed, prompt_cache_options: { prewarm: true } },
      [],
    ],
    [
      "Chat's effort",
      "openai-chat",
      { reasoning_effort: "high" },
      "gpt-5",
      { ...sealed, reasoning: { effort: "high", summary: "auto" } },
      [],
    ],
    [
      "an effort beyond the model's",
      "openai-chat",
      { reasoning_effort: "xhigh" },
      "gpt-5",
      { ...sealed, reasoning: { effort: "high", summary: "auto" } },
      ["clamped reasoning.effort"],
    ],
    [
      "an effort of a model that does not reason",
      "openai-chat",
      { reasoning_effort: "low" },
      "gpt-4o",
      { store: false },
      ["unsupported reasoning"],
    ],
    [
      "reasoning that is off where there is none",
      "openai-chat",
      { reasoning_effort: "none" },
      "gpt-4o",
      { store: false },
      [],
    ],
    [
      "a thinking budget",
      "anthropic-messages",
      { max_tokens: 20_000, thinking: { type: "enabled", budget_tokens: 10_000 } },
      "gpt-5",
      { ...sealed, max_output_tokens: 20_000, reasoning: { effort: "medium", summary: "auto" } },
      ["emulated reasoning.budgetTokens"],
    ],
    [
      "adaptive thinking that is not shown",
      "anthropic-messages",
      { thinking: { type: "adaptive", display: "omitted" } },
      "gpt-5",
      { ...sealed, max_output_tokens: 100 },
      [],
    ],
    [
      "thinking disabled on a model that always thinks",
      "anthropic-messages",
      { thinking: { type: "disabled" } },
      "o3",
      { ...sealed, max_output_tokens: 100, reasoning: { effort: "low" } },
      ["clamped reasoning.effort"],
    ],
    [
      "thinking between tools only",
      "anthropic-messages",
      { thinking: { type: "between_tools" } },
      "gpt-5.6-sol",
      { ...sealed, max_output_tokens: 100, reasoning: { effort: "none" } },
      ["clamped reasoning.mode"],
    ],
    [
      "Gemini's thoughts",
      "gemini",
      { generationConfig: { thinkingConfig: { thinkingLevel: "LOW", includeThoughts: true } } },
      "gpt-5",
      { ...sealed, reasoning: { effort: "low", summary: "auto" } },
      [],
    ],
    [
      "who asks",
      "openai-chat",
      { user: "u", safety_identifier: "s", metadata: { a: "b" }, service_tier: "flex", prompt_cache_key: "k" },
      "gpt-4o",
      {
        prompt_cache_key: "k",
        safety_identifier: "s",
        user: "u",
        metadata: { a: "b" },
        service_tier: "flex",
        store: false,
      },
      [],
    ],
    [
      "Anthropic's user and speed",
      "anthropic-messages",
      { metadata: { user_id: "u-1" }, speed: "fast" },
      "gpt-4o",
      { max_output_tokens: 100, safety_identifier: "u-1", service_tier: "fast", store: false },
      [],
    ],
    [
      "Google's settings",
      "gemini",
      {
        safetySettings: [{}],
        labels: { a: "b" },
        cachedContent: "c",
        generationConfig: { responseModalities: ["TEXT", "IMAGE"] },
      },
      "gpt-4o",
      { store: false },
      [
        "unsupported output.modalities",
        "unsupported cache.cachedContent",
        "unsupported identity.labels",
        "unsupported safety.settings",
      ],
    ],
    ["verbosity", "openai-chat", { verbosity: "low" }, "gpt-5", { ...sealed, text: { verbosity: "low" } }, []],
    [
      "verbosity of a model that has none",
      "openai-chat",
      { verbosity: "low" },
      "gpt-4o",
      { store: false },
      ["unsupported output.verbosity"],
    ],
    [
      "Chat's schema",
      "openai-chat",
      {
        response_format: {
          type: "json_schema",
          json_schema: { name: "n", schema: { type: "object" }, description: "d" },
        },
      },
      "gpt-4o",
      {
        text: { format: { type: "json_schema", name: "n", description: "d", schema: { type: "object" } } },
        store: false,
      },
      [],
    ],
    [
      "a schema without a name that is strict enough for OpenAI",
      "gemini",
      {
        generationConfig: {
          responseMimeType: "application/json",
          responseJsonSchema: {
            type: "object",
            title: "The city",
            properties: { a: { type: "string" } },
            required: ["a"],
            additionalProperties: false,
          },
        },
      },
      "gpt-4o",
      {
        text: {
          format: {
            type: "json_schema",
            name: "The_city",
            schema: {
              type: "object",
              title: "The city",
              properties: { a: { type: "string" } },
              required: ["a"],
              additionalProperties: false,
            },
            strict: true,
          },
        },
        store: false,
      },
      [],
    ],
    ["plain text", "openai-chat", { response_format: { type: "text" } }, "gpt-4o", { store: false }, []],
    [
      "no choice without tools",
      "openai-chat",
      { tool_choice: "auto", parallel_tool_calls: false },
      "gpt-4o",
      { store: false },
      [],
    ],
  ];
  for (const [what, source, body, model, expected, losses] of rows) {
    test(`${what} (${source} to ${model})`, () => {
      const written = write(source, body, target(model));
      const { model: sent, input: _input, ...rest } = written.body;
      assert.equal(sent, model);
      assert.deepEqual(
        rest,
        source === "anthropic-messages" && !("max_tokens" in body) ? { max_output_tokens: 100, ...expected } : expected,
      );
      assert.deepEqual(said(written.losses), losses);
    });
  }

  test("a stop sequence is left to whoever reads the answer", () => {
    const written = write("openai-chat", { stop: ["END", "STOP"] });
    assert.deepEqual(written.restore, { stop: ["END", "STOP"] });
    assert.deepEqual(said(written.losses), ["emulated sampling.stop"]);
    assert.equal("stop" in written.body, false);
  });

  test("a long user id is digested, and always to the same", () => {
    const body = { metadata: { user_id: "u".repeat(200) } };
    const id = asString(write("anthropic-messages", body).body["safety_identifier"]) ?? "";
    assert.match(id, /^user_[a-z0-9]{13}$/);
    assert.equal(write("anthropic-messages", body).body["safety_identifier"], id);
  });

  test("JSON is asked for where nothing else asks for it, and stays there when the conversation goes on", () => {
    const json = { response_format: { type: "json_object" } };
    const first = [{ role: "user", content: "Hi" }];
    const second = [...first, { role: "assistant", content: "{}" }, { role: "user", content: "as JSON" }];
    const short = write("openai-chat", { ...json, messages: first });
    const long = write("openai-chat", { ...json, messages: second });
    assert.match(JSON.stringify(inputOf(short)[0]), /JSON object/);
    assert.deepEqual(inputOf(long).slice(0, 2), inputOf(short));
    assert.deepEqual(said(short.losses), ["emulated output.format"]);
    const asked = write("openai-chat", { ...json, messages: [{ role: "user", content: "Give me json." }] });
    assert.equal(inputOf(asked).length, 1);
    assert.deepEqual(asked.losses, []);
  });

  test("an answer that is a list is asked for in words: this API would wrap it", () => {
    const schema = { type: "array", items: { type: "string" } };
    const generationConfig = { responseMimeType: "application/json", responseJsonSchema: schema };
    const written = write("gemini", { generationConfig });
    assert.equal(written.body["text"], undefined);
    assert.match(JSON.stringify(inputOf(written)[0]), /matches this JSON Schema.*array/);
    assert.deepEqual(said(written.losses), ["emulated output.format"]);
  });

  test("a property called `value` is no wrapping", () => {
    const schema = { type: "object", properties: { value: { type: "string" } }, required: ["value"] };
    const generationConfig = { responseMimeType: "application/json", responseJsonSchema: schema };
    assert.notEqual(write("gemini", { generationConfig }).body["text"], undefined);
  });

  test("keys that the provider refuses are left out", () => {
    const options = target("m", { traits: { dropKeys: ["store", "include"] } });
    assert.deepEqual(Object.keys(write("openai-chat", {}, options).body), ["model", "input"]);
  });
});

describe("what cannot be written", () => {
  const audio = { type: "input_audio", input_audio: { data: "AAAA", format: "wav" } };
  const uploaded = { type: "image", source: { type: "file", file_id: "file_1" } };
  const rows: readonly (readonly [string, Source, JsonObject, RegExp, string?])[] = [
    ["several answers", "openai-chat", { n: 2 }, /`n` is 2/, "n"],
    [
      "several candidates",
      "gemini",
      { generationConfig: { candidateCount: 3 } },
      /3 requests/,
      "generationConfig.candidateCount",
    ],
    ["audio", "openai-chat", { messages: [{ role: "user", content: [audio] }] }, /audio/],
    [
      "a video",
      "gemini",
      { contents: [{ parts: [{ fileData: { mimeType: "video/mp4", fileUri: "https://x/v.mp4" } }] }] },
      /video/,
    ],
    [
      "another provider's file",
      "anthropic-messages",
      { messages: [{ role: "user", content: [uploaded] }] },
      /uploaded/,
    ],
    [
      "a history that only its vendor can read",
      "anthropic-messages",
      { messages: [{ role: "assistant", content: [{ type: "compaction", content: null, encrypted_content: "x" }] }] },
      /compaction/,
    ],
  ];
  for (const [what, source, body, message, param] of rows) {
    test(what, () => {
      const error = refusal(source, body);
      assert.equal(error.code, "unsupported_parameter");
      assert.match(error.message, message);
      assert.equal(error.param, param);
    });
  }
});
