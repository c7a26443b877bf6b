import assert from "node:assert/strict";
import { test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { brokenRules } from "../support/messages-rules.ts";
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
  types,
  type Pair,
} from "../support/pairs.ts";
import { stage } from "../support/play.ts";

/* Edge cases 41 to 59 of the translation's specification: what providers get, and how usage is counted. */

const streams: Readonly<Record<ClientDialectId, Pair["stream"]>> = {
  "openai-chat": [chatChunk({ content: "a" }, "stop"), DONE],
  "openai-responses": [],
  "anthropic-messages": messagesStream([textBlock("a")]),
  gemini: [geminiChunk([{ text: "a" }], { finishReason: "STOP" })],
};

/** The body that a provider gets of a request, with whatever else the play tells. */
function send(from: ClientDialectId, to: ClientDialectId, request: JsonObject, more: Partial<Pair> = {}) {
  return playPair({ from, to, request, stream: streams[to] ?? [], ...more });
}

const call = (id: string, name = "f", text = "{}"): JsonObject => ({
  id,
  type: "function",
  function: { name, arguments: text },
});
const calling = (...calls: JsonObject[]): JsonObject => ({ role: "assistant", content: null, tool_calls: calls });
const result = (id: string, content: Json = "done"): JsonObject => ({ role: "tool", tool_call_id: id, content });
const user = (content: Json): JsonObject => ({ role: "user", content });
const tools: JsonObject[] = ["f", "g", "h"].map((name) => ({
  type: "function",
  function: { name, description: name, parameters: { type: "object", properties: { a: { type: "string" } } } },
}));
const conversation = (...messages: JsonObject[]): JsonObject => ({ messages: [user("go"), ...messages], tools });

/** The sent conversation, after every hard rule of the Messages API has been checked. */
async function toMessages(request: JsonObject, more: Partial<Pair> = {}): Promise<JsonObject[]> {
  const { sent } = await send("openai-chat", "anthropic-messages", request, more);
  assert.deepEqual(brokenRules(sent), []);
  return objects(sent["messages"]);
}

test("edge 41: two results are one user message, in the order of the calls", async () => {
  const request = conversation(
    calling(call("call_1"), call("call_2", "g")),
    result("call_2", "two"),
    result("call_1", "one"),
  );
  const [, , results] = await toMessages(request);
  assert.deepEqual(
    objects(results?.["content"]).map((block) => [block["type"], block["tool_use_id"]]),
    [
      ["tool_result", "call_1"],
      ["tool_result", "call_2"],
    ],
  );
});

test("edge 42: ids that Anthropic refuses are mapped, the same in call and result, different ones differently", async () => {
  const ids = ["functions.Bash:0", "a.b", "a:b", "a-b"];
  const messages = await toMessages(
    conversation(calling(...ids.map((id) => call(id))), ...ids.map((id) => result(id))),
  );
  const sentCalls = objects(messages[1]?.["content"]).map(({ id }) => id);
  const sentResults = objects(messages[2]?.["content"]).map((block) => block["tool_use_id"]);
  assert.deepEqual(sentResults, sentCalls);
  assert.equal(new Set(sentCalls).size, ids.length);
  for (const id of sentCalls) assert.match(joined([id]), /^[a-zA-Z0-9_-]+$/);
});

test("edge 43: a user's text between call and result comes behind the result", async () => {
  const messages = await toMessages(conversation(calling(call("call_1")), user("wait"), result("call_1")));
  assert.deepEqual(
    messages.map(({ role }) => role),
    ["user", "assistant", "user"],
  );
  assert.deepEqual(types(messages[2]?.["content"]), ["tool_result", "text"]);
});

test("edge 44: a call that never got its output gets an error for one", async () => {
  const { sent } = await send("openai-responses", "anthropic-messages", {
    input: [
      { role: "user", content: "go" },
      { type: "function_call", call_id: "call_1", name: "f", arguments: "{}" },
      { role: "user", content: "never mind" },
    ],
  });
  assert.deepEqual(brokenRules(sent), []);
  const [block, text] = objects(at(sent["messages"], 2, "content"));
  assert.equal(block?.["type"], "tool_result");
  assert.equal(block?.["is_error"], true);
  assert.equal(text?.["text"], "never mind");
});

test("edge 45: empty texts are not sent", async () => {
  const messages = await toMessages({
    messages: [user("a"), { role: "assistant", content: "" }, user([{ type: "text", text: "" }]), user("b")],
  });
  assert.doesNotMatch(JSON.stringify(messages), /"text":""|"content":""|"content":\[\]/);
});

test("edge 46: a temperature goes to models that take one, and is reported for those that do not", async () => {
  const request = { temperature: 0.7 };
  const opus = await send("openai-chat", "anthropic-messages", request, { model: "claude-opus-5-5" });
  assert.equal(opus.sent["temperature"], undefined);
  assert.match(String(opus.reply.headers["x-dragoman-translation"]), /sampling\.temperature/);
  const haiku = await send("openai-chat", "anthropic-messages", request, { model: "claude-haiku-4-5" });
  assert.equal(haiku.sent["temperature"], 0.7);
  assert.equal(haiku.sentHeaders["anthropic-version"], "2023-06-01");
});

const thinkingHistory = (signature: string): JsonObject => ({
  messages: [
    user("go"),
    {
      role: "assistant",
      content: [
        { type: "thinking", thinking: "Hm.", signature },
        { type: "text", text: "Yes." },
      ],
    },
    user("more"),
  ],
});

test("edge 47: foreign signatures are left out with their block, native ones return byte for byte", async () => {
  const reasoning = await send("openai-responses", "anthropic-messages", {
    input: [
      { role: "user", content: "go" },
      {
        type: "reasoning",
        id: "rs_1",
        summary: [{ type: "summary_text", text: "Hm." }],
        encrypted_content: "Z2VtaW5p",
      },
      { role: "assistant", content: "Yes." },
      { role: "user", content: "more" },
    ],
  });
  assert.doesNotMatch(reasoning.sentText, /"thinking":|Z2VtaW5p/);
  assert.deepEqual(brokenRules(reasoning.sent), []);
  const native = await send("anthropic-messages", "anthropic-messages", thinkingHistory("c2ln+/=="));
  assert.match(native.sentText, /"signature":"c2ln\+\/=="/);
});

test("edge 48: a request of Claude Code passes untouched, header names and unknown fields too", async () => {
  const headers = {
    "content-type": "application/json",
    "anthropic-beta": "claude-code-20250219,from-the-future-2099-01-01",
    "anthropic-version": "2023-06-01",
    "user-agent": "claude-cli/2.1.0 (external, cli)",
  };
  const rawRequest = JSON.stringify({
    model: modelOf["anthropic-messages"],
    max_tokens: 10,
    stream: true,
    system: [
      { type: "text", text: "x-anthropic-billing-header: cc_version=2" },
      { type: "text", text: "You are", cache_control: { type: "ephemeral", ttl: "1h" } },
    ],
    messages: [user([{ type: "text", text: "hi", cache_control: { type: "ephemeral" } }])],
    from_the_future: { a: [1.0] },
  });
  const played = await send("anthropic-messages", "anthropic-messages", {}, { headers, rawRequest });
  assert.equal(played.sentText, rawRequest);
  assert.equal(played.sentHeaders["anthropic-beta"], headers["anthropic-beta"]);
});

test("edge 49: a longer conversation begins with exactly the bytes of the shorter one", async () => {
  const messages = [
    { role: "system", content: "Be brief." },
    user("go"),
    calling(call("call.1", "f", '{"a": "b"}')),
    result("call.1"),
    { role: "assistant", content: "Done." },
    user("again"),
    calling(call("call.2"), call("call.3")),
    result("call.3"),
    result("call.2"),
  ];
  for (const to of ["anthropic-messages", "gemini"] as const) {
    const prefix = async (count: number) => {
      const model = to === "gemini" ? modelOf.gemini : "claude-opus-5-5";
      const { sent } = await send("openai-chat", to, { messages: messages.slice(0, count), tools }, { model });
      const { messages: turns, contents, ...rest } = sent;
      // The mark of what to cache moves on with the conversation and is no part of what the model reads.
      const bare = (value: Json | undefined): string =>
        JSON.stringify(value).replaceAll(',"cache_control":{"type":"ephemeral"}', "");
      return { turns: asArray(turns ?? contents)?.map(bare) ?? [], rest: bare(rest) };
    };
    const whole = await prefix(messages.length);
    for (const count of [2, 4, 6]) {
      const shorter = await prefix(count);
      assert.deepEqual(whole.turns.slice(0, shorter.turns.length), shorter.turns, `${to} after ${count}`);
      assert.equal(shorter.rest, whole.rest);
    }
  }
});

test("edge 50: an image in a user message behind the results is in the same turn, behind all of them", async () => {
  const image = { type: "image_url", image_url: { url: "data:image/png;base64,iVBORw0KGgo=" } };
  const messages = await toMessages(
    conversation(calling(call("call_1"), call("call_2")), result("call_1"), result("call_2"), user([image])),
  );
  // The API reads user messages in a row as one turn.
  const turn = messages.slice(2).flatMap(({ role, content }) => (role === "user" ? objects(content) : []));
  assert.deepEqual(types(turn), ["tool_result", "tool_result", "image"]);
  assert.deepEqual(types(messages[2]?.["content"]).slice(0, 2), ["tool_result", "tool_result"]);
});

const partsOf = (content: JsonObject | undefined): JsonObject[] => objects(content?.["parts"]);

test("edge 51: of another model's parallel calls the first has the stand-in signature; native ones are on their part", async () => {
  const history = conversation(calling(call("call_1"), call("call_2", "g")), result("call_1"), result("call_2"));
  const { sent } = await send("openai-chat", "gemini", history);
  const [first, second] = partsOf(objects(sent["contents"])[1]);
  assert.equal(first?.["thoughtSignature"], "skip_thought_signature_validator");
  assert.equal(second?.["thoughtSignature"], undefined);
  const thoughtSignature = Buffer.from("native").toString("base64");
  const answered = await playPair({
    from: "openai-chat",
    to: "gemini",
    request: { tools },
    answer: geminiChunk([{ functionCall: { name: "f", args: {} }, thoughtSignature }], { finishReason: "STOP" }),
  });
  const message = asObject(at(answered.reply.json() as Json, "choices", 0, "message"));
  const id = joined([at(message, "tool_calls", 0, "id")]);
  const again = await send("openai-chat", "gemini", { messages: [user("go"), message ?? {}, result(id)], tools });
  const [part] = partsOf(objects(again.sent["contents"])[1]);
  assert.equal(part?.["thoughtSignature"], thoughtSignature);
  assert.equal(at(part?.["functionCall"], "thoughtSignature"), undefined);
});

test("edge 52: a signature of one provider is replaced by the stand-in at another", async () => {
  const thoughtSignature = Buffer.from("of the first").toString("base64");
  const yaml = `providers:
  one: { kind: gemini, dialects: [gemini], credential: "env::GEMINI_API_KEY", models: [gemini-3.5-flash] }
  two: { kind: gemini, base_url: "https://two.test", dialects: [gemini], credential: "env::GEMINI_API_KEY", models: [gemini-3.5-pro] }
`;
  const answer = geminiChunk([{ functionCall: { name: "f", args: {} }, thoughtSignature }], { finishReason: "STOP" });
  const script = () => [
    { headers: { "content-type": "application/json" } },
    { data: JSON.stringify(answer) },
    { end: true } as const,
  ];
  const { ask, upstream } = stage({ yaml, script });
  const first = await ask({ body: { model: "gemini-3.5-flash", messages: [user("go")], tools } });
  const message = asObject(at(first.reply.json() as Json, "choices", 0, "message")) ?? {};
  const messages = [user("go"), message, result(joined([at(message, "tool_calls", 0, "id")]))];
  await ask({ body: { model: "gemini-3.5-flash", messages, tools } });
  await ask({ body: { model: "gemini-3.5-pro", messages, tools } });
  const signatures = upstream.calls.map(({ json }) => at(json as Json, "contents", 1, "parts", 0, "thoughtSignature"));
  assert.deepEqual(signatures, [undefined, thoughtSignature, "skip_thought_signature_validator"]);
});

test("edge 53: schema words that Gemini refuses are said in descriptions, and a property may be called properties", async () => {
  const parameters = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    type: "object",
    additionalProperties: false,
    propertyNames: { pattern: "^[a-z]+$" },
    properties: {
      properties: { type: ["string", "null"] },
      kind: { const: "fixed" },
    },
    required: ["properties"],
  };
  const { sent } = await send("openai-chat", "gemini", {
    tools: [{ type: "function", function: { name: "f", description: "F", parameters } }],
  });
  const declaration = asObject(at(sent["tools"], 0, "functionDeclarations", 0));
  const schema = declaration?.["parametersJsonSchema"] ?? declaration?.["parameters"];
  assert.ok(at(schema, "properties", "properties") !== undefined);
  assert.equal(at(schema, "$schema"), undefined);
  assert.equal(at(schema, "propertyNames"), undefined);
  assert.match(JSON.stringify(schema), /fixed/);
  assert.match(JSON.stringify(schema), /\^\[a-z\]\+\$/);
});

test("edge 54: three calls and two results in another order are three responses in the order of the calls", async () => {
  const request = conversation(
    calling(call("c1", "f"), call("c2", "g"), call("c3", "h")),
    result("c3", "three"),
    result("c1", "one"),
    user("go on"),
  );
  const { sent } = await send("openai-chat", "gemini", request);
  const [, , results, next] = objects(sent["contents"]);
  const parts = partsOf(results);
  const names = parts.flatMap((part) => at(part["functionResponse"], "name") ?? []);
  assert.deepEqual(names, ["f", "g", "h"]);
  assert.equal(partsOf(next)[0]?.["text"], "go on");
});

test("edge 55: a tool without parameters has none at Gemini, and a call without arguments an empty object", async () => {
  const bare = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];
  const stream = [geminiChunk([{ functionCall: { name: "f" } }], { finishReason: "STOP" })];
  const { sent, folded } = await send("openai-chat", "gemini", { tools: bare }, { stream });
  const declaration = asObject(at(sent["tools"], 0, "functionDeclarations", 0)) ?? {};
  assert.equal(declaration["parameters"] ?? declaration["parametersJsonSchema"], undefined);
  const [block] = folded.candidates[0]?.blocks ?? [];
  assert.equal(block?.type === "tool-call" && block.argumentsText, "{}");
});

test("edge 56: a prompt that Gemini blocks is no crash and no empty success in any format", async () => {
  const answer = {
    promptFeedback: { blockReason: "SAFETY" },
    usageMetadata: { promptTokenCount: 4, totalTokenCount: 4 },
  };
  const expected: readonly (readonly [ClientDialectId, readonly (string | number)[], string])[] = [
    ["openai-chat", ["choices", 0, "finish_reason"], "content_filter"],
    ["anthropic-messages", ["stop_reason"], "refusal"],
    ["openai-responses", ["status"], "incomplete"],
  ];
  for (const [from, path, value] of expected) {
    const { reply } = await playPair({ from, to: "gemini", answer });
    assert.equal(at(reply.json() as Json, ...path), value, from);
  }
});

test("edge 57: cached tokens are counted as each format counts them, and never below zero", async () => {
  const answerOf = (cached: number) => ({
    id: "c",
    object: "chat.completion",
    created: 1,
    model: "m",
    choices: [{ index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" }],
    usage: {
      prompt_tokens: 100,
      completion_tokens: 5,
      total_tokens: 105,
      prompt_tokens_details: { cached_tokens: cached },
    },
  });
  const usage = async (from: ClientDialectId, cached: number, member: string) => {
    const { reply } = await playPair({ from, to: "openai-chat", answer: answerOf(cached) });
    return at(reply.json() as Json, member);
  };
  const messages = await usage("anthropic-messages", 75, "usage");
  assert.equal(at(messages, "input_tokens"), 25);
  assert.equal(at(messages, "cache_read_input_tokens"), 75);
  const gemini = await usage("gemini", 75, "usageMetadata");
  assert.equal(at(gemini, "promptTokenCount"), 100);
  assert.equal(at(gemini, "cachedContentTokenCount"), 75);
  // More cached than there was prompt: the provider counts the two side by side (recorded of Grok on Azure).
  assert.equal(at(await usage("anthropic-messages", 130, "usage"), "input_tokens"), 100);
});

test("edge 59: the list of models has the shape that was asked for", async () => {
  const list = async (target: string, headers: Record<string, string> = {}) => {
    const { ask } = stage({ yaml: pairsYaml });
    return (await ask({ method: "GET", target, headers })).reply.json() as Json;
  };
  const anthropic = await list("/v1/models", { "anthropic-version": "2023-06-01" });
  assert.equal(at(anthropic, "has_more"), false);
  assert.equal(at(anthropic, "data", 0, "type"), "model");
  const openai = await list("/v1/models");
  assert.equal(at(openai, "object"), "list");
  assert.equal(at(openai, "data", 0, "object"), "model");
  assert.match(joined([at(await list("/v1beta/models"), "models", 0, "name")]), /^models\//);
});
