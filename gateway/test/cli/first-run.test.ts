import assert from "node:assert/strict";
import { test } from "node:test";
import { firstRunLine, firstRunScreen, type FirstRunFacts } from "../../src/cli/first-run.ts";
import type { Environment } from "../../src/config/interpolate.ts";
import { catalog } from "../../src/providers/catalog.ts";
import { configOf, type Situation } from "../config/support.ts";

const ESCAPE = "\u001b";
const HASH = `sha256:00112233445566778899aabbccddeeff:${"0".repeat(64)}`;

function facts(text: string | undefined, situation: Situation = {}): FirstRunFacts {
  const config = configOf(text, situation);
  const { host, port } = config.server;
  const environment: Environment = situation.environment ?? {};
  return {
    config,
    address: { host, port },
    environment,
    version: "1.0.0",
    nodeVersion: "v26.10.0",
    startedInMs: 213.6,
  };
}

const screen = (of: FirstRunFacts) => firstRunScreen(of, { color: false });

test("the first screen of a machine without any key", () => {
  assert.equal(
    screen(facts(undefined)),
    `dragoman 1.0.0 · node 26.10.0 · ready in 214 ms

  API          http://127.0.0.1:4000  (this machine only, no key needed)
  Config       none; write dragoman.yaml to change that
  Providers    none
  Off          set OPENAI_API_KEY, ANTHROPIC_API_KEY, GEMINI_API_KEY,
               XAI_API_KEY, MISTRAL_API_KEY, DEEPSEEK_API_KEY, MOONSHOT_API_KEY,
               ZAI_API_KEY, PERPLEXITY_API_KEY, COHERE_API_KEY,
               DASHSCOPE_API_KEY, GROQ_API_KEY, CEREBRAS_API_KEY,
               TOGETHER_API_KEY (and 7 more) and restart
  Demo         answers every model name until a provider is there; demo::tools,
               demo::fail-429, demo::cut… rehearse what can happen

  curl         curl http://127.0.0.1:4000/v1/chat/completions --json '{
               "model":"demo::echo",
               "messages":[{"role":"user","content":"Hello"}]}'
  OpenAI, TS   new OpenAI({
                 baseURL: "http://127.0.0.1:4000/v1", apiKey: "dragoman" })
  OpenAI, Py   OpenAI(base_url="http://127.0.0.1:4000/v1", api_key="dragoman")
  Anthropic    Anthropic(base_url="http://127.0.0.1:4000", api_key="dragoman")
  Claude Code  ANTHROPIC_BASE_URL=http://127.0.0.1:4000 \\
               ANTHROPIC_AUTH_TOKEN=dragoman claude
  Codex        openai_base_url = "http://127.0.0.1:4000/v1"  (config.toml)

  Stop with Ctrl-C.
`,
  );
});

test("a provider that was found names its variable, and its model is the one to try", () => {
  const text = screen(facts(undefined, { environment: { ANTHROPIC_API_KEY: "sk-ant-1", GOOGLE_API_KEY: "AIza1" } }));
  assert.match(text, /Providers {4}anthropic \(ANTHROPIC_API_KEY\), gemini \(GOOGLE_API_KEY\)\n/);
  assert.doesNotMatch(text, /set [^\n]*ANTHROPIC_API_KEY/);
  assert.match(text, /"model":"claude-/);
  assert.match(text, /Demo {9}demo::echo/);
});

test("with keys the lines to copy ask for one", () => {
  const text = screen(facts(`keys: [{ name: a, id: abcd, hash: "${HASH}" }]\n`));
  assert.match(text, /\(1 gateway key\)/);
  assert.match(text, /-H 'authorization: Bearer YOUR_KEY'/);
  assert.match(text, /ANTHROPIC_AUTH_TOKEN=YOUR_KEY/);
  assert.doesNotMatch(text, /=dragoman|"dragoman"/);
});

test("an address that means all of them is called on the loopback, an IPv6 one in brackets", () => {
  const options = { allowAnonymous: true };
  assert.match(
    screen(facts(undefined, { options: { ...options, host: "0.0.0.0" } })),
    /API {10}http:\/\/127\.0\.0\.1:4000 {2}\(callers/,
  );
  assert.match(screen(facts(undefined, { options: { host: "::1" } })), /API {10}http:\/\/\[::1\]:4000/);
});

const everything = Object.fromEntries(
  Object.values(catalog).flatMap((row) => row.credentialEnv.map((name) => [name, "k-1"])),
);
const crowded = Array.from(
  { length: 6 },
  (_, index) => `  p${index}: { kind: openai-compatible, base_url: "http://h${index}" }`,
);
const situations: readonly { readonly name: string; readonly facts: FirstRunFacts }[] = [
  { name: "nothing", facts: facts(undefined) },
  { name: "every provider", facts: facts(undefined, { environment: everything }) },
  { name: "many warnings", facts: facts(`providers:\n${crowded.join("\n")}\n`) },
  { name: "keys and a file", facts: facts(`keys: [{ name: a, id: abcd, hash: "${HASH}" }]\n`) },
];
for (const { name, facts: of } of situations) {
  test(`the screen with ${name} has at most 30 lines of at most 80 columns and no colour`, () => {
    const lines = screen(of).trimEnd().split("\n");
    assert.ok(lines.length <= 30, `${lines.length} lines`);
    for (const line of lines) assert.ok(line.length <= 80, line);
    assert.ok(!screen(of).includes(ESCAPE));
  });
}

test("colour changes nothing but colour", () => {
  const of = facts(undefined);
  const colored = firstRunScreen(of, { color: true });
  assert.ok(colored.includes(`${ESCAPE}[1m`));
  assert.equal(colored.replace(new RegExp(`${ESCAPE}\\[\\d+m`, "g"), ""), screen(of));
});

test("no credential is on the screen or in the line", () => {
  const of = facts(undefined, { environment: { OPENAI_API_KEY: "canary-secret" } });
  assert.doesNotMatch(screen(of) + firstRunLine(of, 0), /canary/);
});

test("for programs the start is one line of JSON", () => {
  const line = firstRunLine(facts(undefined, { environment: { XAI_API_KEY: "xai-1" } }), Date.UTC(2026, 10, 20));
  assert.equal(line.indexOf("\n"), line.length - 1);
  assert.deepEqual(JSON.parse(line), {
    time: "2026-11-20T00:00:00.000Z",
    level: "info",
    event: "started",
    message: "listening on http://127.0.0.1:4000",
    url: "http://127.0.0.1:4000",
    version: "1.0.0",
    node: "v26.10.0",
    started_in_ms: 214,
    config: null,
    config_version: "built-in",
    providers: ["xai"],
    demo: "on",
    keys: 0,
    warnings: [],
  });
});
