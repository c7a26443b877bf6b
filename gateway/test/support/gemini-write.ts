import assert from "node:assert/strict";
import type { Block, Opaque, ToolCallBlock, ToolResultBlock } from "../../src/canonical/block.ts";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { Loss } from "../../src/canonical/loss.ts";
import type { CanonicalRequest, Turn } from "../../src/canonical/request.ts";
import type { WriteOptions, WrittenRequest } from "../../src/dialects/dialect.ts";
import { writeRequest } from "../../src/dialects/gemini/write-request.ts";
import { dialects } from "../../src/dialects/index.ts";
import { wireRequest, type WireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { asArray, asObject, asString, isObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import { fixtures } from "./corpus.ts";

export const model25 = "gemini-2.5-flash";
export const model3 = "gemini-3.5-flash";

export function writeOptions(model: string = model3, more: Partial<WriteOptions> = {}): WriteOptions {
  return { issuer: "gemini", kind: "gemini", model, traits: {}, ...more };
}

/** What is written for a request that can be. */
export function written(request: CanonicalRequest, options: WriteOptions = writeOptions()): WrittenRequest {
  const result = writeRequest(request, options);
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  return result.value;
}

export const hello: Turn = { role: "user", blocks: [{ type: "text", text: "hello" }], boundary: 0 };

/** A request of a Chat client that says hello. */
export function requestOf(more: Partial<CanonicalRequest> = {}): CanonicalRequest {
  return {
    source: "openai-chat",
    model: "m",
    stream: false,
    instructions: [],
    turns: [hello],
    tools: [],
    sampling: { temperatureMax: 2 },
    reasoning: { mode: "default" },
    output: {},
    cache: {},
    identity: {},
    headers: { betas: [] },
    extras: {},
    ...more,
  };
}

export function user(...blocks: Block[]): Turn {
  return { role: "user", blocks, boundary: 0 };
}

export function assistant(...blocks: Block[]): Turn {
  return { role: "assistant", blocks, boundary: 0 };
}

export function text(content: string): Block {
  return { type: "text", text: content };
}

export function call(id: string, more: Partial<ToolCallBlock> = {}): ToolCallBlock {
  return { type: "tool-call", id, name: `tool_${id}`, kind: "function", argumentsText: "{}", ...more };
}

export function result(callId: string, ...content: Block[]): ToolResultBlock {
  return { type: "tool-result", callId, kind: "function", content };
}

export function signature(provider: string, value = "c2ln"): Opaque {
  return { issuer: { provider }, kind: "gemini.thought-signature", value };
}

const paths = {
  "openai-chat": "/v1/chat/completions",
  "openai-responses": "/v1/responses",
  "anthropic-messages": "/v1/messages",
  gemini: "/v1beta/models/gemini-3.5-flash:generateContent",
} as const satisfies Record<ClientDialectId, string>;

/** A body as a client of a dialect would send it, in canonical form. */
export function readAs(dialect: ClientDialectId, body: JsonObject, path: string = paths[dialect]): CanonicalRequest {
  const result = dialects[dialect].client.readRequest(wireOf(dialect, body, path));
  assert.ok(result.ok, result.ok ? "" : result.error.message);
  return result.value;
}

function wireOf(dialect: ClientDialectId, body: JsonObject, path: string): WireRequest {
  const raw = new TextEncoder().encode(JSON.stringify(body));
  const scan = scanObject(raw);
  assert.ok(scan.ok, "the test's own body is not a JSON object");
  const pathModel = dialect === "gemini" ? (/models\/([^:]+):/.exec(path)?.[1] ?? "") : "";
  return wireRequest({ path, pathModel, query: new URLSearchParams(), headers: {}, raw, scan: scan.value });
}

export type Recorded = {
  readonly name: string;
  readonly dialect: ClientDialectId;
  readonly provider: string;
  readonly status: number;
  readonly request: CanonicalRequest;
};

/** Every recorded request of a dialect that its reader accepts. */
export function recordedRequests(dialect: ClientDialectId): Recorded[] {
  return fixtures(dialect).flatMap(({ name, provider, request, response }): Recorded[] => {
    if (!isObject(request?.body)) return [];
    const path = dialect === "gemini" ? request.path : paths[dialect];
    const read = dialects[dialect].client.readRequest(wireOf(dialect, request.body, path.split("?")[0] ?? path));
    return read.ok ? [{ name, dialect, provider, status: response.status, request: read.value }] : [];
  });
}

export function lossPaths(losses: readonly Loss[]): string[] {
  return losses.map(({ path, reason }) => `${path}: ${reason}`);
}

export function lossesOf(more: Partial<CanonicalRequest>, model: string = model3): string[] {
  return lossPaths(written(requestOf(more), writeOptions(model)).losses);
}

/** Why a request is refused that cannot be translated. */
export function failureOf(more: Partial<CanonicalRequest>, options: WriteOptions = writeOptions()): Failure {
  const refused = writeRequest(requestOf(more), options);
  assert.ok(!refused.ok, "it was written");
  return refused.error;
}

export function contentsOf({ body }: WrittenRequest): JsonObject[] {
  return (asArray(body["contents"]) ?? []).filter(isObject);
}

export function partsOf(content: JsonObject | undefined): JsonObject[] {
  return (asArray(content?.["parts"]) ?? []).filter(isObject);
}

export function declarationsOf({ body }: WrittenRequest): JsonObject[] {
  const entries = (asArray(body["tools"]) ?? []).filter(isObject);
  return entries.flatMap((entry) => (asArray(entry["functionDeclarations"]) ?? []).filter(isObject));
}

const partKinds = [
  "text",
  "inlineData",
  "fileData",
  "functionCall",
  "functionResponse",
  "executableCode",
  "codeExecutionResult",
  "toolCall",
  "toolResponse",
];

const functionName = /^[A-Za-z_][A-Za-z0-9_.:-]{0,127}$/;

/** The rules whose breach Google answers with 400, as far as a body tells; the first one that is broken. */
export function brokenRule(request: WrittenRequest, model: string): string | undefined {
  const contents = contentsOf(request);
  if (contents.length === 0) return "contents are empty";
  const problems = contents.flatMap((content, index) => brokenContent(contents, content, index, model));
  return problems[0] ?? brokenTools(request) ?? brokenConfig(request.body);
}

function brokenContent(contents: JsonObject[], content: JsonObject, index: number, model: string): string[] {
  const at = `contents[${index}]`;
  const parts = partsOf(content);
  if (content["role"] !== "user" && content["role"] !== "model") return [`${at} has another role`];
  if (parts.length === 0) return [`${at} has no parts`];
  for (const part of parts) {
    const kinds = partKinds.filter((kind) => part[kind] !== undefined);
    if (kinds.length !== 1) return [`${at} has a part of the kinds [${kinds.join()}]`];
    if (part["text"] === "" && part["thoughtSignature"] === undefined) return [`${at} has an empty text`];
  }
  const calls = parts.map((part) => asObject(part["functionCall"])).filter(isObject);
  const results = parts.map((part) => asObject(part["functionResponse"])).filter(isObject);
  const problems: string[] = [];
  if (calls.length > 0 && content["role"] !== "model") problems.push(`${at} is the user's and calls`);
  if (calls.some((call) => !functionName.test(asString(call["name"]) ?? ""))) problems.push(`${at} has a bad name`);
  if (calls.some((call) => !isObject(call["args"]))) problems.push(`${at} has args that are no object`);
  if (results.some((result) => !isObject(result["response"]))) problems.push(`${at} has a response that is no object`);
  const firstCall = parts.find((part) => part["functionCall"] !== undefined);
  const isNew = model.startsWith("gemini-3");
  if (isNew && firstCall !== undefined && firstCall["thoughtSignature"] === undefined)
    problems.push(`${at} is unsigned`);
  const next = contents[index + 1];
  if (next !== undefined && calls.length > 0) problems.push(...brokenAnswer(at, calls, next));
  const before = partsOf(contents[index - 1]).some((part) => part["functionCall"] !== undefined);
  if (results.length > 0 && !before) problems.push(`${at} answers no call`);
  if (index === 0 && calls.length > 0) problems.push("the conversation begins with a call");
  return problems;
}

function brokenAnswer(at: string, calls: JsonObject[], next: JsonObject): string[] {
  const answers = partsOf(next).map((part) => asObject(part["functionResponse"]));
  const head = answers.slice(0, calls.length);
  const isWhole = answers.filter((answer) => answer !== undefined).length === calls.length;
  const fits = head.every((answer, index) => answer?.["name"] === calls[index]?.["name"]);
  const sameIds = head.every((answer, index) => answer?.["id"] === calls[index]?.["id"]);
  return isWhole && fits && sameIds ? [] : [`${at} has calls that the next content does not answer one by one`];
}

function brokenTools(request: WrittenRequest): string | undefined {
  const entries = (asArray(request.body["tools"]) ?? []).filter(isObject);
  const withFunctions = entries.filter((entry) => entry["functionDeclarations"] !== undefined);
  if (withFunctions.length > 1) return "several entries of tools declare functions";
  const names = declarationsOf(request).map((declaration) => asString(declaration["name"]) ?? "");
  if (new Set(names).size !== names.length) return "a function is declared twice";
  const bad = names.find((name) => !functionName.test(name));
  if (bad !== undefined) return `the function name ${bad}`;
  const calling = asObject(asObject(request.body["toolConfig"])?.["functionCallingConfig"]);
  const allowed = asArray(calling?.["allowedFunctionNames"]) ?? [];
  if (allowed.length > 0 && calling?.["mode"] !== "ANY" && calling?.["mode"] !== "VALIDATED") return "AUTO with names";
  return allowed.every((name) => typeof name === "string" && names.includes(name)) ? undefined : "an unknown name";
}

function brokenConfig(body: JsonObject): string | undefined {
  const config = asObject(body["generationConfig"]) ?? {};
  const thinking = asObject(config["thinkingConfig"]) ?? {};
  if (thinking["thinkingBudget"] !== undefined && thinking["thinkingLevel"] !== undefined) return "budget and level";
  if ((asArray(config["stopSequences"])?.length ?? 0) > 5) return "more than five stop sequences";
  if (config["responseJsonSchema"] !== undefined && config["responseSchema"] !== undefined) return "two schemas";
  return undefined;
}

/** What of a request is neither in the body nor named by a loss: blocks by their text or data, tools by their name. */
export function unaccounted(request: CanonicalRequest, result: WrittenRequest): string[] {
  const text = JSON.stringify([result.body["contents"], result.body["systemInstruction"]]);
  const isNamed = (path: string) =>
    result.losses.some((loss) => loss.path === path || loss.path.startsWith(`${path}.`));
  const missing: string[] = [];
  for (const [index, { blocks }] of request.turns.entries()) {
    for (const [position, block] of blocks.entries()) {
      const path = `turns[${index}].blocks[${position}]`;
      const isKept = contentOf(block).every((each) => text.includes(JSON.stringify(each).slice(1, -1)));
      if (!isKept && !isNamed(path)) missing.push(path);
    }
  }
  for (const [index, { text: instruction }] of request.instructions.entries()) {
    if (!text.includes(JSON.stringify(instruction).slice(1, -1))) missing.push(`instructions[${index}]`);
  }
  const tools = JSON.stringify(result.body["tools"] ?? []);
  for (const [index, tool] of request.tools.entries()) {
    const isKept = tool.type === "builtin" ? ownTools.test(tools) : tools.includes(JSON.stringify(tool.name));
    const path = `tools[${index}]`;
    if (!isKept && !isNamed(path) && !result.restore?.tools?.values().some(({ name }) => name === tool.name)) {
      missing.push(path);
    }
  }
  return missing;
}

const ownTools = /"(google|enterprise|urlContext|codeExecution|mcpServers|fileSearch|retrieval|computerUse)/;

/** The texts that a block must leave in the body. */
function contentOf(block: Block): string[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return [block.text];
    case "media":
      return block.source.by === "base64" ? [block.source.data] : block.source.by === "text" ? [block.source.text] : [];
    case "tool-call":
      return [block.name];
    case "tool-result":
      return block.structured === undefined ? block.content.flatMap(contentOf) : [];
    case "reasoning":
      return block.opaque === undefined ? [...block.summary, ...(block.raw ?? [])] : [block.opaque.value];
    case "search-result":
      return [block.title, ...block.content.map(({ text }) => text)];
    case "server-tool":
      return block.native.dialect === "gemini" ? [] : ["\u0000"];
    case "compaction":
    case "opaque":
      return ["\u0000"];
    case "code":
      return [block.code ?? block.output ?? ""];
  }
}

/** `value` as JSON would carry it: members that are undefined are absent. */
export function asJson(value: unknown): Json {
  return JSON.parse(JSON.stringify(value)) as Json;
}
