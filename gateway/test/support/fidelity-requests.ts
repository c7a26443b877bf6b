import type { Block, MediaBlock } from "../../src/canonical/block.ts";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalRequest, FunctionTool, Turn } from "../../src/canonical/request.ts";
import type { Json } from "../../src/lib/json.ts";
import { call, media, picture, text } from "./fidelity-blocks.ts";

/*
 * What a request can hold, feature by feature: a small request that has it, and how to find it again in one that
 * was read. Each is said in the client's format, translated, and looked for on the other side.
 */

export type RequestFeature = {
  readonly name: string;
  /** `from`: the format of the client, for what each vendor has of its own. */
  readonly request: (from: ClientDialectId) => Partial<CanonicalRequest>;
  /** The feature as it stands in a request; undefined where it is absent. */
  readonly find: (request: CanonicalRequest) => unknown;
  /** The losses that are about it. */
  readonly losses: RegExp;
};

const user = (...blocks: Block[]): Turn => ({ role: "user", blocks, boundary: 0 });
const assistant = (...blocks: Block[]): Turn => ({ role: "assistant", blocks, boundary: 1 });
const result = (callId: string, ...content: Block[]): Block => ({
  type: "tool-result",
  callId,
  kind: "function",
  content,
});
const weather: FunctionTool = {
  type: "function",
  name: "weather",
  description: "Tells the weather.",
  schema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
};
function blocks(request: CanonicalRequest): Block[] {
  return request.turns.flatMap((turn) => turn.blocks);
}

function calls(request: CanonicalRequest): unknown {
  return blocks(request).flatMap((block) =>
    block.type === "tool-call" ? [[block.name, JSON.parse(block.argumentsText) as unknown]] : [],
  );
}

function results(request: CanonicalRequest): unknown {
  return blocks(request).flatMap((block) => (block.type === "tool-result" ? [JSON.stringify(block.content)] : []));
}

function mediaOf(kind: MediaBlock["kind"]): (request: CanonicalRequest) => unknown {
  return (request) => {
    const found = blocks(request).flatMap((block) =>
      block.type === "media" && block.kind === kind ? [block.source] : [],
    );
    return found.length === 0 ? undefined : found;
  };
}

const uploaded = {
  "openai-chat": { by: "file", id: "file-1", issuer: { provider: "openai" } },
  "openai-responses": { by: "file", id: "file-1", issuer: { provider: "openai" } },
  "anthropic-messages": { by: "file", id: "file_1", issuer: { provider: "anthropic" } },
  gemini: {
    by: "file",
    id: "https://generativelanguage.googleapis.com/v1beta/files/1",
    issuer: { provider: "gemini" },
  },
} as const satisfies Readonly<Record<ClientDialectId, MediaBlock["source"]>>;
const webSearch: Readonly<Record<ClientDialectId, Json>> = {
  "openai-chat": { web_search_options: {} },
  "openai-responses": { type: "web_search" },
  "anthropic-messages": { type: "web_search_20250305", name: "web_search" },
  gemini: { googleSearch: {} },
};
const schema = { type: "object", properties: { a: { type: "string" } }, required: ["a"], additionalProperties: false };
const conversation = [user(text("Hi")), assistant(text("Hello")), user(text("Go on"))];

export const requestFeatures: readonly RequestFeature[] = [
  {
    name: "text",
    request: () => ({ turns: conversation }),
    find: (request) =>
      request.turns.map(({ role, blocks: said }) => [role, said.map((block) => block.type === "text" && block.text)]),
    losses: /^turns/,
  },
  {
    name: "system prompt",
    request: () => ({ instructions: [{ text: "Be brief.", authority: "system" }] }),
    find: ({ instructions }) => instructions.map((each) => each.text),
    losses: /^instructions/,
  },
  {
    name: "tools",
    request: () => ({ tools: [weather] }),
    find: ({ tools }) => tools.map((tool) => (tool.type === "builtin" ? undefined : [tool.name, tool.description])),
    losses: /^tools/,
  },
  {
    name: "free-form tools",
    request: () => ({ tools: [{ type: "custom", name: "patch", description: "Edits files." }] }),
    find: ({ tools }) => tools.filter(({ type }) => type === "custom").map((tool) => tool.name),
    losses: /^tools/,
  },
  {
    name: "tool choice",
    request: () => ({ tools: [weather], toolChoice: { type: "tool", tool: { kind: "function", name: "weather" } } }),
    find: ({ toolChoice }) => toolChoice,
    losses: /^toolChoice/,
  },
  {
    name: "one call at a time",
    request: () => ({ tools: [weather], toolChoice: { type: "auto" }, parallelToolCalls: false }),
    find: ({ parallelToolCalls }) => parallelToolCalls,
    losses: /^parallelToolCalls/,
  },
  {
    name: "tool results",
    request: () => ({
      tools: [weather],
      turns: [user(text("Hi")), assistant(call("c1")), user(result("c1", text("sunny")))],
    }),
    find: (request) => [calls(request), results(request)],
    losses: /^turns/,
  },
  {
    name: "parallel tool results",
    request: () => ({
      tools: [weather],
      turns: [
        user(text("Hi")),
        assistant(call("c1"), call("c2", { argumentsText: '{"city":"Oslo"}' })),
        user(result("c1", text("sunny")), result("c2", text("snow"))),
      ],
    }),
    find: (request) => [calls(request), results(request)],
    losses: /^turns/,
  },
  {
    name: "images in tool results",
    request: () => ({
      tools: [weather],
      turns: [
        user(text("Hi")),
        assistant(call("c1")),
        user(result("c1", media("image", "image/png", { by: "base64", data: picture }))),
      ],
    }),
    find: (request) => (JSON.stringify(results(request)).includes(picture) ? picture : undefined),
    losses: /^turns/,
  },
  {
    name: "images",
    request: () => ({ turns: [user(text("Hi"), media("image", "image/png", { by: "base64", data: picture }))] }),
    find: mediaOf("image"),
    losses: /^turns/,
  },
  {
    name: "images by URL",
    request: () => ({
      turns: [user(text("Hi"), media("image", "image/png", { by: "url", url: "https://example.com/a.png" }))],
    }),
    find: mediaOf("image"),
    losses: /^turns/,
  },
  {
    name: "documents (PDF)",
    request: () => ({
      turns: [
        user(
          text("Hi"),
          media("document", "application/pdf", { by: "base64", data: "JVBERi0=" }, { filename: "a.pdf" }),
        ),
      ],
    }),
    find: mediaOf("document"),
    losses: /^turns/,
  },
  {
    name: "audio",
    request: () => ({ turns: [user(text("Hi"), media("audio", "audio/wav", { by: "base64", data: "UklGRg==" }))] }),
    find: mediaOf("audio"),
    losses: /^turns/,
  },
  {
    name: "uploaded files",
    request: (from) => ({ turns: [user(text("Hi"), media("document", "application/pdf", uploaded[from]))] }),
    find: mediaOf("document"),
    losses: /^turns/,
  },
  {
    name: "reasoning effort",
    request: () => ({ reasoning: { mode: "default", effort: "high" } }),
    find: ({ reasoning }) => reasoning.effort,
    losses: /^reasoning/,
  },
  {
    name: "reasoning budget",
    request: () => ({
      reasoning: { mode: "budget", budgetTokens: 4096 },
      sampling: { maxTokens: 8192, temperatureMax: 1 },
    }),
    find: ({ reasoning }) => reasoning.budgetTokens,
    losses: /^reasoning/,
  },
  {
    name: "structured output",
    request: () => ({ output: { format: { type: "json-schema", name: "answer", schema } } }),
    find: ({ output }) =>
      output.format?.type === "json-schema" ? Object.keys(output.format.schema["properties"] ?? {}) : undefined,
    losses: /^output/,
  },
  {
    name: "JSON mode",
    request: () => ({ output: { format: { type: "json" } }, turns: [user(text("Answer in JSON."))] }),
    find: ({ output }) => output.format,
    losses: /^output/,
  },
  {
    name: "output limit",
    request: () => ({ sampling: { maxTokens: 2048, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.maxTokens,
    losses: /^sampling\.maxTokens/,
  },
  {
    name: "stop sequences",
    request: () => ({ sampling: { stop: ["END"], temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.stop,
    losses: /^sampling\.stop/,
  },
  {
    name: "temperature",
    request: () => ({ sampling: { temperature: 0.5, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.temperature,
    losses: /^sampling\.temperature/,
  },
  {
    name: "seed",
    request: () => ({ sampling: { seed: 7, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.seed,
    losses: /^sampling\.seed/,
  },
  {
    name: "top-k",
    request: () => ({ sampling: { topK: 20, temperatureMax: 1 } }),
    find: ({ sampling }) => sampling.topK,
    losses: /^sampling\.topK/,
  },
  {
    name: "penalties",
    request: () => ({ sampling: { presencePenalty: 0.5, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.presencePenalty,
    losses: /^sampling\.presencePenalty/,
  },
  {
    name: "logprobs",
    request: () => ({ sampling: { logprobs: { top: 2 }, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.logprobs,
    losses: /^sampling\.logprobs/,
  },
  {
    name: "several answers (n)",
    request: () => ({ sampling: { candidates: 2, temperatureMax: 2 } }),
    find: ({ sampling }) => sampling.candidates,
    losses: /^sampling\.candidates/,
  },
  {
    name: "cache breakpoints",
    request: (from) => ({
      turns: [
        user({ type: "text", text: "Hi", cache: { source: from === "anthropic-messages" ? "anthropic" : "openai" } }),
      ],
    }),
    find: (request) => blocks(request).some(({ cache }) => cache !== undefined) || undefined,
    losses: /cache/,
  },
  {
    name: "cache key",
    request: () => ({ cache: { key: "conversation-1" } }),
    find: ({ cache }) => cache.key,
    losses: /^cache\.key/,
  },
  {
    name: "web search",
    request: (from) => ({
      tools: [{ type: "builtin", tool: "web_search", native: { dialect: from, value: webSearch[from] } }],
    }),
    find: ({ tools }) => tools.some((tool) => tool.type === "builtin" && tool.tool === "web_search") || undefined,
    losses: /^tools/,
  },
  {
    name: "service tier",
    request: () => ({ tier: "default" }),
    find: ({ tier }) => tier,
    losses: /^tier/,
  },
  {
    name: "end user",
    request: () => ({ identity: { endUser: "user-1" } }),
    find: ({ identity }) => identity.endUser ?? identity.safetyId,
    losses: /^identity/,
  },
];
