import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { catalog } from "../../src/providers/catalog.ts";
import type { ProviderKind } from "../../src/providers/provider.ts";
import { vendorsOfShape } from "../../src/routing/credentials.ts";
import { jsonAnswer, sseAnswer, type Script } from "../support/memory-transport.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { stage } from "../support/play.ts";

/*
 * Adding a provider that speaks an OpenAI-compatible API is one row, one fixture and one line of documentation. Here are the
 * three of one that nobody has heard of, and everything that follows from them.
 */

/** The row. It would stand in providers/host-rows.ts. */
const row = {
  name: "Made Up AI",
  baseUrl: "https://api.made-up.example/inference/v1",
  dialects: ["openai-chat"],
  auth: { type: "bearer" },
  credentialEnv: ["MADE_UP_API_KEY"],
  keyPrefixes: ["mu-"],
  models: ["made-*"],
  operations: ["embeddings"],
  traits: { maxTokensField: "max_tokens" },
} as const satisfies ProviderKind;

/** The fixture: what it answers. It would stand in test/corpus/openai-chat/. */
const fixture = {
  id: "made-1",
  object: "chat.completion",
  created: 1_760_000_000,
  model: "made-2",
  choices: [{ index: 0, message: { role: "assistant", content: "Made up." }, finish_reason: "stop" }],
  usage: { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 },
};

/** The line of documentation, as test/providers/docs.test.ts wants it in docs/providers.md. */
const line = "| `made-up` | Made Up AI | openai-chat | embeddings |";

before(() => void Object.assign(catalog, { "made-up": row }));
after(() => void Reflect.deleteProperty(catalog, "made-up"));

const environment = { MADE_UP_API_KEY: "mu-managed" };
const script: Script = (call) => {
  if (call.path.endsWith("/embeddings"))
    return jsonAnswer({ object: "list", data: [], usage: { prompt_tokens: 1, total_tokens: 1 } });
  const isStream = (call.json as { stream?: boolean }).stream === true;
  if (!isStream) return jsonAnswer(fixture);
  const { choices, usage, ...about } = fixture;
  const chunk = { ...about, object: "chat.completion.chunk" };
  return sseAnswer([
    ...choices.map(({ index, message, finish_reason }) =>
      event({ ...chunk, choices: [{ index, delta: message, finish_reason }] }),
    ),
    event({ ...chunk, choices: [], usage }),
    "data: [DONE]\n\n",
  ]);
};

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}

const messages = [{ role: "user", content: "hi" }];
const formats: readonly { readonly name: string; readonly request: MemoryRequest }[] = [
  {
    name: "OpenAI Chat",
    request: { target: "/v1/chat/completions", body: { model: "made-2", messages, max_completion_tokens: 9 } },
  },
  {
    name: "OpenAI Responses",
    request: { target: "/v1/responses", body: { model: "made-2", input: "hi", max_output_tokens: 9 } },
  },
  {
    name: "Anthropic Messages",
    request: { target: "/v1/messages", body: { model: "made-2", messages, max_tokens: 9 } },
  },
  {
    name: "Gemini",
    request: {
      target: "/v1beta/models/made-2:generateContent",
      body: { contents: [{ role: "user", parts: [{ text: "hi" }] }], generationConfig: { maxOutputTokens: 9 } },
    },
  },
];

function streamed({ target = "", body }: MemoryRequest): MemoryRequest {
  if (target.endsWith(":generateContent")) {
    return {
      target: target.replace(":generateContent", ":streamGenerateContent?alt=sse"),
      ...(body === undefined ? {} : { body }),
    };
  }
  return { target, body: { ...(body as object), stream: true } };
}

for (const { name, request } of formats) {
  for (const how of ["plain", "streamed"]) {
    test(`clients of ${name} reach it, ${how}, with nothing but its variable set`, async () => {
      const { ask, upstream, records } = stage({ environment, script });
      const { reply } = await ask(how === "plain" ? request : streamed(request));
      assert.equal(reply.status, 200, reply.text);
      assert.match(reply.text, /Made up\./);
      const [call] = upstream.calls;
      assert.equal(`${call?.origin}${call?.path}`, `${row.baseUrl}/chat/completions`);
      assert.equal(call?.headers["authorization"], "Bearer mu-managed");
      assert.equal((call?.json as { max_tokens?: number } | undefined)?.max_tokens, 9);
      assert.equal(records[0]?.provider, "made-up");
      assert.equal(records[0]?.usage?.inputTotal, 3);
      assert.equal(records[0]?.end, "complete");
    });
  }
}

test("its embeddings are relayed, and what it does not have is a 400", async () => {
  const { ask, upstream } = stage({ environment, script });
  const embeddings = await ask({ target: "/v1/embeddings", body: { model: "made-embed", input: "x" } });
  assert.equal(embeddings.reply.status, 200);
  assert.equal(upstream.calls[0]?.path, "/inference/v1/embeddings");
  const speech = await ask({ target: "/v1/audio/speech", body: { model: "made-voice", input: "x" } });
  assert.equal(speech.reply.status, 400);
  assert.equal(speech.reply.headers["x-dragoman-error-code"], "operation_unsupported");
});

test("its keys are known by their shape, so that they go nowhere else", () => {
  assert.deepEqual(vendorsOfShape("mu-secret"), ["made-up"]);
});

test("it can be configured under another name, with another address", async () => {
  const yaml =
    "providers: { mine: { kind: made-up, base_url: 'http://127.0.0.1:9/v1', credential: 'env::MADE_UP_API_KEY' } }";
  const { ask, upstream } = stage({ yaml, environment, script });
  await ask({ target: "/v1/chat/completions", body: { model: "mine::made-2", messages } });
  assert.equal(upstream.calls[0]?.origin, "http://127.0.0.1:9");
});

test("its line of documentation says what its row says", () => {
  assert.equal(line, `| \`made-up\` | ${row.name} | ${row.dialects.join(", ")} | ${row.operations.join(", ")} |`);
});
