import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { configOf, loadText } from "./support.ts";

/* `compatibility` sets defaults: one line moves them, and what the file says itself wins. */

function firstByteMs(config: Config): readonly (readonly [string, number, number])[] {
  return config.providers.map(({ id, timeouts }) => [id, timeouts.firstByteStreamMs, timeouts.firstBytePlainMs]);
}

test("without the line nothing changes", () => {
  const config = configOf("providers: { vllm: {} }\n");
  assert.equal(config.compatibility, "none");
  assert.deepEqual([config.errors.dialect, config.retry.maxRetries, config.demo.enabled], ["auto", 2, true]);
  assert.deepEqual(firstByteMs(config), [["vllm", 120_000, 600_000]]);
});

test("one line sets every default", () => {
  const config = configOf("compatibility: to11\nproviders: { vllm: {} }\n");
  assert.equal(config.compatibility, "to11");
  assert.deepEqual([config.errors.dialect, config.retry.maxRetries], ["plain", 0]);
  assert.deepEqual(config.demo, { enabled: false, catchAll: false });
  assert.deepEqual(firstByteMs(config), [["vllm", 30_000, 30_000]]);
});

test("providers of the environment have its defaults too", () => {
  const config = configOf("compatibility: to11\n", { environment: { OPENAI_API_KEY: "sk-1" } });
  assert.deepEqual(firstByteMs(config), [["openai", 30_000, 30_000]]);
});

test("what the file says itself wins, member by member", () => {
  const config = configOf(
    [
      "compatibility: to11",
      "demo: { enabled: true }",
      "retry: { backoff_base_ms: 100 }",
      "errors: { dialect: auto }",
      "providers: { vllm: { timeout_ms: 5000 }, ollama: {} }",
      "",
    ].join("\n"),
  );
  assert.deepEqual([config.errors.dialect, config.demo.enabled], ["auto", true]);
  assert.deepEqual([config.retry.maxRetries, config.retry.backoffBaseMs], [0, 100]);
  assert.deepEqual(firstByteMs(config), [
    ["vllm", 5_000, 5_000],
    ["ollama", 30_000, 30_000],
  ]);
});

test("a profile that does not exist is a mistake at its place, and so is a mistake below it", () => {
  const loaded = loadText("compatibility: to12\nretry: { max_retries: many }\n");
  assert.ok(!loaded.ok);
  const said = loaded.error.map(({ path, place }) => [path, place.kind === "file" ? place.line : 0]);
  assert.deepEqual(said, [
    ["compatibility", 1],
    ["retry.max_retries", 2],
  ]);
});
