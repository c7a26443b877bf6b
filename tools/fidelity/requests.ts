import type { Block } from "../../gateway/src/canonical/block.ts";
import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import type { CanonicalRequest, Tool } from "../../gateway/src/canonical/request.ts";
import type { WriteOptions, WrittenRequest } from "../../gateway/src/dialects/dialect.ts";
import { upstreamDialect } from "../../gateway/src/dialects/upstream.ts";
import { isObject, parseJson, type Json } from "../../gateway/src/lib/json.ts";
import { brokenRules as brokenChatRules } from "../../gateway/test/support/chat-rules.ts";
import { brokenRule as brokenGeminiRule } from "../../gateway/test/support/gemini-write.ts";
import { brokenRules as brokenMessagesRules } from "../../gateway/test/support/messages-rules.ts";
import { readRequest } from "../../gateway/test/support/requests.ts";
import { brokenRules as brokenResponsesRules } from "../../gateway/test/support/responses-rules.ts";
import { dialectOfApi, type Recording } from "./recording.ts";

/** One recorded request for a provider of another format: what is wrong with what was written, in words. */
export type RequestCheck = {
  readonly recording: Recording;
  readonly from: ClientDialectId;
  readonly to: ClientDialectId;
  readonly model: string;
  readonly problems: readonly RequestProblem[];
};

/** `unread`, `refused`: the gateway says no, in words. `lost`: gone without a word. `rule`: the provider's API would say no. */
export type RequestProblem = { readonly kind: "unread" | "refused" | "lost" | "rule"; readonly said: string };

type Target = { readonly options: WriteOptions; readonly broken: (written: WrittenRequest) => readonly string[] };

/** An older and a newer generation of each vendor: they take different settings. */
const targets: Readonly<Record<ClientDialectId, readonly Target[]>> = {
  "openai-chat": ["gpt-4.1", "gpt-5.6"].map((model) => ({
    options: optionsOf("openai", model),
    broken: ({ body }) => brokenChatRules(body),
  })),
  "openai-responses": ["gpt-4o", "gpt-5.6-sol"].map((model) => ({
    options: optionsOf("openai", model),
    broken: ({ body }) => brokenResponsesRules(body),
  })),
  "anthropic-messages": ["claude-haiku-4-5", "claude-opus-4-6", "claude-sonnet-5"].map((model) => ({
    options: { ...optionsOf("anthropic", model), traits: { structuredOutput: "native" } },
    broken: ({ body }) => brokenMessagesRules(body),
  })),
  gemini: ["gemini-2.5-flash", "gemini-3.5-flash"].map((model) => ({
    options: optionsOf("gemini", model),
    broken: (written) => toList(brokenGeminiRule(written, model)),
  })),
};

function optionsOf(kind: string, model: string): WriteOptions {
  return { issuer: kind, kind, model, traits: {} };
}

/** Reads a recorded request as its dialect and writes it for every other format, or for one. */
export function checkRequest(recording: Recording, wanted: (to: ClientDialectId) => boolean): RequestCheck[] {
  const from = dialectOfApi[recording.api];
  const { request } = recording;
  if (from === undefined || request === null || !isObject(request.body)) return [];
  // Vertex AI and Bedrock name the model elsewhere.
  const body =
    "model" in request.body || from === "gemini" ? request.body : { model: "recorded-model", ...request.body };
  const path = from === "gemini" ? { path: request.path.split("?")[0] ?? "" } : {};
  const read = readRequest(from, body, { ...path, headers: lowerCased(request.headers) });
  return Object.keys(targets).flatMap((each): RequestCheck[] => {
    const to = each as ClientDialectId;
    if (to === from || !wanted(to)) return [];
    return targets[to].map((target) => ({
      recording,
      from,
      to,
      model: target.options.model,
      problems: read.ok ? problemsOf(read.value, to, target) : [{ kind: "unread", said: read.error.message }],
    }));
  });
}

function problemsOf(request: CanonicalRequest, to: ClientDialectId, target: Target): RequestProblem[] {
  const { options } = target;
  const written = upstreamDialect(to).writeRequest?.({ ...request, model: options.model }, options);
  if (written === undefined) throw new Error(`${to} cannot be written`);
  if (!written.ok) return [{ kind: "refused", said: written.error.message }];
  return [
    ...missingIn(request, written.value).map((said) => ({ kind: "lost" as const, said })),
    ...target.broken(written.value).map((said) => ({ kind: "rule" as const, said })),
  ];
}

/** The canonical paths of messages, parts and tools that are neither in what was written nor named by a loss. */
export function missingIn(request: CanonicalRequest, { body, losses, restore }: WrittenRequest): string[] {
  const sent = JSON.stringify(body);
  const has = (text: string) => sent.includes(JSON.stringify(text).slice(1, -1));
  const isTold = (path: string) =>
    losses.some((loss) => loss.path === path || path.startsWith(`${loss.path}.`) || loss.path.startsWith(`${path}.`));
  const names = new Map(
    [...(restore?.tools ?? [])].map(([as, { name, namespace }]) => [`${namespace ?? ""} ${name}`, as]),
  );
  const hasName = (name: string, namespace = "") => has(names.get(`${namespace} ${name}`) ?? name);
  const hasTool = (tool: Tool) =>
    tool.type === "builtin" ? /search|code|tools/i.test(sent) : hasName(tool.name, tool.namespace);
  return [
    ...request.instructions.map(({ text }, index) => ({ path: `instructions[${index}]`, isKept: has(text) })),
    ...request.tools.map((tool, index) => ({ path: `tools[${index}]`, isKept: hasTool(tool) })),
    ...request.turns.flatMap(({ blocks }, turn) =>
      blocks.map((block, index) => ({ path: `turns[${turn}].blocks[${index}]`, isKept: isKept(block, has, hasName) })),
    ),
  ].flatMap(({ path, isKept }) => (isKept || isTold(path) ? [] : [path]));
}

type Has = (text: string) => boolean;

function isKept(block: Block, has: Has, hasName: (name: string, namespace?: string) => boolean): boolean {
  switch (block.type) {
    case "text":
    case "refusal":
      return has(block.text);
    case "media":
      return mediaText(block).every((text) => has(text) || hasDecoded(block, text, has));
    case "tool-call":
      return hasName(block.name, block.namespace) && hasJson(block.argumentsText, has);
    case "tool-result":
      return block.structured === undefined
        ? block.content.every((each) => isKept(each, has, hasName))
        : leaves(block.structured, "values").every(has);
    case "search-result":
      return has(block.title) && block.content.every(({ text }) => has(text));
    // The text of reasoning is the provider's own affair; only state that somebody could have read counts as content.
    case "reasoning":
      return block.opaque === undefined || has(block.opaque.value);
    case "code":
      return has(block.code ?? block.output ?? "");
    case "server-tool":
    case "compaction":
    case "opaque":
      return false;
  }
}

/** A value may be written as a JSON text within a string, or as JSON. */
function hasJson(text: string, has: Has): boolean {
  if (text === "" || has(text)) return true;
  const value = parseJson(text);
  if (value === undefined) return false;
  return leaves(value, "all").every(has);
}

/** Gemini's results are objects whose one member (`output`, `result`) is a name for nothing, so values alone may count. */
function leaves(value: Json, what: "all" | "values"): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => leaves(each, what));
  if (!isObject(value)) return [typeof value === "string" ? value : String(value)];
  return Object.entries(value).flatMap(([key, each]) => [
    ...(what === "all" ? [key] : []),
    ...(each === undefined ? [] : leaves(each, what)),
  ]);
}

/** A text file may be written as the text that it is. */
function hasDecoded(block: Extract<Block, { readonly type: "media" }>, text: string, has: Has): boolean {
  return (
    block.source.by === "base64" &&
    block.mimeType?.startsWith("text/") === true &&
    has(Buffer.from(text, "base64").toString())
  );
}

function mediaText({ source }: Extract<Block, { readonly type: "media" }>): string[] {
  switch (source.by) {
    case "base64":
      return [source.data];
    case "url":
      return [source.url];
    case "text":
      return [source.text];
    case "file":
    case "reference":
      return [source.id];
    case "blocks":
      return source.blocks.flatMap((block) => (block.type === "text" ? [block.text] : []));
  }
}

function lowerCased(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function toList(value: string | undefined): string[] {
  return value === undefined ? [] : [value];
}
