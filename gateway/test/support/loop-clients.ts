import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Fetch } from "./gateway-fetch.ts";

/*
 * Programs that hold a conversation with the official SDKs: they keep what the SDK gave them as history, and send it back as
 * the SDK's documentation says.
 */

export type LoopCall = { readonly id: string; readonly name: string; readonly arguments: Json | undefined };

/** What a turn adds to the history, and what the program is to do. */
export type LoopTurn = {
  readonly said: readonly JsonObject[];
  readonly calls: readonly LoopCall[];
  readonly text: string;
};

export type LoopClient = {
  readonly user: (text: string) => JsonObject;
  readonly result: (call: LoopCall, output: string) => JsonObject;
  readonly ask: (fetch: Fetch, model: string, history: readonly JsonObject[], stream: boolean) => Promise<LoopTurn>;
};

const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const names = ["lookup", "convert"];

export const loopClients: Readonly<Record<ClientDialectId, LoopClient>> = {
  "openai-chat": {
    user: (content) => ({ role: "user", content }),
    result: ({ id }, content) => ({ role: "tool", tool_call_id: id, content }),
    ask: askChat,
  },
  "openai-responses": {
    user: (content) => ({ type: "message", role: "user", content }),
    result: ({ id }, output) => ({ type: "function_call_output", call_id: id, output }),
    ask: askResponses,
  },
  "anthropic-messages": {
    user: (content) => ({ role: "user", content }),
    result: ({ id }, content) => ({ role: "user", content: [{ type: "tool_result", tool_use_id: id, content }] }),
    ask: askMessages,
  },
  gemini: {
    user: (text) => ({ role: "user", parts: [{ text }] }),
    result: ({ id, name }, output) => ({
      role: "user",
      parts: [{ functionResponse: { ...(id === "" ? {} : { id }), name, response: { output } } }],
    }),
    ask: askGemini,
  },
};

const network = { apiKey: "dragoman", maxRetries: 0 };

async function askChat(
  fetch: Fetch,
  model: string,
  history: readonly JsonObject[],
  stream: boolean,
): Promise<LoopTurn> {
  const client = new OpenAI({ ...network, baseURL: "http://gateway.test/v1", fetch });
  const tools = names.map((name) => ({ type: "function" as const, function: { name, parameters } }));
  const request = { model, messages: history as never, tools, reasoning_effort: "medium" as const };
  const message = stream
    ? addedUp(await client.chat.completions.create({ ...request, stream }))
    : asObject((await client.chat.completions.create(request)).choices[0]?.message);
  const said = (await message) ?? {};
  const calls = objects(said["tool_calls"]).map((call) => {
    const called = asObject(call["function"]);
    return { id: text(call["id"]), name: text(called?.["name"]), arguments: parsed(called?.["arguments"]) };
  });
  return { said: [said], calls, text: text(said["content"]) };
}

/** The SDK's helper keeps the last of unknown members only; programs that know `reasoning_details` add them up themselves. */
async function addedUp(chunks: AsyncIterable<unknown>): Promise<JsonObject> {
  const said = { content: "", reasoning: "", details: [] as Json[], calls: [] as JsonObject[] };
  for await (const chunk of chunks) {
    const delta = asObject(objects(asObject(chunk)?.["choices"])[0]?.["delta"]) ?? {};
    said.content += text(delta["content"]);
    said.reasoning += text(delta["reasoning_content"]);
    said.details.push(...objects(delta["reasoning_details"]));
    for (const piece of objects(delta["tool_calls"])) addCall(said.calls, piece);
  }
  return {
    role: "assistant",
    content: said.content === "" ? null : said.content,
    ...(said.reasoning === "" ? {} : { reasoning_content: said.reasoning }),
    ...(said.details.length === 0 ? {} : { reasoning_details: said.details }),
    ...(said.calls.length === 0 ? {} : { tool_calls: said.calls }),
  };
}

function addCall(calls: JsonObject[], { index, function: piece, ...rest }: JsonObject): void {
  const at = typeof index === "number" ? index : 0;
  const known = calls[at] ?? {};
  const before = asObject(known["function"]) ?? {};
  const added = asObject(piece) ?? {};
  const whole = {
    name: text(before["name"]) + text(added["name"]),
    arguments: text(before["arguments"]) + text(added["arguments"]),
  };
  calls[at] = { ...known, ...rest, function: whole };
}

async function askResponses(
  fetch: Fetch,
  model: string,
  history: readonly JsonObject[],
  stream: boolean,
): Promise<LoopTurn> {
  const client = new OpenAI({ ...network, baseURL: "http://gateway.test/v1", fetch });
  const tools = names.map((name) => ({ type: "function" as const, name, parameters, strict: false }));
  const request = {
    model,
    input: history as never,
    tools,
    store: false,
    include: ["reasoning.encrypted_content" as const],
    reasoning: { effort: "medium" as const, summary: "auto" as const },
  };
  const response = stream
    ? await client.responses.stream(request).finalResponse()
    : await client.responses.create(request);
  const items = objects(plain(response.output));
  const calls = items.filter(({ type }) => type === "function_call");
  return {
    said: items,
    calls: calls.map((item) => ({
      id: text(item["call_id"]),
      name: text(item["name"]),
      arguments: parsed(item["arguments"]),
    })),
    text: response.output_text,
  };
}

async function askMessages(
  fetch: Fetch,
  model: string,
  history: readonly JsonObject[],
  stream: boolean,
): Promise<LoopTurn> {
  const client = new Anthropic({ ...network, baseURL: "http://gateway.test", fetch });
  const request = {
    model,
    max_tokens: 8192,
    thinking: { type: "enabled" as const, budget_tokens: 2048 },
    messages: history as never,
    tools: names.map((name) => ({ name, input_schema: parameters as never })),
  };
  const message = stream ? await client.messages.stream(request).finalMessage() : await client.messages.create(request);
  const content = objects(plain(message.content));
  const calls = content.filter(({ type }) => type === "tool_use");
  return {
    said: [{ role: "assistant", content }],
    calls: calls.map((block) => ({ id: text(block["id"]), name: text(block["name"]), arguments: block["input"] })),
    text: content.map((block) => (block["type"] === "text" ? text(block["text"]) : "")).join(""),
  };
}

async function askGemini(
  fetch: Fetch,
  model: string,
  history: readonly JsonObject[],
  stream: boolean,
): Promise<LoopTurn> {
  const { models } = new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: "http://gateway.test", fetch } });
  const functionDeclarations = names.map((name) => ({ name, parametersJsonSchema: parameters }));
  const config = { tools: [{ functionDeclarations }], thinkingConfig: { includeThoughts: true } };
  const request = { model, contents: history as never, config };
  const parts: JsonObject[] = [];
  if (stream) {
    // As the SDK's own chats do: every chunk's content becomes a part of the history.
    for await (const chunk of await models.generateContentStream(request)) parts.push(...partsOf(chunk));
  } else parts.push(...partsOf(await models.generateContent(request)));
  const calls = parts.map((part) => asObject(part["functionCall"])).filter((call) => call !== undefined);
  return {
    said: [{ role: "model", parts }],
    calls: calls.map((call) => ({ id: text(call["id"]), name: text(call["name"]), arguments: call["args"] })),
    text: parts.map((part) => (part["thought"] === true ? "" : text(part["text"]))).join(""),
  };
}

function partsOf(response: unknown): JsonObject[] {
  const candidate = objects(asObject(plain(response))?.["candidates"])[0];
  return objects(asObject(candidate?.["content"])?.["parts"]);
}

/** What would go over the wire of an SDK's object. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}

function objects(value: unknown): JsonObject[] {
  return (asArray(value) ?? []).filter(isObject);
}

function text(value: unknown): string {
  return asString(value) ?? "";
}

function parsed(value: unknown): Json | undefined {
  return typeof value === "string" ? (JSON.parse(value) as Json) : undefined;
}
