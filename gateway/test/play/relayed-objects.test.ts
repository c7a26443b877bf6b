import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gatewayKey } from "../support/keys.ts";
import { jsonAnswer, sseStart, type Step } from "../support/memory-transport.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { relayedStage, stage } from "../support/play.ts";

/* Requests that name no model, but something that a provider keeps. */

describe("a stored response that is streamed again", () => {
  const created = `event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1,"model":"gpt-4o","status":"in_progress","output":[]}}\n\n`;
  const completed = `event: response.completed\ndata: {"type":"response.completed","sequence_number":9,"response":{"id":"resp_1","object":"response","created_at":1,"model":"gpt-4o","status":"completed","output":[],"usage":{"input_tokens":5,"output_tokens":6,"total_tokens":11}}}\n\n`;
  const request: MemoryRequest = { method: "GET", target: "/v1/responses/resp_1?stream=true&starting_after=3" };

  test("passes untouched and is not spent again", async () => {
    const { ask, upstream, records } = relayedStage([...sseStart(created, completed), { end: true }]);
    const { reply } = await ask(request);
    assert.equal(reply.text, created + completed);
    assert.equal(upstream.calls[0]?.path, "/v1/responses/resp_1?stream=true&starting_after=3");
    assert.equal(records[0]?.usage, undefined);
    assert.equal(records[0]?.end, "complete");
  });

  test("that breaks off fails in its own format, numbered on", async () => {
    const { ask, records } = relayedStage([...sseStart(created), { waitMs: 10 }, { error: { kind: "reset" } }]);
    const { reply } = await ask(request);
    const added = reply.text.slice(created.length);
    assert.match(
      added,
      /event: response\.failed\ndata: \{"type":"response\.failed","sequence_number":\d+,"response":\{"id":"resp_1"/,
    );
    assert.equal(records[0]?.end, "truncated");
  });
});

describe("a file's content", () => {
  const content = (type: string): MemoryRequest & { readonly answer: Step[] } => ({
    method: "GET",
    target: "/v1/files/file-1/content",
    headers: { "x-genai-provider": "openai" },
    answer: [
      { headers: { "content-type": type } },
      { data: 'data: {"error":{"message":"a line of a file"}}\n\n' },
      { data: "rest" },
      { end: true },
    ],
  });

  for (const type of ["application/json", "text/event-stream", "application/octet-stream", "text/html"]) {
    test(`is never looked at, though it is called ${type}`, async () => {
      const { answer, ...request } = content(type);
      const { ask, records } = relayedStage(answer);
      const { reply } = await ask(request);
      assert.equal(reply.text, 'data: {"error":{"message":"a line of a file"}}\n\nrest');
      assert.equal(reply.headers["content-type"], type);
      assert.equal(records[0]?.end, "complete");
    });
  }

  test("that is empty is empty", async () => {
    const { ask } = relayedStage([{ headers: { "content-type": "text/plain" } }, { end: true }]);
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file-1/content",
      headers: { "x-genai-provider": "openai" },
    });
    assert.equal(reply.status, 200);
    assert.equal(reply.text, "");
  });

  test("at another address is not fetched: the key would go there", async () => {
    const { ask, upstream } = relayedStage([
      { status: 302, headers: { location: "http://169.254.169.254/" } },
      { end: true },
    ]);
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file-1/content",
      headers: { "x-genai-provider": "openai" },
    });
    assert.equal(reply.status, 502);
    assert.equal(upstream.calls.length, 1);
  });
});

describe("ids without a model", () => {
  const fine = () => jsonAnswer({ id: "x" });

  test("go to the first provider that has the operation", async () => {
    const { ask, upstream } = relayedStage(fine);
    await ask({ method: "GET", target: "/v1/files" });
    await ask({ method: "GET", target: "/v1/responses/resp_1" });
    assert.deepEqual(
      upstream.calls.map(({ origin }) => origin),
      ["http://127.0.0.1:1", "https://api.openai.com"],
    );
  });

  test("go where the header says, by id or by kind", async () => {
    const { ask, upstream } = relayedStage(fine);
    for (const provider of ["openai", "openai-compatible"]) {
      await ask({ method: "GET", target: "/v1/batches/b", headers: { "x-genai-provider": provider } });
    }
    assert.deepEqual(
      upstream.calls.map(({ origin }) => origin),
      ["https://api.openai.com", "http://127.0.0.1:1"],
    );
  });

  test("of a provider that does not have them are a 400 that says so", async () => {
    const { ask } = relayedStage(fine);
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers: { "x-genai-provider": "anthropic" } });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
  });

  test("of a provider that is not configured are a 404", async () => {
    const { ask } = relayedStage(fine);
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers: { "x-genai-provider": "groq" } });
    assert.equal(reply.status, 404);
  });

  test("asked for as Anthropic's go to Anthropic, and its errors are in its shape", async () => {
    const { ask, upstream } = relayedStage(() =>
      jsonAnswer({ type: "error", error: { type: "not_found_error", message: "no file" } }, 404),
    );
    const { reply } = await ask({
      method: "GET",
      target: "/v1/files/file_1",
      headers: { "anthropic-version": "2023-06-01" },
    });
    assert.equal(upstream.calls[0]?.origin, "https://api.anthropic.com");
    assert.equal(upstream.calls[0]?.path, "/v1/files/file_1");
    assert.equal(reply.status, 404);
    assert.deepEqual(reply.json(), { type: "error", error: { type: "not_found_error", message: "no file" } });
  });

  test("where nobody has them are a 400", async () => {
    const only = stage({ yaml: "providers: { deepseek: { credential: none } }", environment: {} });
    const { reply } = await only.ask({ method: "GET", target: "/v1/files" });
    assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
  });

  const key = gatewayKey();
  for (const [method, target] of [
    ["GET", "/v1/files"],
    ["GET", "/v1/responses/resp_1"],
    ["POST", "/v1/batches/b/cancel"],
    ["DELETE", "/v1/files/file-1"],
  ] as const) {
    test(`with gateway keys, ${method} ${target} is no business of the gateway's account`, async () => {
      const { ask, upstream } = relayedStage(fine, key.yaml);
      for (const provider of ["openai", "chatty"]) {
        const headers = { authorization: key.authorization, "x-genai-provider": provider };
        const { reply } = await ask({ method, target, headers });
        assert.notEqual(reply.status, 200, reply.text);
        if (provider === "openai") assert.equal(reply.headers["x-dragoman-error-code"], "shared_account");
      }
      assert.equal(upstream.calls.length, 0);
    });
  }

  test("with gateway keys, the caller's own account is the caller's", async () => {
    const { ask, upstream } = relayedStage(fine, key.yaml);
    const headers = {
      "x-dragoman-authorization": key.authorization,
      authorization: "Bearer sk-proj-own",
      "x-genai-provider": "openai",
    };
    const { reply } = await ask({ method: "GET", target: "/v1/files", headers });
    assert.equal(reply.status, 200, reply.text);
    assert.equal(upstream.calls[0]?.headers["authorization"], "Bearer sk-proj-own");
  });

  test("embeddings with a gateway key are nobody's secret", async () => {
    const { ask } = relayedStage(fine, key.yaml);
    const { reply } = await ask({
      target: "/v1/embeddings",
      headers: { authorization: key.authorization },
      body: { model: "m", input: "x" },
    });
    assert.equal(reply.status, 200);
  });
});
