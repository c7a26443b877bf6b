import { asArray, asObject, asString, type Json, type JsonObject } from "../../../src/lib/json.ts";
import { brokenRule } from "../../support/gemini-write.ts";
import { halves, sse, type Format } from "./format.ts";

const MODEL = "gemini-2.5-pro";

/** https://ai.google.dev/api/generate-content */
export const gemini: Format = {
  dialect: "gemini",
  kind: "gemini",
  basePath: "",
  model: MODEL,
  isStreamed: (target) => target.includes(":streamGenerateContent"),
  brokenRules: (body) => [brokenRule({ body, headers: {}, losses: [] }, MODEL) ?? []].flat(),
  readTurn(body) {
    const parts = (asArray(body["contents"]) ?? [])
      .flatMap((content) => asArray(asObject(content)?.["parts"]) ?? [])
      .map((part) => asObject(part) ?? {});
    const calls = present(parts, "functionCall").map((call) => ({
      id: asString(call["id"]) ?? "",
      name: asString(call["name"]) ?? "",
      arguments: asObject(call["args"]) ?? {},
    }));
    const results = present(parts, "functionResponse").map((result) => ({
      callId: asString(result["id"]) ?? "",
      text: JSON.stringify(result["response"] ?? {}),
    }));
    const tools = (asArray(body["tools"]) ?? [])
      .flatMap((tool) => asArray(asObject(tool)?.["functionDeclarations"]) ?? [])
      .map((tool) => asString(asObject(tool)?.["name"]) ?? "");
    return { tools, calls, results };
  },
  // This generation of models gives calls no ids.
  callStream: ({ name, arguments: args }) => [chunk([{ functionCall: { name, args } }], "STOP")],
  textStream(text) {
    const [first, second] = halves(text);
    return [chunk([{ text: first }]), chunk([{ text: second }], "STOP")];
  },
  textBody: (text) => answer([{ text }], "STOP"),
  // The wait is in the body, not in a header.
  rateLimit: (seconds) =>
    error(429, "RESOURCE_EXHAUSTED", "Resource has been exhausted: scripted.", [
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: `${seconds}s` },
    ]),
  errors: {
    "wrong-key": error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", [
      { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID", domain: "googleapis.com" },
    ]),
    "server-error": error(500, "INTERNAL", "An internal error has occurred: scripted."),
    overloaded: error(503, "UNAVAILABLE", "The model is overloaded: scripted."),
    "context-length": error(
      400,
      "INVALID_ARGUMENT",
      "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
    ),
  },
};

function present(parts: readonly JsonObject[], member: string): readonly JsonObject[] {
  return parts.map((part) => asObject(part[member])).filter((found) => found !== undefined);
}

function chunk(parts: Json[], finish?: string): string {
  return sse(answer(parts, finish));
}

function answer(parts: Json[], finish?: string): JsonObject {
  return {
    candidates: [
      { index: 0, content: { role: "model", parts }, ...(finish === undefined ? {} : { finishReason: finish }) },
    ],
    usageMetadata: { promptTokenCount: 900, candidatesTokenCount: 9, totalTokenCount: 909 },
    modelVersion: MODEL,
    responseId: "scripted",
  };
}

function error(status: number, rpcStatus: string, message: string, details: Json[] = []) {
  return { status, body: { error: { code: status, message, status: rpcStatus, details } } };
}
