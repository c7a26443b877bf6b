import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { relayedRows, type RelayedRow } from "../../src/providers/operations.ts";
import { formBody, formHeaders } from "../support/form.ts";
import { jsonAnswer, type RecordedCall } from "../support/memory-transport.ts";
import { stage, type Stage } from "../support/play.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";

/* What every relayed operation has in common: where it goes, with what, and what comes back. */

const yaml = `
providers:
  openai: { credential: "env::OPENAI_API_KEY" }
  anthropic: { credential: "env::ANTHROPIC_API_KEY" }
  gemini: { credential: "env::GEMINI_API_KEY" }
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:8000/v1", credential: none, models: [m, {id: alias, upstream_id: "org/real"}] }
`;
const environment = {
  OPENAI_API_KEY: "sk-proj-managed",
  ANTHROPIC_API_KEY: "sk-ant-managed",
  GEMINI_API_KEY: "AIzaManaged",
};

function open(answer: (call: RecordedCall) => ReturnType<typeof jsonAnswer> = () => jsonAnswer({ fine: true })): Stage {
  return stage({ yaml, environment, script: answer });
}

const homes = {
  "openai-chat": {
    origin: "http://127.0.0.1:8000",
    base: "/v1",
    model: "local::m",
    upstreamModel: "m",
    provider: "local",
  },
  "openai-responses": {
    origin: "https://api.openai.com",
    base: "/v1",
    model: "openai::gpt-4o",
    upstreamModel: "gpt-4o",
    provider: "openai",
  },
  "anthropic-messages": {
    origin: "https://api.anthropic.com",
    base: "",
    model: "anthropic::claude-sonnet-4-6",
    upstreamModel: "claude-sonnet-4-6",
    provider: "anthropic",
  },
  gemini: {
    origin: "https://generativelanguage.googleapis.com",
    base: "",
    model: "gemini::gemini-embedding-001",
    upstreamModel: "gemini-embedding-001",
    provider: "gemini",
  },
} as const satisfies Record<RelayedRow["surface"], object>;

function requestFor(row: RelayedRow): MemoryRequest {
  const home = homes[row.surface];
  const version = row.surface === "gemini" ? "v1beta" : "v1";
  const target = `/${version}/${row.path.replace("{id}", "id_1").replace("{model}", encodeURIComponent(home.model))}`;
  const headers: Record<string, string> = row.model === "none" ? { "x-genai-provider": home.provider } : {};
  if (row.surface === "anthropic-messages") headers["anthropic-version"] = "2023-06-01";
  const model = row.model === "body" ? { model: home.model } : {};
  if (row.body === "json") return { method: row.method, target, headers, body: { ...model, input: "hi" } };
  if (row.body === "none") return { method: row.method, target, headers };
  const parts =
    row.model === "form" ? [{ name: "model", value: home.model }] : [{ name: "purpose", value: "user_data" }];
  return { method: row.method, target, headers: { ...headers, ...formHeaders }, body: formBody(parts) };
}

describe("every row", () => {
  for (const row of relayedRows) {
    test(`${row.surface}: ${row.method} ${row.path}`, async () => {
      const { ask, upstream, records } = open();
      const { reply } = await ask(requestFor(row));
      assert.equal(reply.status, 200, reply.text);
      assert.deepEqual(reply.json(), { fine: true });
      const [call] = upstream.calls;
      const home = homes[row.surface];
      const path = row.upstream.replace("{id}", "id_1").replace("{model}", home.upstreamModel);
      assert.equal(call?.method, row.method);
      assert.equal(`${call?.origin}${call?.path}`, `${home.origin}${home.base}${path}`);
      assert.equal(call?.headers["content-type"] === undefined, row.body === "none");
      if (row.model === "body") assert.equal((call?.json as { model: string } | undefined)?.model, home.upstreamModel);
      if (row.model === "form") assert.ok(call?.text.includes(`name="model"\r\n\r\n${home.upstreamModel}\r\n`));
      const [record] = records;
      assert.equal(record?.operation, row.id);
      assert.equal(record?.provider, home.provider);
      assert.equal(record?.end, "complete");
      assert.equal(record?.attempts.length, 1);
    });
  }
});

describe("models", () => {
  test("a model's own name is put in, and everything else stays byte for byte", async () => {
    const { ask, upstream, records } = open();
    const body = '{"input": [1.0, 12345678901234567890],\n "model" : "alias", "unknown":{"a":1e3} }';
    await ask({ target: "/v1/embeddings", headers: { "content-type": "application/json" }, body });
    assert.equal(upstream.calls[0]?.text, body.replace('"alias"', '"org/real"'));
    assert.deepEqual(records[0]?.attempts[0]?.edits, ["model: org/real"]);
  });

  test("a request that needs no edit is sent as it came", async () => {
    const { ask, upstream, records } = open();
    const body = ' {"model":"m","input":"x"}\n';
    await ask({ target: "/v1/embeddings", body });
    assert.equal(upstream.calls[0]?.text, body);
    assert.deepEqual(records[0]?.attempts[0]?.edits, []);
  });

  test("only listed models are reached outside chat", async () => {
    const { ask } = open();
    const { reply } = await ask({ target: "/v1/embeddings", body: { model: "local::nothing", input: "x" } });
    assert.equal(reply.status, 404);
    assert.match(reply.text, /does not list the model/);
  });

  for (const target of ["embeddings", "images/generations", "audio/speech", "moderations", "rerank", "completions"]) {
    test(`an Anthropic model has no ${target}, and the 400 says so`, async () => {
      const { ask } = open();
      const { reply } = await ask({ target: `/v1/${target}`, body: { model: "claude-sonnet-4-6", input: "x" } });
      assert.equal(reply.status, 400);
      assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
      assert.match(reply.text, /\\"anthropic\\" has no/);
    });
  }

  test("an Anthropic model has no transcriptions either, told before anything is sent", async () => {
    const { ask, upstream } = open();
    const body = formBody([
      { name: "file", value: "x", filename: "a.wav" },
      { name: "model", value: "claude-sonnet-4-6" },
    ]);
    const { reply } = await ask({ target: "/v1/audio/transcriptions", headers: formHeaders, body });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], "operation_unsupported");
    assert.equal(upstream.calls.length, 0);
  });

  test("moderations without a model go to the first provider that has them", async () => {
    const { ask, upstream } = open();
    const { reply } = await ask({ target: "/v1/moderations", body: { input: "x" } });
    assert.equal(reply.status, 200);
    assert.equal(upstream.calls[0]?.origin, "https://api.openai.com");
    assert.equal(upstream.calls[0]?.text, '{"input":"x"}');
  });

  test("embeddings without a model are a 400", async () => {
    const { ask } = open();
    const { reply } = await ask({ target: "/v1/embeddings", body: { input: "x" } });
    assert.equal(reply.status, 400);
    assert.equal(reply.headers["x-dragoman-error-code"], "missing_parameter");
  });

  test("a model that is no text is a 400", async () => {
    const { ask } = open();
    const { reply } = await ask({ target: "/v1/embeddings", body: { model: 4, input: "x" } });
    assert.equal(reply.headers["x-dragoman-error-code"], "invalid_parameter");
  });

  test("Gemini's second mention of the model follows the path's", async () => {
    const { ask, upstream } = open();
    const model = "models/gemini::gemini-embedding-001";
    const content = { parts: [{ text: "x" }] };
    await ask({
      target: `/v1beta/${model}:batchEmbedContents`,
      body: {
        requests: [
          { model, content },
          { model: "models/other", content },
        ],
      },
    });
    assert.deepEqual(upstream.calls[0]?.json, {
      requests: [
        { model: "models/gemini-embedding-001", content },
        { model: "models/other", content },
      ],
    });
  });
});

describe("token counts", () => {
  test("of a provider that cannot count Responses are ours, in its shape, and called an estimate", async () => {
    const { ask, upstream } = open();
    const { reply } = await ask({ target: "/v1/responses/input_tokens", body: { model: "m", input: "hello world" } });
    assert.equal(reply.headers["x-dragoman-estimated"], "true");
    const counted = reply.json() as { object: string; input_tokens: number };
    assert.equal(counted.object, "response.input_tokens");
    assert.ok(counted.input_tokens > 0);
    assert.equal(upstream.calls.length, 0);
  });

  test("are no usage", async () => {
    const { ask, records } = open(() => jsonAnswer({ object: "response.input_tokens", input_tokens: 7 }));
    await ask({ target: "/v1/responses/input_tokens", body: { model: "gpt-4o", input: "hello world" } });
    assert.equal(records[0]?.usage, undefined);
  });
});

describe("query and headers", () => {
  test("lists keep their pages and filters, and lose a key", async () => {
    const { ask, upstream } = open();
    await ask({
      method: "GET",
      target: "/v1/files?after=file-1&limit=2&purpose=batch&key=AIzaOwn",
      headers: { "x-genai-provider": "openai" },
    });
    assert.equal(upstream.calls[0]?.path, "/v1/files?after=file-1&limit=2&purpose=batch");
  });

  test("what the client accepts goes on, and its credential does not", async () => {
    const { ask, upstream } = open();
    await ask({
      target: "/v1/audio/speech",
      headers: { accept: "application/octet-stream", authorization: "Bearer sk-ant-own" },
      body: { model: "openai::tts-1", input: "x", voice: "alloy" },
    });
    const { headers } = upstream.calls[0] ?? assert.fail();
    assert.equal(headers["accept"], "application/octet-stream");
    assert.equal(headers["authorization"], "Bearer sk-proj-managed");
  });

  test("Gemini's OpenAI endpoint wants Bearer, its own the header", async () => {
    const { ask, upstream } = open();
    await ask({ target: "/v1/embeddings", body: { model: "gemini-embedding-001", input: "x" } });
    await ask({ target: "/v1beta/models/gemini-embedding-001:embedContent", body: { content: {} } });
    const [embeddings, native] = upstream.calls;
    assert.equal(embeddings?.path, "/v1beta/openai/embeddings");
    assert.equal(embeddings?.headers["authorization"], "Bearer AIzaManaged");
    assert.equal(embeddings?.headers["x-goog-api-key"], undefined);
    assert.equal(native?.headers["x-goog-api-key"], "AIzaManaged");
    assert.equal(native?.headers["authorization"], undefined);
  });

  test("an id cannot climb out of its place, whatever is in it", async () => {
    const { ask, upstream } = open();
    await ask({ method: "GET", target: "/v1/files/file%2F1%3Fx%23y", headers: { "x-genai-provider": "openai" } });
    assert.equal(upstream.calls[0]?.path, "/v1/files/file%2F1%3Fx%23y");
  });
});

const usages: readonly {
  readonly name: string;
  readonly target: string;
  readonly model: string;
  readonly answer: unknown;
  readonly usage: object;
}[] = [
  {
    name: "embeddings",
    target: "embeddings",
    model: "m",
    answer: { data: [{ embedding: [0.1] }], usage: { prompt_tokens: 8, total_tokens: 8 } },
    usage: { inputTotal: 8, outputTotal: 0 },
  },
  {
    name: "pictures",
    target: "images/generations",
    model: "m",
    answer: {
      data: [{ b64_json: "A".repeat(200_000) }],
      usage: {
        input_tokens: 50,
        input_tokens_details: { image_tokens: 40, text_tokens: 10 },
        output_tokens: 60,
        total_tokens: 110,
      },
    },
    usage: { inputTotal: 50, outputTotal: 60, inputImage: 40 },
  },
  {
    name: "legacy completions",
    target: "completions",
    model: "m",
    answer: {
      choices: [{ text: 'he said "usage": {"prompt_tokens": 99}' }],
      usage: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 },
    },
    usage: { inputTotal: 3, outputTotal: 4 },
  },
  {
    name: "reranking counted in tokens",
    target: "rerank",
    model: "m",
    answer: { results: [], usage: { total_tokens: 12 } },
    usage: { inputTotal: 12, outputTotal: 0 },
  },
];

describe("usage", () => {
  for (const { name, target, model, answer, usage } of usages) {
    test(`of ${name} is in the record`, async () => {
      const { ask, records } = open(() => jsonAnswer(answer));
      await ask({ target: `/v1/${target}`, body: { model, prompt: "x" } });
      assert.deepEqual(records[0]?.usage, { cacheRead: 0, cacheWrite: 0, ...usage });
    });
  }

  test("of Gemini's embeddings is in the record", async () => {
    const { ask, records } = open(() =>
      jsonAnswer({ embedding: { values: [1] }, usageMetadata: { promptTokenCount: 5 } }),
    );
    await ask({ target: "/v1beta/models/gemini-embedding-001:embedContent", body: { content: {} } });
    assert.equal(records[0]?.usage?.inputTotal, 5);
  });

  test("of an answer without any is unknown", async () => {
    const { ask, records } = open();
    await ask({ target: "/v1/moderations", body: { model: "m", input: "x" } });
    assert.equal(records[0]?.usage, undefined);
  });

  test("of a stored response that is only looked at is not spent again", async () => {
    const { ask, records } = open(() => jsonAnswer({ id: "resp_1", usage: { input_tokens: 5, output_tokens: 5 } }));
    await ask({ method: "GET", target: "/v1/responses/resp_1" });
    assert.equal(records[0]?.usage, undefined);
  });
});

describe("a provider's failure", () => {
  const failing = (status: number) =>
    open(() => jsonAnswer({ error: { message: "no", type: "server_error" } }, status));

  for (const target of ["embeddings", "moderations", "rerank", "completions"]) {
    test(`of ${target} is tried again`, async () => {
      const { ask, upstream } = failing(500);
      const { reply } = await ask({ target: `/v1/${target}`, body: { model: "m", input: "x" } });
      assert.equal(reply.status, 502);
      assert.equal(upstream.calls.length, 3);
    });
  }

  for (const target of ["images/generations", "audio/speech", "batches", "responses/compact"]) {
    test(`of ${target} is not: it may have been done`, async () => {
      const { ask, upstream } = failing(500);
      const model = target === "responses/compact" ? "gpt-4o" : "m";
      const { reply } = await ask({ target: `/v1/${target}`, body: { model, input: "x" } });
      assert.equal(reply.status, 502);
      assert.equal(upstream.calls.length, 1);
    });
  }

  for (const [method, target, calls] of [
    ["GET", "/v1/files/file-1", 3],
    ["DELETE", "/v1/files/file-1", 1],
    ["POST", "/v1/batches/b/cancel", 1],
  ] as const) {
    test(`of ${method} ${target} makes ${calls} calls`, async () => {
      const { ask, upstream } = failing(503);
      await ask({ method, target });
      assert.equal(upstream.calls.length, calls);
    });
  }

  test("of an upload is not tried again", async () => {
    const { ask, upstream } = failing(500);
    const body = formBody([
      { name: "model", value: "m" },
      { name: "file", value: "x", filename: "a.wav" },
    ]);
    const { reply } = await ask({ target: "/v1/audio/transcriptions", headers: formHeaders, body });
    assert.equal(reply.status, 502);
    assert.equal(upstream.calls.length, 1);
  });

  test("keeps its status and body where the mistake is the caller's", async () => {
    const error = { error: { message: "voice is unknown", type: "invalid_request_error", param: "voice", code: null } };
    const { ask } = open(() => jsonAnswer(error, 400));
    const { reply } = await ask({ target: "/v1/audio/speech", body: { model: "m", input: "x" } });
    assert.equal(reply.status, 400);
    assert.deepEqual(reply.json(), error);
  });

  test("is told when it is a web page", async () => {
    const { ask } = open(() => [{ headers: { "content-type": "text/html" } }, { data: "<html>" }, { end: true }]);
    const { reply } = await ask({ target: "/v1/embeddings", body: { model: "m", input: "x" } });
    assert.equal(reply.status, 502);
    assert.equal(reply.headers["x-dragoman-error-code"], "provider_bad_response");
  });
});
