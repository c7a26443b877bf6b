import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { clients, findClient } from "../../src/cli/clients/index.ts";
import type { ClientFacts } from "../../src/cli/clients/client.ts";
import { gatewayUrl, localUrl } from "../../src/cli/gateway-address.ts";
import { chooseKey } from "../../src/cli/gateway-key.ts";
import { launchEnvironment } from "../../src/cli/run.ts";
import { applySettings } from "../../src/cli/settings/changes.ts";
import { asObject, isObject, parseJson } from "../../src/lib/json.ts";
import { Secret } from "../../src/lib/secret.ts";
import { configOf } from "../support/config.ts";

/* What each client is given. The expectations were recorded with the real programs. */

const key = "dgm_abcd_0123456789012345678901234567890123456789";

function facts(more: Partial<ClientFacts> = {}): ClientFacts {
  return {
    url: "http://127.0.0.1:4000",
    key: { kind: "key", variable: "TEAM_KEY", secret: new Secret(key) },
    model: undefined,
    models: ["gpt-4o", "claude-sonnet-4-6"],
    environment: {},
    home: "/home/me",
    platform: "linux",
    readText: () => "",
    namesIn: () => [],
    ...more,
  };
}

function clientOf(name: string) {
  const client = findClient(name);
  assert.ok(client !== undefined);
  return client;
}

const withoutKey: ClientFacts["key"] = { kind: "placeholder" };

test("clients are found under the names that people use", () => {
  assert.deepEqual(
    ["claude", "claude-code", "codex", "gemini-cli", "opencode"].map((name) => findClient(name)?.id),
    ["claude", "claude", "codex", "gemini", "opencode"],
  );
  assert.equal(findClient("cursor"), undefined);
});

test("the manual has a section for every client, with the commands that set it up", () => {
  const manual = readFileSync(join(import.meta.dirname, "../../../docs/clients.md"), "utf8");
  for (const { id, name } of clients) {
    const section = manual.split("\n## ").find((each) => each.startsWith(`${name}\n`)) ?? "";
    assert.ok(section.includes(`dragoman run ${id}`) && section.includes(`dragoman connect ${id}`), name);
  }
});

test("no client gets a secret in its arguments", () => {
  for (const client of clients) {
    const { args } = client.launch(facts({ model: "m" }), "/tmp/run");
    assert.ok(!args.join(" ").includes(key), client.id);
  }
});

test("Claude Code: the root without /v1, and settings that win over the user's own file", () => {
  const launch = clientOf("claude").launch(facts(), "/tmp/run");
  assert.deepEqual(launch.args, ["--settings", "/tmp/run/claude-settings.json"]);
  assert.deepEqual(launch.set, {
    ANTHROPIC_BASE_URL: "http://127.0.0.1:4000",
    ANTHROPIC_AUTH_TOKEN: key,
    CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: "1",
  });
  assert.ok(launch.unset.includes("ANTHROPIC_API_KEY") && launch.unset.includes("CLAUDE_CODE_USE_BEDROCK"));
  const env = asObject(launch.files[0]?.settings["env"]);
  assert.equal(env?.["ANTHROPIC_BASE_URL"], "http://127.0.0.1:4000");
  assert.equal(env?.["ANTHROPIC_API_KEY"], "");
});

test("Claude Code: a model is used for every kind of work", () => {
  const { set } = clientOf("claude").launch(facts({ model: "gpt-4o" }), "/tmp/run");
  const models = Object.entries(set).filter(([name]) => name.includes("MODEL") && !name.includes("DISCOVERY"));
  assert.equal(models.length, 6);
  assert.ok(models.every(([, value]) => value === "gpt-4o"));
});

test("Codex: a provider of its own, in overrides that are TOML", () => {
  const launch = clientOf("codex").launch(facts({ model: "my model" }), "/tmp/run");
  assert.deepEqual(launch.args, [
    "-c",
    'model_provider="dragoman"',
    "-c",
    'model_providers.dragoman.name="Dragoman"',
    "-c",
    'model_providers.dragoman.base_url="http://127.0.0.1:4000/v1"',
    "-c",
    'model_providers.dragoman.wire_api="responses"',
    "-c",
    'model_providers.dragoman.env_key="TEAM_KEY"',
    "-c",
    'model_providers.dragoman.model_catalog_url="http://127.0.0.1:4000/v1/models"',
    "-c",
    'model="my model"',
  ]);
  assert.deepEqual(launch.set, { TEAM_KEY: key });
  assert.deepEqual(clientOf("codex").launch(facts({ key: withoutKey }), "/tmp/run").set, { DRAGOMAN_KEY: "dragoman" });
});

test("Codex: the settings file names the variable of the key, or carries the placeholder", () => {
  const text = (of: ClientFacts) => {
    const [file] = clientOf("codex").settings(of);
    assert.ok(file !== undefined);
    const applied = applySettings("", file);
    return applied.ok ? applied.value.text : applied.error;
  };
  assert.match(text(facts()), /^env_key = "TEAM_KEY"$/m);
  assert.ok(!text(facts()).includes(key));
  assert.match(text(facts({ key: withoutKey })), /^experimental_bearer_token = "dragoman"$/m);
});

test("Gemini CLI: a home of its own where the user's settings choose another way to log in", () => {
  const other = facts({
    readText: () => '{"security":{"auth":{"selectedType":"oauth-personal"}},"theme":"dark"}',
    namesIn: () => ["settings.json", "GEMINI.md", "tmp"],
    model: "gemini-2.5-flash",
  });
  const launch = clientOf("gemini").launch(other, "/tmp/run");
  assert.deepEqual(launch.args, ["--model", "gemini-2.5-flash"]);
  assert.deepEqual(launch.set, {
    GOOGLE_GEMINI_BASE_URL: "http://127.0.0.1:4000",
    GEMINI_API_KEY: key,
    GEMINI_CLI_HOME: "/tmp/run",
  });
  assert.deepEqual(launch.files, [
    {
      file: "/tmp/run/.gemini/settings.json",
      settings: { security: { auth: { selectedType: "gemini-api-key" } }, theme: "dark" },
    },
  ]);
  assert.deepEqual(launch.links, [
    { link: "/tmp/run/.gemini/GEMINI.md", target: "/home/me/.gemini/GEMINI.md" },
    { link: "/tmp/run/.gemini/tmp", target: "/home/me/.gemini/tmp" },
  ]);
});

test("Gemini CLI: with the right way chosen already, its home stays", () => {
  const chosen = facts({ readText: () => '{"security":{"auth":{"selectedType":"gemini-api-key"}}}' });
  const launch = clientOf("gemini").launch(chosen, "/tmp/run");
  assert.deepEqual([launch.files, launch.links, launch.set["GEMINI_CLI_HOME"]], [[], [], undefined]);
});

test("opencode: every model of the gateway is listed, the title's model too is the gateway's, other settings stay", () => {
  const environment = { OPENCODE_CONFIG_CONTENT: '{"share":"disabled","provider":{"mine":{}}}' };
  const launch = clientOf("opencode").launch(facts({ environment, model: "o9" }), "/tmp/run");
  const content = asObject(parseJson(launch.set["OPENCODE_CONFIG_CONTENT"] ?? ""));
  assert.deepEqual(content, {
    share: "disabled",
    provider: {
      mine: {},
      dragoman: {
        npm: "@ai-sdk/openai-compatible",
        name: "Dragoman",
        options: { baseURL: "http://127.0.0.1:4000/v1", apiKey: key },
        models: {
          o9: { name: "o9" },
          "gpt-4o": { name: "gpt-4o" },
          "claude-sonnet-4-6": { name: "claude-sonnet-4-6" },
        },
      },
    },
    model: "dragoman/o9",
    small_model: "dragoman/o9",
  });
  const [file] = clientOf("opencode").settings(facts());
  assert.ok(JSON.stringify(file).includes("{env:TEAM_KEY}") && !JSON.stringify(file).includes(key));
});

test("settings lie where the client's own variables put them", () => {
  const environment = {
    CLAUDE_CONFIG_DIR: "/c/claude",
    CODEX_HOME: "/c/codex",
    GEMINI_CLI_HOME: "/c/gemini",
    XDG_CONFIG_HOME: "/c/xdg",
  };
  const filesOf = (of: ClientFacts) => clients.flatMap((client) => client.settings(of).map(({ file }) => file));
  assert.deepEqual(filesOf(facts({ environment })), [
    "/c/claude/settings.json",
    "/c/codex/config.toml",
    "/c/gemini/.gemini/settings.json",
    "/c/gemini/.gemini/.env",
    "/c/xdg/opencode/opencode.json",
  ]);
  assert.deepEqual(filesOf(facts()), [
    "/home/me/.claude/settings.json",
    "/home/me/.codex/config.toml",
    "/home/me/.gemini/settings.json",
    "/home/me/.gemini/.env",
    "/home/me/.config/opencode/opencode.json",
  ]);
});

test("a key of the user's own in Claude Code's surroundings is told of", () => {
  const inFile = facts({ readText: () => '{"env":{"ANTHROPIC_API_KEY":"sk-ant-mine"}}' });
  const notes = [
    ...clientOf("claude").notes(facts({ environment: { ANTHROPIC_API_KEY: "sk-ant-mine" } })),
    ...clientOf("claude").notes(inFile),
  ];
  assert.equal(notes.length, 2);
  assert.ok(notes.every((note) => note.includes("ANTHROPIC_API_KEY") && !note.includes("sk-ant-mine")));
  assert.deepEqual(clientOf("claude").notes(facts()), []);
});

test("the test call of each client is in its own format", () => {
  const calls = clients.map((client) => client.testCall("a/b", "secret"));
  assert.deepEqual(
    calls.map(({ path }) => path),
    ["/v1/messages", "/v1/responses", "/v1beta/models/a%2Fb:generateContent", "/v1/chat/completions"],
  );
  assert.ok(calls.every(({ headers, body }) => JSON.stringify(headers).includes("secret") && isObject(body)));
});

const launch = { args: [], set: { A: "ours" }, unset: ["GONE"], files: [], links: [] };

test("a run's environment is the shell's, without detours, with ours on top", () => {
  const environment = launchEnvironment({ A: "theirs", GONE: "x", STAYS: "y" }, launch, "https://gateway.example");
  assert.deepEqual(environment, { A: "ours", STAYS: "y" });
});

test("a proxy is not asked for this machine's own address", () => {
  const shell = { HTTP_PROXY: "http://proxy:3128", NO_PROXY: "internal" };
  assert.equal(launchEnvironment(shell, launch, "http://127.0.0.1:4000")["NO_PROXY"], "internal,127.0.0.1");
  assert.equal(launchEnvironment(shell, launch, "https://gateway.example")["NO_PROXY"], "internal");
  assert.equal(launchEnvironment({}, launch, "http://127.0.0.1:4000")["NO_PROXY"], undefined);
});

const addresses: readonly {
  readonly named?: string;
  readonly variable?: string;
  readonly yaml?: string;
  readonly is: string;
}[] = [
  { is: "http://127.0.0.1:4000" },
  { yaml: "server: { port: 4321 }\n", is: "http://127.0.0.1:4321" },
  { yaml: 'server: { host: "0.0.0.0", allow_anonymous: true }\n', is: "http://127.0.0.1:4000" },
  { variable: "https://gateway.example/team/", yaml: "server: { port: 4321 }\n", is: "https://gateway.example/team" },
  { variable: "", is: "http://127.0.0.1:4000" },
  { named: "http://10.0.0.5:4000/v1", variable: "https://gateway.example", is: "http://10.0.0.5:4000" },
  { named: "http://10.0.0.5:4000/v1beta/", is: "http://10.0.0.5:4000" },
];
for (const { named, variable, yaml, is } of addresses) {
  test(`the gateway of --gateway ${named ?? "-"}, DRAGOMAN_URL ${variable ?? "-"}, ${yaml?.trim() ?? "no file"} is ${is}`, () => {
    const config = yaml === undefined ? undefined : configOf(yaml);
    const environment = variable === undefined ? {} : { DRAGOMAN_URL: variable };
    assert.deepEqual(gatewayUrl(named, environment, config), { ok: true, value: is });
  });
}

test("an address that is none is refused, without repeating what may be a secret", () => {
  for (const named of ["4000", "localhost:4000", "ftp://x", "http://me:secret@x", "http://x?key=secret"]) {
    const refused = gatewayUrl(named, {}, undefined);
    assert.ok(!refused.ok, named);
    assert.ok(!refused.error.includes("secret"));
  }
  assert.equal(localUrl({ host: "::1", port: 1 }), "http://[::1]:1");
});

test("a key comes from the named variable, else from DRAGOMAN_KEY, else there is none", () => {
  assert.deepEqual(chooseKey(undefined, {}), { ok: true, value: { kind: "placeholder" } });
  const named = chooseKey("TEAM_KEY", { TEAM_KEY: ` ${key}\n`, DRAGOMAN_KEY: "other" });
  assert.ok(named.ok && named.value.kind === "key");
  assert.equal(named.value.secret.reveal(), key);
  assert.deepEqual(chooseKey("TEAM_KEY", { DRAGOMAN_KEY: "other" }), {
    ok: false,
    error: "the environment variable TEAM_KEY is not set",
  });
});

test("a key in the place of a variable's name is refused and not repeated", () => {
  for (const given of [key, "sk-proj-secret-secret"]) {
    const refused = chooseKey(given, {});
    assert.ok(!refused.ok && !refused.error.includes(given));
  }
});
