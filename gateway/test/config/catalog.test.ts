import assert from "node:assert/strict";
import { test } from "node:test";
import { catalog, providerKind } from "../../src/providers/catalog.ts";
import type { ProviderKind } from "../../src/providers/provider.ts";
import { vendorsOfShape } from "../../src/routing/credentials.ts";

const rows: readonly (readonly [string, ProviderKind])[] = Object.entries(catalog);

for (const [id, row] of rows) {
  test(`the row ${id} is well formed`, () => {
    assert.match(id, /^[a-z][a-z-]*$/);
    if (row.baseUrl !== undefined) {
      const url = new URL(row.baseUrl);
      assert.ok(url.protocol === "https:" || url.hostname === "127.0.0.1", "a key never travels in the clear");
      assert.doesNotMatch(row.baseUrl, /\/$/);
    }
    assert.ok(row.dialects.length > 0);
    for (const list of [row.dialects, row.models, row.operations, row.credentialEnv, row.keyPrefixes]) {
      assert.equal(new Set(list).size, list.length, "nothing stands twice");
    }
    assert.ok(row.credentialEnv.length > 0 || row.auth.type === "none" || row.baseUrl === undefined);
  });
}

test("no variable belongs to two vendors", () => {
  const names = rows.flatMap(([, row]) => row.credentialEnv);
  assert.equal(new Set(names).size, names.length);
});

const shapes: readonly (readonly [string, readonly string[]])[] = [
  ["sk-ant-api03-abc", ["anthropic"]],
  ["AIzaSyabc", ["gemini"]],
  ["xai-abc", ["xai"]],
  ["gsk_abc", ["groq"]],
  ["sk-or-v1-abc", ["openrouter"]],
  ["sk-proj-abc", ["openai"]],
  ["pplx-abc", ["perplexity"]],
  ["csk-abc", ["cerebras"]],
  ["fw_abc", ["fireworks"]],
  ["tgp_v1_abc", ["together"]],
  ["nvapi-abc", ["nvidia"]],
  ["hf_abc", ["huggingface"]],
  ["github_pat_abc", ["github-models"]],
  ["sk-abc", ["openai", "deepseek", "moonshot", "dashscope", "vllm", "llamacpp", "openai-compatible"]],
  ["0123456789abcdef", []],
];
for (const [credential, vendors] of shapes) {
  test(`a credential like ${credential} belongs to ${vendors.join(", ") || "nobody in particular"}`, () => {
    assert.deepEqual(vendorsOfShape(credential), vendors);
  });
}

test("a name that every object has is no kind", () => {
  assert.equal(providerKind("constructor"), undefined);
  assert.equal(providerKind("__proto__"), undefined);
  assert.equal(providerKind("openai")?.name, "OpenAI");
});
