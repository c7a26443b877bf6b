import assert from "node:assert/strict";
import { test } from "node:test";
import { findLocalServers } from "../../src/cli/local-servers.ts";
import { loadConfig } from "../../src/config/load.ts";
import { resolve } from "../../src/routing/resolve.ts";

const ollamaUrl = "http://127.0.0.1:11434/v1/models";
const list = (...ids: readonly string[]) => JSON.stringify({ object: "list", data: ids.map((id) => ({ id })) });

function answering(answers: Readonly<Record<string, string>>): typeof fetch {
  return (url) => {
    const body = typeof url === "string" ? answers[url] : undefined;
    return body === undefined ? Promise.reject(new TypeError("fetch failed")) : Promise.resolve(new Response(body));
  };
}

test("a model server on this machine is found with its models, one that is not there or says nothing is not", async () => {
  assert.deepEqual(await findLocalServers(answering({ [ollamaUrl]: list("llama3:latest", "qwen") })), {
    ollama: ["llama3:latest", "qwen"],
  });
  for (const body of ["", "no list", "{}", list(), '{"data":[{"id":7},null]}']) {
    assert.deepEqual(await findLocalServers(answering({ [ollamaUrl]: body })), {}, body);
  }
});

test("what was found is a provider; one with a key comes before it, and a file's providers are all there are", () => {
  const environment = { OPENAI_API_KEY: "sk-x" };
  const localServers = { ollama: ["llama3:latest", "gpt-4o"] };
  const readFile = () => ({ ok: true, value: "providers: { openai: { credential: env::OPENAI_API_KEY } }\n" }) as const;
  const loaded = loadConfig({ environment, readFile, localServers });
  assert.ok(loaded.ok);
  assert.deepEqual(
    loaded.value.providers.map(({ id }) => id),
    ["openai", "ollama"],
  );
  const asked = { providerHeader: "", dialect: "openai-chat", chat: true } as const;
  const found = resolve(loaded.value, { ...asked, model: "llama3:latest" });
  assert.equal(found.ok && found.value.provider.id, "ollama");
  const written = loadConfig({ environment, readFile, localServers, file: "/dragoman.yaml" });
  assert.ok(written.ok);
  assert.deepEqual(
    written.value.providers.map(({ id }) => id),
    ["openai"],
  );
});
