import assert from "node:assert/strict";
import { test } from "node:test";
import { identify } from "../../src/limits/identify.ts";
import { configKeyStore, createKey, isGatewayKeyShape, type KeyStore } from "../../src/limits/keys.ts";
import type { Config } from "../../src/config/config.ts";
import { demoProvider } from "../../src/providers/demo.ts";
import { chooseCredential, readCredentials } from "../../src/routing/credentials.ts";
import { configOf } from "../support/config.ts";

const random = (length: number) => new Uint8Array(length).fill(7);
const key = createKey(random);
const otherKey = createKey((length) => new Uint8Array(length).fill(9));
const environment = { OPENAI_API_KEY: "sk-proj-managed", ANTHROPIC_API_KEY: "sk-ant-managed" };

const providersYaml = `
providers:
  openai: { credential: "env::OPENAI_API_KEY", models: [gpt-4o] }
  anthropic: { credential: "env::ANTHROPIC_API_KEY", models: [claude-sonnet-4-6] }
  bring-your-own: { kind: groq, models: [llama] }
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:9/v1", credential: none, models: [qwen] }
`;
const keysYaml = `keys:\n  - { name: laptop, id: ${key.id}, hash: "${key.hash}", project: alpha, models: ["*"] }\n`;

const keyless = configOf(providersYaml, environment);
const keyed = configOf(providersYaml + keysYaml, environment);
const requiring = configOf(`${providersYaml}${keysYaml}require_keys: true\n`, environment);
const exposed = configOf(`${providersYaml}server: { host: 0.0.0.0, allow_anonymous: true }\n`, environment);

type Row = {
  readonly name: string;
  readonly config: Config;
  readonly headers?: Readonly<Record<string, string>>;
  readonly query?: string;
  readonly provider: string;
  /** `managed VALUE`, `caller VALUE PLACE`, `none`, or the code of a failure. */
  readonly expect: string;
};

const bearer = (value: string) => ({ authorization: `Bearer ${value}` });

const rows: readonly Row[] = [
  {
    name: "no keys, loopback, nothing sent: the managed credential",
    config: keyless,
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "no keys, loopback, a placeholder",
    config: keyless,
    headers: bearer("dragoman"),
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "no keys, loopback, an empty x-api-key",
    config: keyless,
    headers: { "x-api-key": "" },
    provider: "anthropic",
    expect: "managed sk-ant-managed",
  },
  {
    name: "the caller's own credential wins",
    config: keyless,
    headers: bearer("sk-proj-own"),
    provider: "openai",
    expect: "caller sk-proj-own bearer",
  },
  {
    name: "own credential in x-api-key",
    config: keyless,
    headers: { "x-api-key": "sk-ant-own" },
    provider: "anthropic",
    expect: "caller sk-ant-own x-api-key",
  },
  {
    name: "another vendor's credential counts as absent",
    config: keyless,
    headers: { "x-api-key": "sk-ant-own" },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "two own credentials: Bearer wins",
    config: keyless,
    headers: { ...bearer("sk-proj-own"), "x-api-key": "sk-proj-second" },
    provider: "openai",
    expect: "caller sk-proj-own bearer",
  },
  {
    name: "a credential of no known shape goes anywhere",
    config: keyless,
    headers: bearer("secret-of-mine"),
    provider: "local",
    expect: "none",
  },
  {
    name: "a credential of no known shape to a provider with auth",
    config: keyless,
    headers: bearer("secret-of-mine"),
    provider: "bring-your-own",
    expect: "caller secret-of-mine bearer",
  },
  {
    name: "a gateway key when none is defined",
    config: keyless,
    headers: bearer(key.text),
    provider: "openai",
    expect: "invalid_gateway_key",
  },
  {
    name: "x-to11-authorization without keys is not checked",
    config: keyless,
    headers: { "x-to11-authorization": "Bearer whatever" },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "nothing sent, and no managed credential",
    config: keyless,
    provider: "bring-your-own",
    expect: "missing_credential",
  },
  { name: "an open provider needs nothing", config: keyless, provider: "local", expect: "none" },
  {
    name: "a valid key as Bearer",
    config: keyed,
    headers: bearer(key.text),
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "a valid key in x-api-key",
    config: keyed,
    headers: { "x-api-key": key.text },
    provider: "anthropic",
    expect: "managed sk-ant-managed",
  },
  {
    name: "a valid key in x-goog-api-key",
    config: keyed,
    headers: { "x-goog-api-key": key.text },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "a valid key in api-key",
    config: keyed,
    headers: { "api-key": key.text },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "a valid key in ?key=",
    config: keyed,
    query: key.text,
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "a valid key in x-dragoman-authorization",
    config: keyed,
    headers: { "x-dragoman-authorization": `Bearer ${key.text}` },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "a valid key in its own header, the provider's in Authorization",
    config: keyed,
    headers: { "x-to11-authorization": `Bearer ${key.text}`, ...bearer("sk-proj-own") },
    provider: "openai",
    expect: "caller sk-proj-own bearer",
  },
  {
    name: "the same key twice is one key (apiKeyHelper)",
    config: keyed,
    headers: { ...bearer(key.text), "x-api-key": key.text },
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  {
    name: "two different gateway keys",
    config: keyed,
    headers: { ...bearer(key.text), "x-api-key": otherKey.text },
    provider: "openai",
    expect: "ambiguous_credentials",
  },
  {
    name: "an unknown gateway key",
    config: keyed,
    headers: bearer(otherKey.text),
    provider: "openai",
    expect: "invalid_gateway_key",
  },
  {
    name: "a key cut short by copying is not sent to the provider",
    config: keyed,
    headers: bearer(key.text.slice(0, 20)),
    provider: "openai",
    expect: "invalid_gateway_key",
  },
  {
    name: "keys defined, nothing sent: nothing is spent",
    config: keyed,
    provider: "openai",
    expect: "missing_credential",
  },
  {
    name: "keys defined, own credential",
    config: keyed,
    headers: bearer("sk-proj-own"),
    provider: "openai",
    expect: "caller sk-proj-own bearer",
  },
  {
    name: "keys defined, own credential of another vendor",
    config: keyed,
    headers: bearer("sk-ant-own"),
    provider: "openai",
    expect: "missing_credential",
  },
  {
    name: "keys defined, anything unknown in x-to11-authorization",
    config: keyed,
    headers: { "x-to11-authorization": "Bearer whatever" },
    provider: "local",
    expect: "invalid_gateway_key",
  },
  {
    name: "require_keys refuses an own credential",
    config: requiring,
    headers: bearer("sk-proj-own"),
    provider: "openai",
    expect: "missing_credential",
  },
  {
    name: "require_keys refuses a keyless call to an open provider",
    config: requiring,
    provider: "local",
    expect: "missing_credential",
  },
  {
    name: "require_keys takes a valid key",
    config: requiring,
    headers: bearer(key.text),
    provider: "openai",
    expect: "managed sk-proj-managed",
  },
  { name: "exposed without keys spends nothing", config: exposed, provider: "openai", expect: "missing_credential" },
  {
    name: "exposed without keys serves who brings their own",
    config: exposed,
    headers: bearer("sk-proj-own"),
    provider: "openai",
    expect: "caller sk-proj-own bearer",
  },
  {
    name: "the demo never gets a credential",
    config: keyless,
    headers: bearer("sk-proj-own"),
    provider: "demo",
    expect: "none",
  },
];

for (const row of rows) {
  test(`credential: ${row.name}`, () => assert.equal(outcome(row), row.expect));
}

function outcome(row: Row): string {
  const caller = identify(row.headers ?? {}, row.query, row.config, configKeyStore(row.config), 0);
  if (!caller.ok) return caller.error.code;
  const provider = [...row.config.providers, demoProvider].find(({ id }) => id === row.provider);
  assert.ok(provider !== undefined);
  const chosen = chooseCredential(provider, caller.value.own, caller.value.spending);
  if (!chosen.ok) return chosen.error.code;
  const { value } = chosen;
  if (value.kind === "none") return "none";
  return value.kind === "managed"
    ? `managed ${value.secret.reveal()}`
    : `caller ${value.secret.reveal()} ${value.place}`;
}

const projectRows = [
  { name: "the key's project", config: keyed, headers: bearer(key.text), expect: "alpha" },
  {
    name: "the key's project, written",
    config: keyed,
    headers: { ...bearer(key.text), "x-to11-project-id": "alpha" },
    expect: "alpha",
  },
  {
    name: "another project than the key's",
    config: keyed,
    headers: { ...bearer(key.text), "x-dragoman-project-id": "beta" },
    expect: "project_mismatch",
  },
  { name: "a label without keys", config: keyless, headers: { "x-dragoman-project-id": "mine" }, expect: "mine" },
  {
    name: "a label that is too long",
    config: keyless,
    headers: { "x-dragoman-project-id": "m".repeat(65) },
    expect: "invalid_parameter",
  },
  {
    name: "a label as long as allowed",
    config: keyless,
    headers: { "x-dragoman-project-id": "m".repeat(64) },
    expect: "m".repeat(64),
  },
];

for (const row of projectRows) {
  test(`project: ${row.name}`, () => {
    const caller = identify(row.headers, undefined, row.config, configKeyStore(row.config), 0);
    assert.equal(caller.ok ? caller.value.project : caller.error.code, row.expect);
  });
}

test("a key store that cannot answer is a 503, never a 401", () => {
  const broken: KeyStore = { find: () => ({ kind: "unavailable" }) };
  const caller = identify(bearer(key.text), undefined, keyed, broken, 0);
  assert.equal(caller.ok ? "" : caller.error.class, "unavailable");
});

test("credentials never print themselves", () => {
  const presented = readCredentials({ ...bearer("sk-proj-own"), "x-api-key": key.text }, undefined, isGatewayKeyShape);
  const printed = `${JSON.stringify(presented)} ${String(presented.ok && presented.value.own?.secret)}`;
  assert.ok(!printed.includes("sk-proj-own") && !printed.includes(key.text), printed);
});
