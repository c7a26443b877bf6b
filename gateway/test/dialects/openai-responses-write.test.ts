import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { CanonicalRequest, Effort } from "../../src/canonical/request.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { modelFacts, nearestEffort, type ModelFacts } from "../../src/dialects/openai-responses/models.ts";
import { writeRequest } from "../../src/dialects/openai-responses/write-request.ts";
import type { WireRequest } from "../../src/dialects/wire-request.ts";
import { asArray, asObject, asString, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Result } from "../../src/lib/result.ts";
import { messagesRequest } from "../support/anthropic-messages.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { geminiRequest } from "../support/gemini.ts";
import { chatRequest } from "../support/openai-chat.ts";
import { requestOf } from "../support/openai-responses.ts";
import { seededRandom, type Random } from "../support/random.ts";
import { brokenRules } from "../support/responses-rules.ts";

type Source = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";

const wires: Record<Source, (body: JsonObject) => WireRequest> = {
  "openai-chat": (body) => chatRequest({ model: "m", messages: [{ role: "user", content: "Hi" }], ...body }),
  "openai-responses": (body) => requestOf({ model: "m", input: "Hi", ...body }),
  "anthropic-messages": (body) =>
    messagesRequest({ model: "m", max_tokens: 100, messages: [{ role: "user", content: "Hi" }], ...body }),
  gemini: (body) =>
    geminiRequest({ contents: [{ role: "user", parts: [{ text: "Hi" }] }], ...body }, "generateContent"),
};

function read(source: Source, body: JsonObject): CanonicalRequest {
  const request = dialects[source].client.readRequest(wires[source](body));
  assert.ok(request.ok, request.ok ? "" : request.error.message);
  return request.value;
}

function target(model: string, more: Partial<WriteOptions> = {}): WriteOptions {
  return { issuer: "openai", kind: "openai", model, traits: {}, ...more };
}

function write(source: Source, body: JsonObject, options: WriteOptions = target("gpt-5.6-sol")): WrittenRequest {
  const written = writeRequest(read(source, body), options);
  assert.ok(written.ok, written.ok ? "" : written.error.message);
  return written.value;
}

function refusal(source: Source, body: JsonObject): Failure {
  const written = writeRequest(read(source, body), target("gpt-5"));
  assert.ok(!written.ok, "was written");
  return written.error;
}

function said(losses: readonly Loss[]): string[] {
  return losses.map(({ path, reason }) => `${reason} ${path}`);
}

function inputOf(written: WrittenRequest): JsonObject[] {
  return (asArray(written.body["input"]) ?? []).map((item): JsonObject => asObject(item) ?? {});
}

const tool = { type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } };

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

describe("messages", () => {
  test("roles: developer where the model knows it, else system", () => {
    const body = {
      messages: [
        { role: "system", content: "a" },
        { role: "developer", content: "b" },
        { role: "user", content: "c" },
        { role: "system", content: "d" },
      ],
    };
    const roles = (model: string) => inputOf(write("openai-chat", body, target(model))).map(({ role }) => role);
    assert.deepEqual(roles("gpt-5"), ["developer", "developer", "user", "developer"]);
    assert.deepEqual(roles("qwen3"), ["system", "system", "user", "system"]);
  });

  test("an answer is one message, its calls are items, nothing has an id", () => {
    const written = write("openai-chat", {
      tools: [tool],
      messages: [
        { role: "user", content: "2+2, 3+3?" },
        {
          role: "assistant",
          content: "Let me see.",
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "add", arguments: '{ "n":  12345678901234567890 }' } },
            { id: "call_2", type: "custom", custom: { name: "raw", input: "*** x" } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "4" },
        { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "6" }] },
      ],
    });
    assert.deepEqual(inputOf(written), [
      { type: "message", role: "user", content: [{ type: "input_text", text: "2+2, 3+3?" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Let me see." }] },
      { type: "function_call", call_id: "call_1", name: "add", arguments: '{ "n":  12345678901234567890 }' },
      { type: "custom_tool_call", call_id: "call_2", name: "raw", input: "*** x" },
      { type: "function_call_output", call_id: "call_1", output: "4" },
      { type: "custom_tool_call_output", call_id: "call_2", output: "6" },
    ]);
    assert.deepEqual(written.losses, []);
  });

  test("a long call id is shortened the same way in the call and its output (83 characters)", () => {
    const id = `call_${"x".repeat(78)}`;
    const items = inputOf(
      write("openai-chat", {
        messages: [
          { role: "user", content: "?" },
          { role: "assistant", tool_calls: [{ id, type: "function", function: { name: "add", arguments: "{}" } }] },
          { role: "tool", tool_call_id: id, content: "4" },
        ],
      }),
    );
    const [call, output] = [asString(items[1]?.["call_id"]) ?? "", items[2]?.["call_id"]];
    assert.ok(call.length > 0 && call.length <= 64);
    assert.equal(output, call);
  });

  test("results: errors, pictures, several texts, nothing", () => {
    const uses = ["a", "b", "c", "d"].map((id) => ({ type: "tool_use", id, name: "add", input: {} }));
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: uses },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "a", content: "no such file", is_error: true },
            { type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "seen" }, image] },
            {
              type: "tool_result",
              tool_use_id: "c",
              content: [
                { type: "text", text: "x" },
                { type: "text", text: "y" },
              ],
            },
            { type: "tool_result", tool_use_id: "d" },
            { type: "text", text: "Go on." },
          ],
        },
      ],
    });
    const items = inputOf(written).slice(5);
    assert.deepEqual(
      items.slice(0, 4).map(({ output }) => output),
      [
        "[tool error] no such file",
        [
          { type: "input_text", text: "seen" },
          { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" },
        ],
        [
          { type: "input_text", text: "x" },
          { type: "input_text", text: "y" },
        ],
        "",
      ],
    );
    assert.deepEqual(items[4], { type: "message", role: "user", content: [{ type: "input_text", text: "Go on." }] });
    assert.deepEqual(said(written.losses), ["emulated turns[2].blocks[0].isError"]);
  });

  test("a call that nobody answered is answered before the conversation goes on", () => {
    const written = write("openai-responses", {
      input: [
        { role: "user", content: "?" },
        { type: "function_call", call_id: "c", name: "add", arguments: "{}" },
        { type: "apply_patch_call", id: "apc_1", call_id: "p", status: "completed", operation: {} },
        { role: "user", content: "Never mind." },
      ],
    });
    assert.deepEqual(inputOf(written).slice(3, 5), [
      { type: "function_call_output", call_id: "c", output: "[tool error] [no result recorded]", name: "add" },
      { type: "apply_patch_call_output", call_id: "p", status: "failed", output: "[no result recorded]" },
    ]);
  });

  test("media: pictures, documents, texts", () => {
    const written = write("anthropic-messages", {
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "url", url: "https://x/y.png" } },
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
              title: "Report",
            },
            { type: "document", source: { type: "url", url: "https://x/y.pdf" } },
            { type: "document", source: { type: "text", media_type: "text/plain", data: "Once." }, title: "Tale" },
            { type: "search_result", source: "https://s", title: "S", content: [{ type: "text", text: "found" }] },
          ],
        },
      ],
    });
    assert.deepEqual(inputOf(written)[0]?.["content"], [
      { type: "input_image", image_url: "https://x/y.png" },
      { type: "input_file", filename: "Report", file_data: "data:application/pdf;base64,JVBERi0=" },
      { type: "input_file", file_url: "https://x/y.pdf" },
      { type: "input_text", text: "Document: Tale\n\nOnce." },
      { type: "input_text", text: "Search result: S\nSource: https://s\n\nfound" },
    ]);
    assert.deepEqual(said(written.losses), ["emulated turns[0].blocks[3]", "emulated turns[0].blocks[4]"]);
  });

  test("a picture of an answer is shown by the user", () => {
    const part = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
    const contents = [{ parts: [{ text: "Draw" }] }, { role: "model", parts: [part] }, { parts: [{ text: "Bluer" }] }];
    const written = write("gemini", { contents });
    assert.deepEqual(
      inputOf(written).map(({ role }) => role),
      ["user", "user", "user"],
    );
    assert.match(JSON.stringify(inputOf(written)[1]), /assistant's answer contained this image.*iVBORw0KGgo=/);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[0]"]);
  });

  test("a picture comes between an answer and its reasoning: what led to nothing else stays out", () => {
    const item = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
    const opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
    const thought = { thought: true, text: "Hm", thoughtSignature: btoa(sealOpaque(opaque)) };
    const picture = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
    const contents = [{ parts: [{ text: "Draw" }] }, { role: "model", parts: [thought, picture, { text: "There." }] }];
    const written = write("gemini", { contents });
    assert.deepEqual(brokenRules(written.body), []);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[1]", "repaired turns[1].blocks[0]"]);
  });

  test("Chat's files stay files, names of speakers have no place, a refusal is one", () => {
    const file = { type: "file", file: { filename: "a.csv", file_data: "data:text/csv;base64,YSxi" } };
    const written = write("openai-chat", {
      messages: [
        { role: "user", name: "ann", content: [file] },
        { role: "assistant", content: null, refusal: "No." },
        { role: "user", content: "" },
      ],
    });
    assert.deepEqual(inputOf(written), [
      {
        type: "message",
        role: "user",
        content: [{ type: "input_file", filename: "a.csv", file_data: "data:text/csv;base64,YSxi" }],
      },
      { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "" }] },
    ]);
    assert.deepEqual(said(written.losses), ["unsupported turns[0].name"]);
  });

  test("another vendor's server tool is told in words", () => {
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "?" },
        {
          role: "assistant",
          content: [
            { type: "server_tool_use", id: "s", name: "web_search", input: { query: "cats" } },
            {
              type: "web_search_tool_result",
              tool_use_id: "s",
              content: [{ type: "web_search_result", url: "https://c", title: "C", encrypted_content: "SECRET" }],
            },
            { type: "text", text: "Cats." },
          ],
        },
      ],
    });
    assert.deepEqual(inputOf(written)[1]?.["content"], [
      { type: "output_text", text: 'Searched the web for "cats".' },
      { type: "output_text", text: "- C — https://c" },
      { type: "output_text", text: "Cats." },
    ]);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[0]", "emulated turns[1].blocks[1]"]);
  });

  test("cache marks: breakpoints where the model knows them, one loss where it does not", () => {
    const mark = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } });
    const body = {
      system: [{ type: "text", text: "s", ...mark("1h") }],
      messages: [
        { role: "user", content: [{ type: "text", text: "u", ...mark("5m") }] },
        { role: "assistant", content: [{ type: "tool_use", id: "a", name: "add", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "4", ...mark() }] },
      ],
    };
    const written = write("anthropic-messages", body);
    const marks = [...JSON.stringify(written.body).matchAll(/"prompt_cache_breakpoint":(\{[^}]*\})/g)].map(
      (found) => found[1],
    );
    assert.deepEqual(marks, ['{"mode":"explicit","ttl":"12h"}', '{"mode":"explicit"}', '{"mode":"explicit"}']);
    assert.deepEqual(written.losses, []);
    const older = write("anthropic-messages", body, target("gpt-5"));
    assert.doesNotMatch(JSON.stringify(older.body), /breakpoint/);
    assert.deepEqual(said(older.losses), ["unsupported cache"]);
    assert.equal(inputOf(older).at(-1)?.["output"], "4");
  });
});

describe("reasoning in the history", () => {
  const item = {
    type: "reasoning",
    id: "rs_1",
    summary: [{ type: "summary_text", text: "Hm" }],
    encrypted_content: "gAAA",
  };
  const value = { issuer: { provider: "my-openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
  const answered = (signature: string) => ({
    messages: [
      { role: "user", content: "?" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm", signature },
          { type: "tool_use", id: "a", name: "add", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "4" }] },
    ],
  });

  test("its issuer gets the item verbatim, right before what it led to", () => {
    const written = write("anthropic-messages", answered(sealOpaque(value)), target("gpt-5", { issuer: "my-openai" }));
    assert.deepEqual(inputOf(written).slice(1, 3), [
      item,
      { type: "function_call", call_id: "a", name: "add", arguments: "{}" },
    ]);
    assert.deepEqual(written.losses, []);
  });

  const others: readonly (readonly [string, string])[] = [
    ["another provider's item", sealOpaque({ ...value, issuer: { provider: "elsewhere" } })],
    ["Anthropic's own signature", "EqQBCg"],
    ["a value that is no item", sealOpaque({ ...value, value: "nonsense" })],
  ];
  for (const [what, signature] of others) {
    test(`${what} is left out, and so is its text`, () => {
      const written = write("anthropic-messages", answered(signature), target("gpt-5", { issuer: "my-openai" }));
      assert.doesNotMatch(JSON.stringify(written.body), /Hm|reasoning_text|"type":"reasoning"/);
      assert.deepEqual(said(written.losses), ["opaque-not-portable turns[1].blocks[0]"]);
    });
  }

  test("reasoning that led to nothing is refused by the API, so it stays out", () => {
    const native = { input: [{ role: "user", content: "?" }, item, { role: "user", content: "Well?" }, item] };
    const written = write("openai-responses", native);
    assert.doesNotMatch(JSON.stringify(written.body), /rs_1/);
    assert.deepEqual(said(written.losses), ["repaired turns[1].blocks[0]", "repaired turns[3].blocks[0]"]);
  });

  test("reasoning at the end of one phase belongs to the next", () => {
    const input = [
      { role: "user", content: "?" },
      { type: "message", role: "assistant", phase: "commentary", content: [{ type: "output_text", text: "Looking" }] },
      item,
      { type: "message", role: "assistant", phase: "final_answer", content: [{ type: "output_text", text: "4" }] },
    ];
    const written = write("openai-responses", { input });
    assert.deepEqual(inputOf(written).slice(1), input.slice(1));
    assert.deepEqual(written.losses, []);
  });

  test("item ids stay with their reasoning and go without it", () => {
    const message = { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "4" }] };
    const user = { type: "message", role: "user", content: [{ type: "input_text", text: "?" }] };
    const { id: _id, ...bare } = message;
    const together = write("openai-responses", { input: [user, item, message] });
    assert.deepEqual(inputOf(together), [user, item, message]);
    assert.deepEqual(together.losses, []);
    const alone = write("openai-responses", { input: [user, message] });
    assert.deepEqual(inputOf(alone), [user, bare]);
    assert.deepEqual(said(alone.losses), ["repaired turns[1].blocks[0].id"]);
    const unkept = write("openai-responses", { input: [user, item, message], store: false });
    assert.deepEqual(inputOf(unkept), [user, item, bare]);
  });
});

describe("tools", () => {
  const schema = { type: "object", properties: { a: { type: "string" }, b: { type: "number" } }, required: ["a"] };
  const strictSchema = { ...schema, required: ["a", "b"], additionalProperties: false };
  const rows: readonly (readonly [string, Source, JsonObject, JsonObject, readonly string[]])[] = [
    [
      "Chat without `strict` is not strict here",
      "openai-chat",
      { type: "function", function: { name: "f", description: "d", parameters: schema } },
      { type: "function", name: "f", description: "d", parameters: schema, strict: false },
      [],
    ],
    [
      "Chat's strict",
      "openai-chat",
      { type: "function", function: { name: "f", parameters: strictSchema, strict: true } },
      { type: "function", name: "f", parameters: strictSchema, strict: true },
      [],
    ],
    [
      "no schema",
      "openai-chat",
      { type: "function", function: { name: "f" } },
      { type: "function", name: "f", parameters: { type: "object", properties: {} }, strict: false },
      [],
    ],
    [
      "Anthropic's strict with an optional property",
      "anthropic-messages",
      {
        name: "f",
        input_schema: { ...schema, additionalProperties: false },
        strict: true,
        eager_input_streaming: true,
      },
      { type: "function", name: "f", parameters: { ...schema, additionalProperties: false }, strict: false },
      ["clamped tools[0].strict"],
    ],
    [
      "a tool to be searched for",
      "anthropic-messages",
      {
        name: "f",
        input_schema: schema,
        defer_loading: true,
        input_examples: [{ a: "x" }],
        cache_control: { type: "ephemeral" },
      },
      { type: "function", name: "f", parameters: schema, strict: false },
      ["unsupported tools[0].examples", "emulated tools[0].deferLoading", "unsupported cache"],
    ],
    [
      "a custom tool with a grammar",
      "openai-chat",
      {
        type: "custom",
        custom: { name: "c", format: { type: "grammar", grammar: { syntax: "lark", definition: "start: A" } } },
      },
      { type: "custom", name: "c", format: { type: "grammar", syntax: "lark", definition: "start: A" } },
      [],
    ],
    [
      "Anthropic's search",
      "anthropic-messages",
      {
        type: "web_search_20250305",
        name: "web_search",
        max_uses: 5,
        allowed_domains: ["x.org"],
        user_location: { type: "approximate", city: "Rome" },
      },
      {
        type: "web_search",
        filters: { allowed_domains: ["x.org"] },
        user_location: { city: "Rome", type: "approximate" },
      },
      ["unsupported tools[0].max_uses"],
    ],
  ];
  for (const [what, source, declared, expected, losses] of rows) {
    test(what, () => {
      const written = write(source, { tools: [declared] });
      assert.deepEqual(written.body["tools"], [expected]);
      assert.deepEqual(said(written.losses), losses);
    });
  }

  test("Chat's and Google's search, Google's code", () => {
    const chat = write("openai-chat", {
      web_search_options: {
        search_context_size: "low",
        user_location: { type: "approximate", approximate: { city: "Rome" } },
      },
    });
    assert.deepEqual(chat.body["tools"], [
      { type: "web_search", search_context_size: "low", user_location: { city: "Rome", type: "approximate" } },
    ]);
    const google = write("gemini", { tools: [{ googleSearch: {} }, { codeExecution: {} }, { googleMaps: {} }] });
    assert.deepEqual(google.body["tools"], [
      { type: "web_search" },
      { type: "code_interpreter", container: { type: "auto" } },
    ]);
    assert.deepEqual(said(google.losses), ["unsupported tools[2]"]);
  });

  const choices: readonly (readonly [Source, JsonObject, Json])[] = [
    ["openai-chat", { tool_choice: "required" }, "required"],
    [
      "openai-chat",
      { tool_choice: { type: "function", function: { name: "add" } } },
      { type: "function", name: "add" },
    ],
    [
      "openai-chat",
      {
        tool_choice: {
          type: "allowed_tools",
          allowed_tools: { mode: "auto", tools: [{ type: "function", function: { name: "add" } }] },
        },
      },
      { type: "allowed_tools", mode: "auto", tools: [{ type: "function", name: "add" }] },
    ],
  ];
  for (const [source, body, expected] of choices) {
    test(`tool_choice ${JSON.stringify(expected)}`, () => {
      assert.deepEqual(write(source, { tools: [tool], ...body }).body["tool_choice"], expected);
    });
  }

  test("a forced search and calls one by one", () => {
    const written = write("anthropic-messages", {
      tools: [{ type: "web_search_20250305", name: "web_search" }],
      tool_choice: { type: "tool", name: "web_search", disable_parallel_tool_use: true },
    });
    assert.deepEqual(written.body["tool_choice"], { type: "web_search" });
    assert.equal(written.body["parallel_tool_calls"], false);
  });

  test("names that the API does not take are bent and restored", () => {
    const written = write("gemini", {
      tools: [{ functionDeclarations: [{ name: "my.tool" }, { name: "my:tool" }] }],
      toolConfig: { functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["my.tool"] } },
      contents: [
        { parts: [{ text: "?" }] },
        { role: "model", parts: [{ functionCall: { name: "my.tool", args: {} } }] },
        { parts: [{ functionResponse: { name: "my.tool", response: { output: "4" } } }] },
      ],
    });
    const [first, second] = (asArray(written.body["tools"]) ?? []).map(
      (each) => asString(asObject(each)?.["name"]) ?? "",
    );
    assert.ok(first !== undefined && second !== undefined && first !== second);
    assert.match(first, /^[\w-]{1,64}$/);
    assert.equal(inputOf(written)[1]?.["name"], first);
    assert.deepEqual(written.body["tool_choice"], { type: "function", name: first });
    assert.equal(written.restore?.tools?.get(first)?.name, "my.tool");
    assert.equal(written.restore?.tools?.get(second)?.name, "my:tool");
  });

  test("effort and tools that Anthropic changes on the way", () => {
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "system",
          content: [{ type: "tool_addition", tool: { name: "late", input_schema: { type: "object" } } }],
          output_config: { effort: "max" },
        },
      ],
    });
    assert.deepEqual(inputOf(written).slice(1), [
      { type: "configuration_update", reasoning: { effort: "max" } },
      {
        type: "additional_tools",
        role: "developer",
        tools: [{ type: "function", name: "late", parameters: { type: "object" }, strict: false }],
      },
    ]);
  });
});

const sources: readonly Source[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

function recorded(source: Source): { readonly name: string; readonly request: CanonicalRequest }[] {
  return fixtures(source).flatMap((fixture) => {
    const request = readRecorded(source, fixture);
    return request?.ok === true ? [{ name: fixture.name, request: request.value }] : [];
  });
}

function readRecorded(source: Source, { request }: Fixture): Result<CanonicalRequest, Failure> | undefined {
  const body = asObject(request?.body);
  return body === undefined ? undefined : dialects[source].client.readRequest(wires[source](body));
}

/** Recorded requests that this API cannot be asked. */
const unwritable: { readonly [name: string]: RegExp } = {
  "openai-chat/openai-plain-n2": /`n` is 2/,
  "openai-chat/openai-status-401": /`n` is 2/,
  "openai-chat/openai-stream-n2": /`n` is 2/,
  "openai-chat/openai-stream-n2-tools": /`n` is 2/,
};

describe("recorded requests", () => {
  for (const source of sources) {
    for (const { name, request } of recorded(source)) {
      test(`${source}: ${name}`, () => {
        for (const model of ["gpt-5.6-sol", "gpt-4o"]) {
          const written = writeRequest(request, target(model));
          const expected = unwritable[`${source}/${name}`];
          if (expected !== undefined) {
            assert.match(written.ok ? "" : written.error.message, expected);
            return;
          }
          assert.ok(written.ok, written.ok ? "" : written.error.message);
          if (source !== "openai-responses") assert.deepEqual(brokenRules(written.value.body), []);
          assert.deepEqual(silentlyLost(request, written.value), []);
          assert.equal(JSON.stringify(writeRequest(request, target(model))), JSON.stringify(written));
        }
      });
    }
  }
});

/** Blocks and tools whose content is neither in the body nor named by a loss. */
function silentlyLost(request: CanonicalRequest, { body, losses, restore }: WrittenRequest): string[] {
  const text = JSON.stringify(body);
  const told = (path: string) => losses.some((loss) => loss.path === path || loss.path.startsWith(`${path}.`));
  const has = (content: string) => text.includes(JSON.stringify(content).slice(1, -1));
  const lost = request.turns.flatMap((turn, index) =>
    turn.blocks.flatMap((block, position) => {
      const path = `turns[${index}].blocks[${position}]`;
      return told(path) || contents(block).every(has) ? [] : [path];
    }),
  );
  const sent = new Map([...(restore?.tools ?? [])].map(([as, { name }]) => [name, as]));
  const tools = request.tools.flatMap((each, index) => {
    const name = each.type === "builtin" ? undefined : (sent.get(each.name) ?? each.name);
    return told(`tools[${index}]`) || name === undefined || has(name) ? [] : [`tools[${index}]`];
  });
  const instructions = request.instructions.flatMap((each) => (has(each.text) ? [] : [each.text]));
  return [...lost, ...tools, ...instructions];
}

function contents(block: Block): string[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return [block.text];
    case "tool-call":
      return block.kind === "builtin" ? [] : [block.argumentsText];
    case "tool-result":
      return block.kind === "builtin" ? [] : block.content.flatMap(contents);
    case "media":
      return block.source.by === "base64" ? [block.source.data] : block.source.by === "url" ? [block.source.url] : [];
    case "reasoning":
      return [
        asString(asObject(parseJson(block.opaque?.value ?? ""))?.["encrypted_content"]) ?? block.raw?.join("") ?? "",
      ];
    case "server-tool":
    case "search-result":
    case "code":
    case "compaction":
    case "opaque":
      return [];
  }
}

describe("this format's own requests", () => {
  for (const { name, request } of recorded("openai-responses")) {
    test(`${name} reads the same after it was written`, () => {
      const written = writeRequest(request, target(request.model));
      assert.ok(written.ok);
      const again = dialects["openai-responses"].client.readRequest(requestOf(written.value.body));
      assert.ok(again.ok);
      assert.deepEqual(withoutLost(again.value), withoutLost(request));
      assert.deepEqual(
        written.value.losses.filter(({ reason }) => reason !== "repaired"),
        [],
      );
    });
  }

  test("a conversation of every kind of item", () => {
    const body = {
      model: "gpt-5.6-sol",
      instructions: "Be brief.",
      input: [
        {
          type: "message",
          role: "developer",
          content: [{ type: "input_text", text: "d", prompt_cache_breakpoint: { mode: "explicit" } }],
        },
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" },
            { type: "input_file", file_id: "file-1" },
          ],
        },
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" },
        { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: "*** Begin" },
        { type: "custom_tool_call_output", call_id: "c1", output: "ok" },
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
        {
          type: "message",
          role: "assistant",
          content: [
            { type: "output_text", text: "So" },
            { type: "refusal", refusal: "no" },
          ],
          phase: "commentary",
        },
        {
          type: "local_shell_call",
          id: "lsh_1",
          call_id: "c2",
          action: { type: "exec", command: ["ls"] },
          status: "completed",
        },
        { type: "local_shell_call_output", id: "c2", output: "x" },
        { type: "compaction", id: "cmp_1", encrypted_content: "x" },
        { type: "configuration_update", reasoning: { effort: "low" }, text: { format: { type: "text" } } },
        {
          type: "additional_tools",
          role: "developer",
          tools: [{ type: "function", name: "late", parameters: null, strict: null }],
        },
        { type: "message", role: "user", content: [{ type: "input_text", text: "On." }] },
      ],
      tools: [
        { type: "function", name: "f", parameters: { type: "object" } },
        {
          type: "namespace",
          name: "ns",
          description: "A space.",
          tools: [
            { type: "function", name: "f", parameters: { type: "object" }, strict: true, defer_loading: true },
            { type: "custom", name: "g" },
          ],
        },
        { type: "web_search_preview", search_context_size: "low" },
        { type: "mcp", server_label: "s", server_url: "https://s", require_approval: "never" },
      ],
      tool_choice: { type: "web_search_preview" },
      parallel_tool_calls: true,
      reasoning: { effort: "minimal", summary: null },
      text: { format: { type: "text" }, verbosity: "low" },
      max_output_tokens: 5,
      temperature: 0.2,
      top_logprobs: 3,
      prompt_cache_key: "k",
      prompt_cache_options: { mode: "explicit", ttl: "12h" },
      metadata: { a: "b" },
      service_tier: "flex",
      max_tool_calls: 3,
      previous_response_id: "resp_1",
      store: true,
      background: false,
      context_management: [{ type: "compaction", compact_threshold: 1000 }],
      include: ["web_search_call.results"],
      truncation: "auto",
      prompt: { id: "pmpt_1" },
    };
    const written = write("openai-responses", body, target("gpt-5.6-sol"));
    assert.deepEqual(written.body, body);
    assert.deepEqual(written.losses, []);
    assert.equal(written.restore, undefined);
  });

  test("results of calls that the provider has kept are left alone", () => {
    const output = { type: "function_call_output", call_id: "c", output: "4" };
    const written = write("openai-responses", { input: [output], previous_response_id: "resp_1" });
    assert.deepEqual(inputOf(written), [output]);
    assert.deepEqual(written.losses, []);
  });

  test("a call whose result may come later is not answered for the client", () => {
    const call = { type: "function_call", call_id: "c", name: "f", arguments: "{}", async: true };
    const user = { type: "message", role: "user", content: [{ type: "input_text", text: "Meanwhile?" }] };
    assert.deepEqual(inputOf(write("openai-responses", { input: [call, user] })), [call, user]);
  });

  test("ids of ours and Claude's reasoning do not go to OpenAI", () => {
    const opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature" as const, value: "EqQB" };
    const foreign = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: sealOpaque(opaque) };
    const message = { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "4" }] };
    const written = write("openai-responses", { input: [{ role: "user", content: "?" }, foreign, message] });
    assert.doesNotMatch(JSON.stringify(written.body), /dg1|rs_1|msg_1/);
    assert.deepEqual(said(written.losses), [
      "opaque-not-portable turns[1].blocks[0]",
      "repaired turns[1].blocks[1].id",
    ]);
  });
});

/** Ids that went with a `repaired` loss are not compared, and neither is where an item stood among the others. */
function withoutLost(request: CanonicalRequest): Json {
  return JSON.parse(
    JSON.stringify(request, (key, value: unknown) =>
      key === "boundary" || key === "itemId" || key === "id" ? undefined : value,
    ),
  );
}

describe("models", () => {
  const rows: readonly (readonly [string, Effort, Effort, ModelFacts["samples"], boolean])[] = [
    ["gpt-4o-2024-08-06", "low", "low", "always", false],
    ["gpt-4.1-mini", "low", "low", "always", false],
    ["gpt-5-chat-latest", "low", "low", "always", false],
    ["gpt-5-mini", "none", "minimal", "never", false],
    ["openai/gpt-5-nano", "max", "high", "never", false],
    ["gpt-5-pro", "low", "high", "never", false],
    ["gpt-5.1", "minimal", "low", "without-reasoning", false],
    ["gpt-5.1-codex-max", "max", "xhigh", "never", false],
    ["gpt-5.2-chat-latest", "high", "medium", "never", false],
    ["gpt-5.4-mini", "none", "none", "without-reasoning", false],
    ["gpt-5.5-2026-04-23", "max", "xhigh", "without-reasoning", false],
    ["gpt-5.6-luna", "max", "max", "without-reasoning", true],
    ["gpt-5.10", "max", "max", "without-reasoning", true],
    ["gpt-6.1-sol", "minimal", "low", "without-reasoning", true],
    ["o3-mini", "none", "low", "never", false],
    ["o4-mini-deep-research", "high", "medium", "never", false],
    ["openai.gpt-oss-20b", "xhigh", "high", "always", false],
    ["grok-4", "max", "max", "always", false],
  ];
  for (const [model, asked, sent, samples, marks] of rows) {
    test(`${model}: ${asked} is ${sent}`, () => {
      const facts = modelFacts(model);
      assert.deepEqual([nearestEffort(facts, asked), facts.samples, facts.cacheBreakpoints], [sent, samples, marks]);
    });
  }
});

/** Turns of Anthropic's, in order: calls answered in any order, twice or not at all, reasoning of ours and of others, instructions. */
function conversation(random: Random): JsonObject[] {
  const chance = (share: number) => random.next() < share;
  const item = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
  const opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
  const messages: JsonObject[] = [{ role: "user", content: "Hi" }];
  for (let count = 0; count < 4; count += 1) {
    const ids = [`t${count}`, random.pick(["same", `u.${count}`]), "x".repeat(80)].slice(0, random.below(4));
    const thinking = { type: "thinking", thinking: "", signature: random.pick([sealOpaque(opaque), "EqQB"]) };
    messages.push({
      role: "assistant",
      content: [
        ...(chance(0.5) ? [thinking] : []),
        ...(chance(0.5) ? [{ type: "text", text: "Well" }] : []),
        ...ids.map((id) => ({ type: "tool_use", id, name: "f", input: {} })),
      ],
    });
    const results = ids.flatMap((id) => (chance(0.8) ? [{ type: "tool_result", tool_use_id: id, content: id }] : []));
    const more = [
      ...results.slice(chance(0.2) ? 0 : results.length),
      ...(chance(0.2) ? [{ type: "tool_result", tool_use_id: "lost" }] : []),
    ];
    const text = chance(0.5) ? [{ type: "text", text: "And" }] : [];
    messages.push({ role: "user", content: [...(chance(0.2) ? text : []), ...results.toReversed(), ...more, ...text] });
    if (chance(0.2)) messages.push({ role: "system", content: "Mind this." });
  }
  return messages;
}

describe("a growing conversation", () => {
  test("made up of anything: sound, and always the beginning of what comes next", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 150; round += 1) {
      const messages = conversation(random);
      let before: JsonObject[] = [];
      for (let length = 1; length <= messages.length; length += 1) {
        const written = write("anthropic-messages", { messages: messages.slice(0, length), tools: [{ name: "f" }] });
        const items = inputOf(written);
        assert.deepEqual(items.slice(0, before.length), before, `round ${round}, message ${length}`);
        assert.deepEqual(brokenRules(written.body), [], `round ${round}, message ${length}`);
        before = items;
      }
    }
  });

  for (const source of sources) {
    test(`${source}: what was sent is sent again, with more behind it`, () => {
      let compared = 0;
      for (const { name, request } of recorded(source)) {
        for (let length = 1; length < request.turns.length; length += 1) {
          if (request.turns[length]?.role === "assistant" && request.turns[length - 1]?.role === "assistant") continue;
          const short = writeRequest({ ...request, turns: request.turns.slice(0, length) }, target("gpt-5.6-sol"));
          const long = writeRequest({ ...request, turns: request.turns.slice(0, length + 1) }, target("gpt-5.6-sol"));
          if (!short.ok || !long.ok) continue;
          const [before, after] = [inputOf(short.value), inputOf(long.value)];
          assert.deepEqual(after.slice(0, before.length), before, `${name}, turn ${length}`);
          compared += 1;
        }
      }
      assert.ok(compared > 0);
    });
  }
});
