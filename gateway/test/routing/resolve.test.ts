import assert from "node:assert/strict";
import { test } from "node:test";
import { resolve } from "../../src/routing/resolve.ts";
import { configOf } from "../support/config.ts";

const environment = { OPENAI_API_KEY: "sk-a", ANTHROPIC_API_KEY: "sk-ant-a", XAI_API_KEY: "xai-a" };

const yaml = `
providers:
  openai: { credential: "env::OPENAI_API_KEY", models: [gpt-4o, shared, text-embedding-3-small] }
  anthropic: { credential: "env::ANTHROPIC_API_KEY", models: [claude-sonnet-4-6, shared, "claude-*"] }
  team-a:
    kind: openai-compatible
    base_url: http://127.0.0.1:8000/v1
    credential: none
    models: [{ id: qwen, upstream_id: Qwen/Qwen3-32B, timeout_ms: 1234 }, anthropic/claude-in-disguise, gpt-4o]
  team-b: { kind: openai-compatible, base_url: "http://127.0.0.1:8001/v1", credential: none, models: [only-b] }
`;

type Row = {
  readonly name: string;
  readonly model: string;
  readonly header?: string;
  readonly dialect?: "openai-chat" | "anthropic-messages" | "gemini" | "openai-responses";
  readonly chat?: boolean;
  /** `provider upstreamModel`, or the code of the failure. */
  readonly expect: string;
};

const rows: readonly Row[] = [
  { name: "a bare model of one provider", model: "gpt-4o", expect: "openai gpt-4o" },
  {
    name: "a bare model that two list goes to the first in the file",
    model: "gpt-4o",
    dialect: "gemini",
    expect: "openai gpt-4o",
  },
  {
    name: "a shared model goes to the first that speaks the client's dialect",
    model: "shared",
    dialect: "anthropic-messages",
    expect: "anthropic shared",
  },
  {
    name: "a shared model in the first one's dialect",
    model: "shared",
    dialect: "openai-chat",
    expect: "openai shared",
  },
  { name: "a family pattern", model: "claude-opus-9", expect: "anthropic claude-opus-9" },
  { name: "an alias is sent under its upstream id", model: "qwen", expect: "team-a Qwen/Qwen3-32B" },
  { name: "an unknown bare model", model: "nope", expect: "model_not_found" },
  { name: "no model", model: "", expect: "missing_parameter" },
  { name: "provider::model", model: "openai::gpt-4o", expect: "openai gpt-4o" },
  { name: "provider::model outside the list, chat", model: "openai::gpt-9", expect: "openai gpt-9" },
  {
    name: "provider::model outside the list, not chat",
    model: "openai::gpt-9",
    chat: false,
    expect: "model_not_found",
  },
  {
    name: "provider::model in the list, not chat",
    model: "openai::text-embedding-3-small",
    chat: false,
    expect: "openai text-embedding-3-small",
  },
  { name: "provider::alias", model: "team-a::qwen", expect: "team-a Qwen/Qwen3-32B" },
  { name: "kind::model", model: "openai-compatible::only-b", expect: "team-b only-b" },
  { name: "unknown::model", model: "x::m", expect: "model_not_found" },
  { name: "an empty name behind the prefix", model: "openai::", expect: "model_not_found" },
  { name: "route::name", model: "route::balanced", expect: "not_configured" },
  { name: "function::name", model: "function::summarize", expect: "not_configured" },
  { name: "provider/model", model: "anthropic/claude-sonnet-4-6", expect: "anthropic claude-sonnet-4-6" },
  { name: "provider/model with slashes", model: "team-b/org/model", expect: "team-b org/model" },
  {
    name: "an id that looks like provider/model is that id",
    model: "anthropic/claude-in-disguise",
    expect: "team-a anthropic/claude-in-disguise",
  },
  { name: "a known kind that is not configured", model: "groq/llama", expect: "model_not_found" },
  { name: "a slash in front of no provider", model: "org/model", expect: "model_not_found" },
  { name: "header names the provider", model: "only-b", header: "team-b", expect: "team-b only-b" },
  {
    name: "header names the provider, model not listed, chat",
    model: "brand-new",
    header: "openai",
    expect: "openai brand-new",
  },
  {
    name: "header names the provider, model not listed, not chat",
    model: "brand-new",
    header: "openai",
    chat: false,
    expect: "model_not_found",
  },
  {
    name: "header names a kind: the provider of it that lists the model",
    model: "only-b",
    header: "openai-compatible",
    expect: "team-b only-b",
  },
  { name: "header of nobody", model: "gpt-4o", header: "nobody", expect: "model_not_found" },
  { name: "header agrees with the prefix", model: "openai::gpt-4o", header: "openai", expect: "openai gpt-4o" },
  {
    name: "header of the kind agrees with a prefix of that kind",
    model: "team-b::x",
    header: "openai-compatible",
    expect: "team-b x",
  },
  { name: "header against the prefix", model: "openai::gpt-4o", header: "anthropic", expect: "model_conflict" },
  { name: "header against the slash", model: "openai/gpt-4o", header: "anthropic", expect: "model_conflict" },
  { name: "the demo by prefix beside configured providers", model: "demo::tools", expect: "demo tools" },
  { name: "the demo's names are nobody's without prefix", model: "echo", expect: "model_not_found" },
];

for (const row of rows) {
  test(`resolve: ${row.name} (${row.model}${row.header === undefined ? "" : `, header ${row.header}`})`, () => {
    const resolved = resolve(configOf(yaml, environment), {
      model: row.model,
      providerHeader: row.header ?? "",
      dialect: row.dialect ?? "openai-chat",
      chat: row.chat ?? true,
    });
    const outcome = resolved.ok ? `${resolved.value.provider.id} ${resolved.value.upstreamModel}` : resolved.error.code;
    assert.equal(outcome, row.expect);
  });
}

test("a model's own time limit comes with it", () => {
  const resolved = resolve(configOf(yaml, environment), {
    model: "qwen",
    providerHeader: "",
    dialect: "openai-chat",
    chat: true,
  });
  assert.equal(resolved.ok && resolved.value.timeoutMs, 1234);
});

const demoRows = [
  { model: "anything-at-all", expect: "demo anything-at-all" },
  { model: "anthropic/claude-sonnet-4-6", expect: "demo anthropic/claude-sonnet-4-6" },
  { model: "demo::fail-429", expect: "demo fail-429" },
  { model: "demo/echo", expect: "demo echo" },
  { model: "x::m", expect: "model_not_found" },
  { model: "route::r", expect: "not_configured" },
];

for (const { model, expect } of demoRows) {
  test(`resolve without any provider: ${model} → ${expect}`, () => {
    const resolved = resolve(configOf(undefined), { model, providerHeader: "", dialect: "openai-chat", chat: true });
    assert.equal(
      resolved.ok ? `${resolved.value.provider.id} ${resolved.value.upstreamModel}` : resolved.error.code,
      expect,
    );
  });
}
