import assert from "node:assert/strict";
import { test } from "node:test";
import { matchOperation } from "../../src/operations/table.ts";
import { stage } from "../support/play.ts";

const paths: readonly { readonly method: string; readonly path: string; readonly expect: string }[] = [
  ...["", "/v1", "/api/v1", "/v1/v1", "/v1/"].flatMap((base) => [
    { method: "POST", path: `${base}/chat/completions`, expect: "chat-completions" },
    { method: "POST", path: `${base}/messages`, expect: "messages" },
    { method: "POST", path: `${base}/messages/count_tokens`, expect: "count-tokens-anthropic" },
    { method: "POST", path: `${base}/responses`, expect: "responses" },
    { method: "POST", path: `${base}/embeddings`, expect: "embeddings" },
    { method: "GET", path: `${base}/models`, expect: "models" },
    { method: "GET", path: `${base}/models/org/model`, expect: "model org/model" },
    { method: "GET", path: `${base}/models/org%2Fmodel`, expect: "model org/model" },
  ]),
  ...["/v1beta", "/v1", "/v1alpha", "/api/v1beta", "/v1/v1beta", "/api/v1/v1beta", ""].flatMap((base) => [
    { method: "POST", path: `${base}/models/g-1:generateContent`, expect: "generate-content g-1" },
    { method: "POST", path: `${base}/models/g-1:streamGenerateContent`, expect: "generate-content g-1" },
    { method: "POST", path: `${base}/models/g-1:countTokens`, expect: "count-tokens-gemini g-1" },
    { method: "POST", path: `${base}/models/g-1:embedContent`, expect: "embed-content g-1" },
    { method: "POST", path: `${base}/models/g-1:batchEmbedContents`, expect: "batch-embed-contents g-1" },
  ]),
  { method: "POST", path: "/v1beta/models/models/g-1:generateContent", expect: "generate-content g-1" },
  {
    method: "POST",
    path: "/v1beta/models/openai%3A%3Agpt-4o:generateContent",
    expect: "generate-content openai::gpt-4o",
  },
  { method: "POST", path: "/v1beta/models/openai::gpt-4o:generateContent", expect: "generate-content openai::gpt-4o" },
  { method: "POST", path: "/v1beta/tunedModels/t-1:generateContent", expect: "generate-content tunedModels/t-1" },
  { method: "GET", path: "/health", expect: "health" },
  { method: "GET", path: "/healthz", expect: "health" },
  { method: "GET", path: "/readyz", expect: "ready" },
  { method: "GET", path: "/", expect: "welcome" },
  ...["/", "/v1", "/api/hello", "/v1/messages", "/nothing/here"].map((path) => {
    return { method: "HEAD", path, expect: "welcome" };
  }),
  { method: "GET", path: "/v1/health", expect: "path-not-found" },
  { method: "GET", path: "/v1/responses/resp_1", expect: "stored-responses resp_1" },
  { method: "DELETE", path: "/v1/responses/resp_1", expect: "stored-responses resp_1" },
  { method: "POST", path: "/v1/responses/resp_1/cancel", expect: "stored-responses resp_1" },
  { method: "GET", path: "/v1/responses/resp_1/input_items", expect: "stored-responses resp_1" },
  { method: "GET", path: "/v1/files/file-1/content", expect: "files file-1" },
  { method: "GET", path: "/v1/files/..", expect: "path-not-found" },
  { method: "GET", path: "/v1/files/%2e%2e/content", expect: "path-not-found" },
  { method: "GET", path: "/v1/batches/a%2F..%2Fb", expect: "path-not-found" },
  { method: "POST", path: "/v1/batches/batch_1/cancel", expect: "batches batch_1" },
  { method: "POST", path: "/v1/responses/input_tokens", expect: "count-tokens-responses" },
  { method: "POST", path: "/v1/responses/compact", expect: "compact-responses" },
  { method: "POST", path: "/v1/messages/batches", expect: "message-batches" },
  { method: "GET", path: "/v1/messages/batches/b_1/results", expect: "message-batches b_1" },
  { method: "POST", path: "/v1/audio/speech", expect: "speech" },
  { method: "POST", path: "/admin%2fapi", expect: "path-not-found" },
  { method: "POST", path: "/V1/chat/completions", expect: "path-not-found" },
  { method: "POST", path: "/v1/../admin", expect: "path-not-found" },
  { method: "GET", path: "/v1/chat/completions", expect: "method-not-allowed POST, HEAD, OPTIONS" },
  { method: "PUT", path: "/v1/files/file-1", expect: "method-not-allowed GET, DELETE, HEAD, OPTIONS" },
  { method: "POST", path: "/v1/models", expect: "method-not-allowed GET, HEAD, OPTIONS" },
];

for (const { method, path, expect } of paths) {
  test(`path: ${method} ${path} → ${expect}`, () => {
    const match = matchOperation(method, path);
    const outcome =
      match.kind === "match"
        ? `${match.operation.id}${match.subject === "" ? "" : ` ${match.subject}`}`
        : match.kind === "method-not-allowed"
          ? `${match.kind} ${match.allow.join(", ")}`
          : match.kind;
    assert.equal(outcome, expect);
  });
}

test("an unknown path answers in the format that its headers show", async () => {
  const { ask } = stage({});
  const plain = await ask({ target: "/v2/chat" });
  assert.equal(plain.reply.status, 404);
  assert.ok("error" in (plain.reply.json() as object));
  const anthropic = await ask({ target: "/v2/chat", headers: { "anthropic-version": "2023-06-01" } });
  assert.equal((anthropic.reply.json() as { type: string }).type, "error");
  const gemini = await ask({ target: "/v1beta/nothing" });
  assert.equal((gemini.reply.json() as { error: { status: string } }).error.status, "NOT_FOUND");
});

test("a wrong method says which ones there are", async () => {
  const { ask } = stage({});
  const { reply } = await ask({ method: "GET", target: "/v1/chat/completions" });
  assert.equal(reply.status, 405);
  assert.equal(reply.headers["allow"], "POST, HEAD, OPTIONS");
});

test("probes are answered whatever key they bring, and not recorded", async () => {
  const { ask, records } = stage({ yaml: "require_keys: true\n" });
  for (const [method, target] of [
    ["GET", "/health"],
    ["GET", "/readyz"],
    ["HEAD", "/api/hello"],
  ] as const) {
    for (const headers of [{}, { authorization: "Bearer drg-wrong" }]) {
      const { reply } = await ask({ method, target, headers });
      assert.equal(reply.status, 200, `${method} ${target}`);
    }
  }
  assert.equal(records.length, 0);
  const { reply } = await ask({ method: "GET", target: "/v1/models", headers: {} });
  assert.equal(reply.status, 401);
});

const shapes: readonly {
  readonly name: string;
  readonly target: string;
  readonly headers?: Record<string, string>;
  readonly key: string;
}[] = [
  { name: "OpenAI", target: "/v1/models", key: "data" },
  {
    name: "Anthropic",
    target: "/v1/models?limit=1000",
    headers: { "anthropic-version": "2023-06-01" },
    key: "has_more",
  },
  { name: "Codex", target: "/v1/models?client_version=0.169.0", key: "models" },
  { name: "Gemini", target: "/v1beta/models", key: "models" },
  {
    name: "Gemini (asked at /v1)",
    target: "/v1/models",
    headers: { "x-goog-api-client": "google-genai-sdk/3.1.0" },
    key: "models",
  },
];

for (const { name, target, headers = {}, key } of shapes) {
  test(`the model list in ${name}'s shape`, async () => {
    const { ask } = stage({});
    const { reply } = await ask({ method: "GET", target, headers });
    assert.equal(reply.status, 200);
    assert.ok(key in (reply.json() as object), reply.text);
  });
}

test("x-genai-sdk sets the format of a chat path", async () => {
  const { ask } = stage({});
  const { reply } = await ask({
    headers: { "x-genai-sdk": "anthropic" },
    body: { model: "any", max_tokens: 5, messages: [{ role: "user", content: "hi" }] },
  });
  assert.equal((reply.json() as { type: string }).type, "message");
});

test("tokens are counted here where the provider cannot, and called an estimate", async () => {
  const { ask } = stage({});
  const { reply } = await ask({
    target: "/v1/messages/count_tokens",
    body: { model: "any", messages: [{ role: "user", content: "hello world" }] },
  });
  assert.equal(reply.headers["x-dragoman-estimated"], "true");
  assert.ok((reply.json() as { input_tokens: number }).input_tokens > 0);
});
