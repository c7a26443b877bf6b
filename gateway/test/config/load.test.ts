import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { configCandidates } from "../../src/config/load.ts";
import { catalog } from "../../src/providers/catalog.ts";
import type { ProviderKind } from "../../src/providers/provider.ts";
import { configOf, CONFIG_FILE, loadText, NOW, problemText, type Situation } from "./support.ts";

const HASH = `sha256:00112233445566778899aabbccddeeff:${"0".repeat(64)}`;
const KEYS = `keys: [{ name: a, id: abcd, hash: "${HASH}" }]\n`;

function provider(config: Config, id: string) {
  const found = config.providers.find((candidate) => candidate.id === id);
  assert.ok(found, `no provider ${id}`);
  return found;
}

test("without file and without keys in the environment the demo answers every name", () => {
  const config = configOf(undefined);
  assert.deepEqual(config.providers, []);
  assert.deepEqual(config.demo, { enabled: true, catchAll: true });
  assert.equal(config.version, "built-in");
  assert.equal(config.file, undefined);
});

const rows: readonly (readonly [string, ProviderKind])[] = Object.entries(catalog);
for (const [id, row] of rows) {
  // Clouds want more than a key: clouds.test.ts.
  const isEnough = row.baseUrl !== undefined && row.settings === undefined;
  for (const name of isEnough ? row.credentialEnv : []) {
    test(`${name} alone switches ${id} on, and the catch-all off`, () => {
      const config = configOf(undefined, { environment: { [name]: "secret-value" } });
      assert.deepEqual(
        config.providers.map((found) => [found.id, found.baseUrl, found.credentials[0]?.reveal()]),
        [[id, row.baseUrl, "secret-value"]],
      );
      assert.equal(config.demo.catchAll, false);
    });
  }
}

test("a placeholder, an empty variable or a gateway key in the environment switches nothing on", () => {
  for (const value of ["", " ", "dragoman", "DUMMY", "none", "x", `dgm_abcd_${"A".repeat(43)}`]) {
    assert.deepEqual(configOf(undefined, { environment: { OPENAI_API_KEY: value } }).providers, [], value);
  }
});

test("a provider without an address of its own does not switch itself on", () => {
  assert.deepEqual(configOf(undefined, { environment: { AZURE_OPENAI_API_KEY: "k" } }).providers, []);
});

test("a file without the section providers leaves them to the environment, an empty section has none", () => {
  const environment = { OPENAI_API_KEY: "sk-1" };
  assert.equal(configOf("server: { port: 4100 }\n", { environment }).providers.length, 1);
  assert.equal(configOf("providers: {}\n", { environment }).providers.length, 0);
  assert.equal(configOf("# nothing yet\n", { environment }).providers.length, 1);
});

const demoRows: readonly { name: string; text: string; expected: Config["demo"] }[] = [
  { name: "a configured provider", text: "providers: { ollama: {} }\n", expected: { enabled: true, catchAll: false } },
  { name: "demo: false", text: "demo: false\n", expected: { enabled: false, catchAll: false } },
  {
    name: "demo: { enabled: false }",
    text: "demo: { enabled: false }\n",
    expected: { enabled: false, catchAll: false },
  },
  {
    name: "a reachable address",
    text: `server: { host: 0.0.0.0 }\n${KEYS}`,
    expected: { enabled: true, catchAll: false },
  },
  { name: "keys on loopback", text: KEYS, expected: { enabled: true, catchAll: true } },
];
for (const { name, text, expected } of demoRows) {
  test(`the demo with ${name}`, () => assert.deepEqual(configOf(text).demo, expected));
}

test("the command line wins over the environment, the environment over the file, the file over the defaults", () => {
  const text = `server: { host: 127.0.0.2, port: 4001 }\n`;
  const environment = { DRAGOMAN_HOST: "127.0.0.3", DRAGOMAN_PORT: "4002" };
  const options = { host: "127.0.0.4", port: 4003 };
  const server = (situation: Situation, written?: string) => {
    const { host, port } = configOf(written, situation).server;
    return `${host}:${port}`;
  };
  assert.equal(server({}), "127.0.0.1:4000");
  assert.equal(server({}, text), "127.0.0.2:4001");
  assert.equal(server({ environment }, text), "127.0.0.3:4002");
  assert.equal(server({ environment, options }, text), "127.0.0.4:4003");
  assert.equal(server({ environment, options: { port: 4003 } }, text), "127.0.0.3:4003");
});

test("a bad variable of our own is named", () => {
  const loaded = loadText(undefined, { environment: { DRAGOMAN_PORT: "65536", DRAGOMAN_ALLOW_ANONYMOUS: "maybe" } });
  assert.ok(!loaded.ok);
  assert.deepEqual(loaded.error.map(problemText), [
    'DRAGOMAN_PORT expected a port from 0 to 65535, got "65536"',
    'DRAGOMAN_ALLOW_ANONYMOUS expected true or false, got "maybe"',
  ]);
});

const exposure: readonly { name: string; text?: string; situation: Situation; refusedAt: string | undefined }[] = [
  { name: "0.0.0.0 by option, no keys", situation: { options: { host: "0.0.0.0" } }, refusedAt: "--host" },
  { name: ":: by variable, no keys", situation: { environment: { DRAGOMAN_HOST: "::" } }, refusedAt: "DRAGOMAN_HOST" },
  { name: "a name by option, no keys", situation: { options: { host: "gateway.local" } }, refusedAt: "--host" },
  { name: "0.0.0.0 with a key", text: KEYS, situation: { options: { host: "0.0.0.0" } }, refusedAt: undefined },
  {
    name: "0.0.0.0 anonymous by option",
    situation: { options: { host: "0.0.0.0", allowAnonymous: true } },
    refusedAt: undefined,
  },
  {
    name: "0.0.0.0 anonymous by variable",
    situation: { options: { host: "0.0.0.0" }, environment: { DRAGOMAN_ALLOW_ANONYMOUS: "1" } },
    refusedAt: undefined,
  },
  {
    name: "0.0.0.0 anonymous by file",
    text: "server: { host: 0.0.0.0, allow_anonymous: true }\n",
    situation: {},
    refusedAt: undefined,
  },
  { name: "::1", situation: { options: { host: "::1" } }, refusedAt: undefined },
  { name: "localhost", situation: { options: { host: "localhost" } }, refusedAt: undefined },
  { name: "127.1.2.3", situation: { options: { host: "127.1.2.3" } }, refusedAt: undefined },
];
for (const { name, text, situation, refusedAt } of exposure) {
  test(`listening on ${name} is ${refusedAt === undefined ? "allowed" : "refused with a way out"}`, () => {
    const loaded = loadText(text, situation);
    assert.equal(loaded.ok, refusedAt === undefined);
    if (loaded.ok || refusedAt === undefined) return;
    assert.equal(loaded.error.length, 1);
    assert.match(loaded.error.map(problemText).join(), new RegExp(`^${refusedAt} other machines can reach`));
    assert.match(loaded.error[0]?.suggestion ?? "", /dragoman keys create/);
  });
}

test("the example of the documentation gives the providers that it shows", () => {
  const text = `
providers:
  openai:    { credential: env::OPENAI_API_KEY, models: [gpt-4o, text-embedding-3-small] }
  anthropic: { credential: env::ANTHROPIC_API_KEY, models: [claude-sonnet-4-6] }
  local:     { kind: openai-compatible, base_url: http://127.0.0.1:8000/v1/, credential: none, dialects: [openai-chat],
               models: [{ id: qwen, upstream_id: Qwen/Qwen3-32B, timeout_ms: 300000 }] }
`;
  const config = configOf(text, { environment: { OPENAI_API_KEY: "sk-1", ANTHROPIC_API_KEY: "sk-ant-1" } });
  assert.deepEqual(
    config.providers.map(({ id }) => id),
    ["openai", "anthropic", "local"],
  );
  const local = provider(config, "local");
  assert.equal(local.baseUrl, "http://127.0.0.1:8000/v1");
  assert.deepEqual(local.models, [{ id: "qwen", upstreamId: "Qwen/Qwen3-32B", timeoutMs: 300_000 }]);
  assert.deepEqual(local.auth, { type: "none" });
  assert.deepEqual(provider(config, "anthropic").headers, { "anthropic-version": "2023-06-01" });
  assert.equal(config.file, CONFIG_FILE);
  assert.deepEqual(config.warnings, []);
});

test("variables are replaced inside values: quoted stays text, bare may become a number", () => {
  const text = `
server: 
  port: \${PORT:-4100}
  drain_ms: \${DRAIN}
providers:
  local:
    kind: openai-compatible
    base_url: "http://\${HOST:-127.0.0.1}:8000/v1"
    credential: none
    models: ["\${MODEL}", 'a$\${b}']
`;
  const config = configOf(text, { environment: { DRAIN: "5000", MODEL: "7", HOST: "" } });
  assert.equal(config.server.port, 4100);
  assert.equal(config.server.drainMs, 5000);
  assert.equal(provider(config, "local").baseUrl, "http://127.0.0.1:8000/v1");
  assert.deepEqual(
    provider(config, "local").models.map(({ id }) => id),
    ["7", "a${b}"],
  );
});

test("the value of a variable is not looked at for variables again", () => {
  const text = 'providers: { local: { kind: vllm, models: ["${A}"] } }\n';
  const config = configOf(text, { environment: { A: "${B}", B: "secret" } });
  assert.deepEqual(provider(config, "local").models, [{ id: "${B}" }]);
});

test("credentials come from variables, files and lists, and print as stars", () => {
  const text = `
providers:
  a: { kind: openai, credential: file::keys/a.txt }
  b: { kind: openai, credential: [env::B1, env::B2] }
  c: { kind: openai, credential: "\${C}" }
  d: { kind: openai, credential: "\${D:-none}" }
  e: { kind: openai }
`;
  const config = configOf(text, {
    environment: { B1: "b-1", B2: "b-2", C: "c-1", OPENAI_API_KEY: "usual" },
    files: { "/etc/dragoman/keys/a.txt": "a-1\n" },
  });
  const revealed = config.providers.map(({ id, credentials }) => [id, ...credentials.map((secret) => secret.reveal())]);
  assert.deepEqual(revealed, [["a", "a-1"], ["b", "b-1", "b-2"], ["c", "c-1"], ["d"], ["e", "usual"]]);
  assert.deepEqual(provider(config, "d").auth, { type: "none" });
  assert.doesNotMatch(JSON.stringify(config), /a-1|b-1|c-1|usual/);
});

test("the way a credential is sent can be said", () => {
  const text = `
providers:
  a: { kind: openai, auth_type: api_key_header, auth_header_name: X-My-Key, credential: env::K }
  b: { kind: azure-openai, base_url: https://r.openai.azure.com/openai/v1, auth_type: api_key_header, credential: env::K }
  c: { kind: gemini, auth_type: query_param, credential: env::K }
  d: { kind: vllm, credential: env::K }
  e: { kind: vllm }
  f: { kind: anthropic, auth_type: bearer, credential: env::K }
`;
  const config = configOf(text, { environment: { K: "k" } });
  assert.deepEqual(
    config.providers.map(({ auth }) => auth),
    [
      { type: "header", name: "x-my-key" },
      { type: "header", name: "api-key" },
      { type: "query", name: "key" },
      { type: "bearer" },
      { type: "none" },
      { type: "bearer" },
    ],
  );
});

test("timeout_ms is the wait for the first byte, of streams and plain answers alike", () => {
  const config = configOf("providers: { vllm: { timeout_ms: 5000 }, ollama: {} }\n");
  const { timeouts } = provider(config, "vllm");
  assert.deepEqual([timeouts.firstByteStreamMs, timeouts.firstBytePlainMs], [5000, 5000]);
  const usual = provider(config, "ollama").timeouts;
  assert.deepEqual(
    [usual.connectMs, usual.firstByteStreamMs, usual.firstBytePlainMs, usual.idleMs, usual.totalMs],
    [5_000, 120_000, 600_000, 300_000, 1_800_000],
  );
});

const warnings: readonly { name: string; text: string; warning: RegExp }[] = [
  {
    name: "a model that two providers list",
    text: "providers:\n  a: { kind: vllm, models: [qwen] }\n  b: { kind: vllm, models: [qwen] }\n",
    warning: /^dragoman\.yaml:1:1  providers: a and b both list "qwen"/,
  },
  {
    name: "a provider without credential",
    text: "providers:\n  openai: {}\n",
    warning: /^dragoman\.yaml:2:3  providers\.openai: no credential: callers must bring their own \(set OPENAI_API_KEY/,
  },
  {
    name: "a provider without models",
    text: "providers:\n  vllm: {}\n",
    warning: /^dragoman\.yaml:2:3  providers\.vllm: lists no models: they are reached as vllm::MODEL only/,
  },
  {
    name: "a base URL without path",
    text: "providers:\n  ollama: { base_url: http://h:11434, models: [x] }\n",
    warning: /^dragoman\.yaml:2:13  providers\.ollama\.base_url: http:\/\/h:11434 has no path/,
  },
  {
    name: "an expired key",
    text: `providers: {}\nkeys:\n  - { name: a, id: abcd, expires: 2026-11-19, hash: "${HASH}" }\n`,
    warning: /^dragoman\.yaml:3:26  keys\[0\]\.expires: the key "a" has expired/,
  },
  { name: "require_keys without keys", text: "require_keys: true\n", warning: /every call is refused/ },
];
for (const { name, text, warning } of warnings) {
  test(`a warning, not a refusal: ${name}`, () => {
    const config = configOf(text);
    assert.equal(config.warnings.length, 1, config.warnings.join("\n"));
    assert.match(config.warnings[0] ?? "", warning);
  });
}

test("a key works to the end of its last day in UTC", () => {
  const config = configOf(`keys: [{ name: a, id: abcd, expires: 2026-11-20, hash: "${HASH}" }]\n`);
  assert.equal(config.keys[0]?.expiresAt, Date.UTC(2026, 10, 21));
  assert.ok(NOW < Date.UTC(2026, 10, 21));
  const moment = configOf(`keys: [{ name: a, id: abcd, expires: "2027-01-31T12:00+02:00", hash: "${HASH}" }]\n`);
  assert.equal(moment.keys[0]?.expiresAt, Date.UTC(2027, 0, 31, 10));
});

test("JSON is a configuration as well, tabs and all", () => {
  assert.equal(configOf('{\n\t"server": {\n\t\t"port": 4200\n\t}\n}\n').server.port, 4200);
});

test("a name that every object has is not a variable, a kind or a provider", () => {
  const loaded = loadText("providers:\n  constructor: { credential: env::toString }\n");
  assert.ok(!loaded.ok);
  assert.match(loaded.error.map(problemText).join(), /"constructor" is not a provider that the catalogue knows/);
});

test("anchors and aliases work, and an alias bomb is refused before it grows", () => {
  const config = configOf("providers:\n  a: { kind: vllm, models: &m [x, y] }\n  b: { kind: ollama, models: *m }\n");
  assert.deepEqual(provider(config, "b").models, [{ id: "x" }, { id: "y" }]);
  const levels = Array.from({ length: 12 }, (_, level) => {
    const items = level === 0 ? "1, 1" : Array.from({ length: 9 }, () => `*a${level - 1}`).join(", ");
    return `a${level}: &a${level} [${items}]`;
  });
  const bomb = loadText(`${levels.join("\n")}\n`);
  assert.ok(!bomb.ok);
  assert.match(bomb.error.map(problemText).join("\n"), /more than 100000 values/);
  const cycle = loadText("providers: &p { a: *p }\n");
  assert.ok(!cycle.ok);
});

test("a file of the largest size is read, one byte more is not", () => {
  const comment = (length: number) => `#${"x".repeat(length - 2)}\n`;
  assert.equal(loadText(comment(1_048_576)).ok, true);
  const loaded = loadText(comment(1_048_577));
  assert.ok(!loaded.ok);
  assert.match(loaded.error.map(problemText).join(), /larger than 1048576 bytes/);
});

test("a file of nothing but brackets is refused before it costs time or stack", () => {
  const message = (text: string) => {
    const loaded = loadText(text);
    assert.ok(!loaded.ok);
    return loaded.error.map(problemText).join();
  };
  assert.match(message("[".repeat(1_000_000)), /more than 1000 brackets are open at once/);
  assert.match(message("[".repeat(1_000)), /nested too deeply|is missing/);
  assert.match(message("- ".repeat(20_000)), /nested too deeply/);
});

test("the version follows the text and the credential files, and nothing else", () => {
  const text = "providers: { openai: { credential: file::k } }\n";
  const version = (secret: string, written = text) =>
    configOf(written, { files: { "/etc/dragoman/k": secret } }).version;
  assert.equal(version("one"), version("one"));
  assert.notEqual(version("one"), version("two"));
  assert.notEqual(version("one"), version("one", `${text}# changed\n`));
});

test("a snapshot cannot be changed", () => {
  const config = configOf("providers: { vllm: { models: [x] } }\n");
  assert.ok(Object.isFrozen(config));
  assert.ok(Object.isFrozen(config.providers[0]?.models[0]));
  assert.ok(Object.isFrozen(config.server.corsOrigins));
});

test("a configuration is looked for here, then in the user's folder, then in the system's", () => {
  assert.deepEqual(configCandidates({ HOME: "/home/u" }, "/srv"), [
    "/srv/dragoman.yaml",
    "/home/u/.config/dragoman/dragoman.yaml",
    "/etc/dragoman/dragoman.yaml",
  ]);
  assert.equal(
    configCandidates({ HOME: "/home/u", XDG_CONFIG_HOME: "/xdg" }, "/srv")[1],
    "/xdg/dragoman/dragoman.yaml",
  );
  assert.equal(configCandidates({ XDG_CONFIG_HOME: "relative" }, "/srv").length, 2);
});

test("workers: auto is one per core", () => {
  assert.equal(configOf("server: { workers: auto }\n", { cores: 6 }).server.workers, 6);
});
