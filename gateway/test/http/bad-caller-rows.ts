import { CHAT, GEMINI, MESSAGES, chat, type BadInput } from "./bad-input.ts";

const key = "dgm_abcd_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I";

/** Callers who may not, and paths and methods that do not exist. */
export const badCallers: readonly BadInput[] = [
  {
    name: "an unknown gateway key",
    target: CHAT,
    headers: { authorization: `Bearer ${key}` },
    body: chat(""),
    status: 401,
    code: "invalid_gateway_key",
  },
  {
    name: "an unknown gateway key in the query",
    target: `${GEMINI}?key=${key}`,
    body: "{}",
    status: 401,
    code: "invalid_gateway_key",
  },
  {
    name: "two gateway keys",
    target: MESSAGES,
    headers: { authorization: `Bearer ${key}`, "x-api-key": key.replace("abcd", "abce") },
    body: chat(""),
    status: 400,
    code: "ambiguous_credentials",
  },
  {
    name: "a project of 65 characters",
    target: CHAT,
    headers: { "x-dragoman-project-id": "p".repeat(65) },
    body: chat(""),
    status: 400,
    code: "invalid_parameter",
  },
  { name: "an unknown path", target: "/v1/nothing", body: "{}", status: 404, code: "path_not_found" },
  { name: "an unknown path of Gemini's", target: "/v1beta/nothing", body: "{}", status: 404, code: "path_not_found" },
  {
    name: "a path that climbs",
    target: "/v1/files/..%2f..%2fadmin",
    method: "GET",
    status: 404,
    code: "path_not_found",
  },
  {
    name: "a path that is no percent-encoding",
    target: "/v1/files/%zz%",
    method: "PUT",
    status: 405,
    code: "method_not_allowed",
  },
  { name: "a wrong method", target: MESSAGES, method: "PATCH", body: "{}", status: 405, code: "method_not_allowed" },
  {
    name: "an image without a provider for it",
    target: "/v1/files/x",
    method: "GET",
    headers: { "x-genai-provider": "nobody" },
    status: 404,
    code: "model_not_found",
  },
];
