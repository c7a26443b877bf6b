import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { loadConfig } from "../../src/config/load.ts";
import { asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { ok } from "../../src/lib/result.ts";
import { providerKeys } from "../support/config.ts";
import { jsonAnswer } from "../support/memory-transport.ts";
import {
  at,
  chatChunk,
  DONE,
  geminiChunk,
  joined,
  messagesStream,
  modelOf,
  objects,
  pairsYaml,
  playPair,
  textBlock,
} from "../support/pairs.ts";
import { stage } from "../support/play.ts";
import { seededRandom } from "../support/random.ts";
import { clientDialectIds } from "../support/streams.ts";

/* Bugs that other gateways had, as rows that this one must pass: opaque state, caching, usage, errors, limits, configuration. */

/** Lessons about what this version does not have; each becomes a row with the feature. */
const notYet: readonly { readonly lesson: number; readonly about: string; readonly reason: string }[] = [
  {
    lesson: 22,
    about: "cache hits of one in N accounts",
    reason: "of several credentials the first is used: nothing is balanced yet",
  },
  { lesson: 31, about: "a backend that always says 503 is never left", reason: "providers have no health yet" },
  { lesson: 35, about: "a key locked at its parallel requests", reason: "keys have no limit of parallel requests yet" },
  {
    lesson: 36,
    about: "memory that grows until the process dies",
    reason: "a soak, not a test: the growth rows of npm run bench",
  },
  { lesson: 38, about: "logs that share the hot database", reason: "nothing is stored yet" },
  { lesson: 39, about: "budgets overspent by replicas", reason: "there are no budgets yet" },
];

const user = (content: Json): JsonObject => ({ role: "user", content });
const chatStream = [chatChunk({ content: "a" }, "stop"), DONE];
const tools: JsonObject[] = [
  { type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } },
];

describe("thinking, signatures and state", () => {
  test("lesson 12: thinking passes as the bytes it came in, also when the model is renamed", async () => {
    const history =
      '"messages":[{"role":"user","content":"go"},{"role":"assistant","content":[{"type":"thinking","thinking":"A\\u00e9 \\/ b","signature":"c2ln+\\/=="},{"type":"thinking","thinking":"C","signature":"eA=="},{"type":"text","text":"Yes."}]},{"role":"user","content":"more"}]';
    const yaml = `providers:\n  anthropic: { credential: "env::ANTHROPIC_API_KEY", models: [{ id: mine, upstream_id: claude-opus-5-5 }] }\n`;
    const { ask, upstream } = stage({ yaml, script: () => jsonAnswer({ type: "message", content: [], usage: {} }) });
    const headers = { "content-type": "application/json" };
    await ask({ target: "/v1/messages", headers, body: `{"model":"mine","max_tokens":9,${history}}` });
    assert.equal(upstream.calls[0]?.text, `{"model":"claude-opus-5-5","max_tokens":9,${history}}`);
  });

  test("lesson 13: foreign thinking is not replayed, and the header says so", async () => {
    const sealed = await playPair({
      from: "anthropic-messages",
      to: "gemini",
      stream: [
        geminiChunk([{ text: "Hm.", thought: true }]),
        geminiChunk([{ text: "Yes.", thoughtSignature: "bmF0aXZl" }], { finishReason: "STOP" }),
      ],
    });
    const blocks = sealed.frames.flatMap(({ content_block: block }) => (block === undefined ? [] : [block]));
    assert.ok(blocks.length > 0);
    const signature = sealed.frames.map(({ delta }) => joined([at(delta, "signature")])).join("");
    const content = [
      { type: "thinking", thinking: "Hm.", signature: signature === "" ? "Zm9yZWlnbg==" : signature },
      { type: "text", text: "Yes." },
    ];
    const request = { messages: [user("go"), { role: "assistant", content }, user("more")] };
    const message = { type: "message", id: "m", role: "assistant", content: [{ type: "output_text", text: "Hello" }] };
    const answer = { id: "resp_1", object: "response", status: "completed", output: [message] };
    const played = await playPair({ from: "anthropic-messages", to: "openai-responses", request, answer });
    assert.doesNotMatch(played.sentText, /"encrypted_content"|"signature"|bmF0aXZl|dg1\./);
    assert.match(String(played.reply.headers["x-dragoman-translation"]), /opaque=/);
  });

  test("lesson 14: a signature of one provider of the same vendor is not sent to another one", async () => {
    // As sealed for a Messages client by a provider named `one`.
    const value = Buffer.from("bmF0aXZl").toString("base64url");
    const signature = `dg1.gemini.thought-signature.one.${value}`;
    const content = [
      { type: "thinking", thinking: "Hm.", signature },
      { type: "tool_use", id: "toolu_1", name: "f", input: {} },
    ];
    const result = { type: "tool_result", tool_use_id: "toolu_1", content: "done" };
    const request = { messages: [user("go"), { role: "assistant", content }, user([result])] };
    const { sentText } = await playPair({ from: "anthropic-messages", to: "gemini", request, stream: [] });
    assert.doesNotMatch(sentText, /bmF0aXZl|dg1\./);
    assert.match(sentText, /skip_thought_signature_validator/);
  });

  test("lesson 15: Gemini's call has a signature on the second turn even where the client drops unknown fields", async () => {
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
    const request = {
      tools,
      messages: [
        user("go"),
        { role: "assistant", tool_calls: [call] },
        { role: "tool", tool_call_id: "call_1", content: "x" },
      ],
    };
    const { sent } = await playPair({ from: "openai-chat", to: "gemini", request, stream: [] });
    assert.ok(joined([at(sent["contents"], 1, "parts", 0, "thoughtSignature")]) !== "");
  });

  test("lesson 16: an error under a 200 is an error, in the provider's words", async () => {
    const error = { error: { message: "tool_calls do not match", code: 400, type: "invalid_request_error" } };
    for (const from of clientDialectIds) {
      const { reply } = await playPair({ from, to: "openai-chat", answer: error });
      assert.ok(reply.status >= 400, `${from}: ${reply.status}`);
      assert.match(reply.text, /tool_calls do not match/, from);
    }
  });

  test("lesson 17: DeepSeek gets its reasoning back as the text that it was", async () => {
    const yaml = `providers:\n  deepseek: { credential: "env::KEY", models: [deepseek-reasoner] }\n`;
    const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
    const message = { role: "assistant", content: "", reasoning_content: "Think hard.", tool_calls: [call] };
    const answer = { id: "c", model: "m", choices: [{ index: 0, message, finish_reason: "tool_calls" }] };
    const { ask, upstream } = stage({ yaml, environment: { KEY: "k" }, script: () => jsonAnswer(answer) });
    const declared = [{ name: "f", input_schema: { type: "object", properties: {} } }];
    const body = { model: "deepseek-reasoner", max_tokens: 9, tools: declared, messages: [user("go")] };
    const first = await ask({ target: "/v1/messages", body });
    const content = at(first.reply.json() as Json, "content") ?? [];
    const id = objects(content).find(({ type }) => type === "tool_use")?.["id"] ?? "";
    const result = { type: "tool_result", tool_use_id: id, content: "done" };
    const messages = [user("go"), { role: "assistant", content }, user([result])];
    await ask({ target: "/v1/messages", body: { ...body, messages } });
    const sent = asObject(upstream.calls[1]?.json);
    assert.equal(at(sent?.["messages"], 1, "reasoning_content"), "Think hard.");
  });

  test("lesson 18: state that lives at a provider is not silently forgotten", async () => {
    const { reply, record } = await playPair({
      from: "openai-responses",
      to: "anthropic-messages",
      request: { previous_response_id: "resp_1" },
      stream: messagesStream([textBlock("a")]),
    });
    assert.equal(reply.status, 400);
    assert.match(reply.text, /previous_response_id/);
    assert.equal(record.attempts.length, 0);
  });

  test("lesson 19: what depends on thinking goes with it", async () => {
    const request = {
      thinking: { type: "enabled", budget_tokens: 2000 },
      max_tokens: 4000,
      context_management: { edits: [{ type: "clear_thinking_20251015" }] },
    };
    for (const to of ["openai-chat", "gemini", "openai-responses"] as const) {
      const { sent, sentText } = await playPair({ from: "anthropic-messages", to, request, stream: [] });
      assert.equal(sent["context_management"], undefined, to);
      assert.doesNotMatch(sentText, /clear_thinking/, to);
    }
  });
});

describe("caching and usage", () => {
  test("lesson 20: at most four marks reach Anthropic, the last ones, with their ttl", async () => {
    const mark = { type: "ephemeral", ttl: "1h" };
    const turns = Array.from({ length: 6 }, (_, index) => [
      user([{ type: "text", text: `question ${index}`, cache_control: mark }]),
      { role: "assistant", content: `answer ${index}` },
    ]).flat();
    const request = { messages: [...turns, user("last")] };
    const { sentText } = await playPair({ from: "openai-chat", to: "anthropic-messages", request, stream: [] });
    const marks = sentText.match(/"cache_control"/g) ?? [];
    assert.ok(marks.length > 0 && marks.length <= 4, String(marks.length));
    assert.match(sentText, /"question 5","cache_control":\{"type":"ephemeral","ttl":"1h"\}/);
    assert.doesNotMatch(sentText, /"question 0","cache_control"/);
  });

  test("lesson 21: a Chat client's prompt for Claude is marked for caching without being asked", async () => {
    const messages = [{ role: "system", content: "Be brief." }, user("hi")];
    const { sentText } = await playPair({
      from: "openai-chat",
      to: "anthropic-messages",
      request: { messages },
      stream: [],
    });
    assert.match(sentText, /"cache_control":\{"type":"ephemeral"/);
  });

  test("lesson 23: Gemini's cached tokens are counted once", async () => {
    const usageMetadata = {
      promptTokenCount: 1000,
      cachedContentTokenCount: 800,
      candidatesTokenCount: 5,
      totalTokenCount: 1005,
    };
    const answer = geminiChunk([{ text: "a" }], { finishReason: "STOP" }, { usageMetadata });
    const { reply } = await playPair({ from: "anthropic-messages", to: "gemini", answer });
    const usage = at(reply.json() as Json, "usage");
    assert.equal(at(usage, "input_tokens"), 200);
    assert.equal(at(usage, "cache_read_input_tokens"), 800);
  });

  test("lesson 24: converted counts are never negative and always add up", async () => {
    const random = seededRandom(24);
    for (let round = 0; round < 40; round += 1) {
      const [prompt, completion] = [random.below(1000), random.below(1000)];
      const cached = random.below(prompt + 1);
      const usage = {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: cached },
      };
      const choices = [{ index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" }];
      const { reply } = await playPair({
        from: "anthropic-messages",
        to: "openai-chat",
        answer: { id: "c", choices, usage },
      });
      const counted = at(reply.json() as Json, "usage");
      const [input, read, output] = ["input_tokens", "cache_read_input_tokens", "output_tokens"].map((key) =>
        Number(at(counted, key) ?? 0),
      );
      assert.deepEqual([input, read, output], [prompt - cached, cached, completion]);
    }
  });

  test("lesson 25: a Messages stream begins with an estimate, and tokens are counted for every model", async () => {
    const { frames } = await playPair({ from: "anthropic-messages", to: "openai-chat", stream: chatStream });
    assert.ok(Number(at(frames[0], "message", "usage", "input_tokens")) > 0);
    const { ask } = stage({ yaml: pairsYaml });
    for (const model of [modelOf["openai-chat"], modelOf.gemini]) {
      const { reply } = await ask({
        target: "/v1/messages/count_tokens",
        body: { model, messages: [user("Hello there")] },
      });
      assert.equal(reply.status, 200, model);
      assert.ok(Number(at(reply.json() as Json, "input_tokens")) > 0, model);
    }
  });
});

describe("errors and limits", () => {
  test("lesson 27: the wait that the provider asks for reaches the client of an error, and its words", async () => {
    const steps = [
      {
        status: 429,
        headers: { "content-type": "application/json", "retry-after": "33" },
      },
      { data: '{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}' },
      { end: true } as const,
    ];
    const { reply } = await playPair({ from: "anthropic-messages", to: "anthropic-messages", steps });
    assert.equal(reply.status, 429);
    assert.equal(reply.headers["retry-after"], "33");
    assert.match(reply.text, /"message":"slow"/);
  });

  test("the provider's rate headers reach the client whose account it is, of an error too", async () => {
    const steps = [
      {
        status: 429,
        headers: { "content-type": "application/json", "anthropic-ratelimit-unified-status": "rejected" },
      },
      { data: '{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}' },
      { end: true } as const,
    ];
    const headers = { "x-api-key": "sk-ant-of-the-caller" };
    const { reply } = await playPair({ from: "anthropic-messages", to: "anthropic-messages", headers, steps });
    assert.equal(reply.headers["anthropic-ratelimit-unified-status"], "rejected");
  });

  test("lesson 28: errors have the client's envelope and a status that its retries understand, ours too", async () => {
    const error = { error: { message: "busy", type: "server_error" } };
    for (const [status, type, shown] of [
      [503, "overloaded_error", 529],
      [429, "rate_limit_error", 429],
      [400, "invalid_request_error", 400],
    ] as const) {
      const steps = jsonAnswer(error, status);
      const { reply } = await playPair({ from: "anthropic-messages", to: "openai-chat", steps });
      assert.deepEqual([reply.status, at(reply.json() as Json, "error", "type")], [shown, type]);
      assert.equal(at(reply.json() as Json, "type"), "error");
    }
    const { ask } = stage({ yaml: pairsYaml });
    const { reply } = await ask({
      target: "/v1/messages",
      body: { model: "nobody-has-it", max_tokens: 1, messages: [user("a")] },
    });
    assert.equal(at(reply.json() as Json, "error", "type"), "not_found_error");
  });

  test("lesson 34: unknown betas go to Anthropic, and no other format gets any", async () => {
    const headers = { "anthropic-beta": "context-1m-2025-08-07,unknown-2099" };
    const own = await playPair({
      from: "anthropic-messages",
      to: "anthropic-messages",
      headers,
      stream: messagesStream([textBlock("a")]),
    });
    assert.equal(own.sentHeaders["anthropic-beta"], headers["anthropic-beta"]);
    const other = await playPair({ from: "anthropic-messages", to: "openai-chat", headers, stream: chatStream });
    assert.equal(other.sentHeaders["anthropic-beta"], undefined);
  });

  test("lesson 37: bodies of 64 MiB are taken, and larger ones than the limit refused in the client's format", async () => {
    const loaded = loadConfig({ environment: providerKeys, readFile: () => ok(pairsYaml), file: "/dragoman.yaml" });
    assert.ok(loaded.ok && loaded.value.server.bodyBytesMax >= 64 * 1024 * 1024);
    const { ask } = stage({ yaml: `${pairsYaml}server: { body_bytes_max: 1048576 }\n` });
    const messages = [user("x".repeat(1024 * 1024))];
    const { reply } = await ask({
      target: "/v1/messages",
      body: { model: modelOf["openai-chat"], max_tokens: 1, messages },
    });
    assert.equal(reply.status, 413);
    assert.equal(at(reply.json() as Json, "error", "type"), "request_too_large");
  });

  test("lesson 40: a configuration with a mistake is refused whole, with where the mistake is", () => {
    const yaml = `${pairsYaml}typo_here: 1\n`;
    const loaded = loadConfig({ environment: providerKeys, readFile: () => ok(yaml), file: "/dragoman.yaml" });
    assert.ok(!loaded.ok);
    assert.match(loaded.error.map(({ path, message }) => `${path} ${message}`).join("\n"), /typo_here/);
  });
});

test("the forty lessons are rows, or about what is not there yet", () => {
  const sources = ["lessons.test.ts", "lessons-streams.test.ts"].map((name) =>
    readFileSync(join(import.meta.dirname, name), "utf8"),
  );
  const rows = sources.flatMap((source) =>
    [...source.matchAll(/^ *test\("lesson (\d+):/gm)].map((match) => Number(match[1])),
  );
  const all = [...rows, ...notYet.map(({ lesson }) => lesson)].toSorted((left, right) => left - right);
  assert.deepEqual(
    all,
    Array.from({ length: 40 }, (_, index) => index + 1),
  );
});
