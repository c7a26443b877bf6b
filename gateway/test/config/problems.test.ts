import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblems } from "../../src/config/problems.ts";
import { checkProblems, loadText, type ProblemRow } from "./support.ts";

const ESCAPE = "\u001b";

const rows: readonly ProblemRow[] = [
  {
    name: "a misspelt key at the top level",
    text: "sever:\n  port: 1\n",
    problems: ['1:1 unknown key "sever" at the top level | did you mean "server"?'],
  },
  {
    name: "a misspelt key in a section",
    text: "server:\n  prot: 4000\n",
    problems: ['2:3 unknown key "prot" in server | did you mean "port"?'],
  },
  {
    name: "a key of another level",
    text: "port: 4000\n",
    problems: ['1:1 unknown key "port" at the top level | it belongs elsewhere: server.port'],
  },
  {
    name: "a key that is spelt the camelCase way",
    text: "providers:\n  openai:\n    baseUrl: https://x.example/v1\n",
    problems: ['3:5 unknown key "baseUrl" in providers.openai | did you mean "base_url"?'],
  },
  {
    name: "a key that other gateways call so",
    text: "providers:\n  openai:\n    api_key: env::OPENAI_API_KEY\n",
    problems: ['3:5 unknown key "api_key" in providers.openai | did you mean "credential"?'],
  },
  {
    name: "a key that resembles nothing",
    text: "errors:\n  colour: red\n",
    problems: ['2:3 unknown key "colour" in errors | known here: dialect'],
  },
  {
    name: "a section that this version does not have",
    text: "providers: {}\nroutes:\n  balanced: {}\n",
    problems: ['2:1 routes: not available in this version | remove "routes"; clients name models as provider::model'],
  },
  {
    name: "all four missing sections at once",
    text: "targets: {}\nroutes: {}\nfunctions: {}\nsecurity: {}\n",
    problems: [
      '1:1 targets: not available in this version | remove "targets"; clients name models as provider::model',
      '2:1 routes: not available in this version | remove "routes"; clients name models as provider::model',
      '3:1 functions: not available in this version | remove "functions"; clients name models as provider::model',
      '4:1 security: not available in this version | remove "security"; clients name models as provider::model',
    ],
  },
  {
    name: "a text where a number belongs",
    text: "server:\n  port: four thousand\n",
    problems: ['2:9 server.port: expected a number, got "four thousand"'],
  },
  {
    name: "a unit in the value",
    text: "server:\n  body_bytes_max: 64MiB\n",
    problems: [
      '2:19 server.body_bytes_max: expected a number, got "64MiB" | the unit is in the name: write a plain number of bytes',
    ],
  },
  {
    name: "a duration in the value",
    text: "server:\n  drain_ms: 30s\n",
    problems: [
      '2:13 server.drain_ms: expected a number, got "30s" | the unit is in the name: write a plain number of milliseconds',
    ],
  },
  {
    name: "a number out of range",
    text: "server:\n  port: 65536\n",
    problems: ["2:9 server.port: expected a number of at most 65535, got 65536"],
  },
  {
    name: "a fraction",
    text: "server:\n  port: 40.5\n",
    problems: ["2:9 server.port: expected a whole number, got 40.5"],
  },
  {
    name: "neither a number nor auto",
    text: "server:\n  workers: many\n",
    problems: ['2:12 server.workers: expected a number or "auto", got "many"'],
  },
  {
    name: "no worker at all",
    text: "server:\n  workers: 0\n",
    problems: ["2:12 server.workers: expected a number of at least 1, got 0"],
  },
  {
    name: "a scalar where a map belongs",
    text: "retry: 3\n",
    problems: ["1:8 retry: expected a map, got 3"],
  },
  {
    name: "a key without a value",
    text: "providers:\n  openai:\nserver:\n  host: 127.0.0.1\n",
    problems: ["2:10 providers.openai: expected a map, got nothing | write openai: {} or remove the line"],
  },
  {
    name: "a word where true or false belongs",
    text: "require_keys: yes\n",
    problems: ['1:15 require_keys: expected true or false, got "yes" | write require_keys: true'],
  },
  {
    name: "an unknown choice",
    text: "log:\n  format: jsn\n",
    problems: ['2:11 log.format: expected "auto", "text", "json" or "none", got "jsn" | did you mean "json"?'],
  },
  {
    name: "an unknown dialect",
    text: "providers:\n  openai:\n    dialects: [openai_chat]\n",
    problems: [
      '3:16 providers.openai.dialects[0]: expected "openai-chat", "openai-responses", "anthropic-messages", "gemini" or "bedrock-converse", got "openai_chat" | did you mean "openai-chat"?',
    ],
  },
  {
    name: "one text where a list belongs",
    text: "server:\n  cors_origins: https://app.example.com\n",
    problems: [
      '2:17 server.cors_origins: expected a list, got "https://app.example.com" | write a list: cors_origins: [https://app.example.com]',
    ],
  },
  {
    name: "a gateway key instead of its hash",
    text: "keys:\n  - { name: a, id: abcd, hash: dgm_abcd_0123456789012345678901234567890123456789012 }\n",
    problems: [
      '2:32 keys[0].hash: expected "sha256:<salt>:<digest>", both in lower-case hexadecimal, got "****************************************************" | that is the key itself: dragoman keys create prints its hash as well',
    ],
  },
  {
    name: "a key id that YAML reads as a number",
    text: "keys:\n  - { name: a, id: 7331, hash: 'sha256:<HASH>' }\n",
    problems: ['2:20 keys[0].id: expected text, got 7331 | write it in quotes: id: "7331"'],
  },
  {
    name: "two keys of one id and name",
    text: "keys:\n  - { name: a, id: abcd, hash: 'sha256:<HASH>' }\n  - { name: a, id: abcd, hash: 'sha256:<HASH>' }\n",
    problems: [
      '3:13 keys[1].name: another key is named "a"',
      '3:20 keys[1].id: another key has the id "abcd" | dragoman keys create makes a new one',
    ],
  },
  {
    name: "a day that no calendar has",
    text: "keys:\n  - { name: a, id: abcd, hash: 'sha256:<HASH>', expires: 2026-02-30 }\n",
    problems: [
      '2:149 keys[0].expires: expected a date or a moment with time zone, got "2026-02-30" | 2027-01-31 or 2027-01-31T12:00:00Z',
    ],
  },
  {
    name: "a moment without time zone",
    text: "keys:\n  - { name: a, id: abcd, hash: 'sha256:<HASH>', expires: '2027-01-31T12:00' }\n",
    problems: [
      '2:149 keys[0].expires: expected a date or a moment with time zone, got "2027-01-31T12:00" | 2027-01-31 or 2027-01-31T12:00:00Z',
    ],
  },
  {
    name: "an address that others can reach, without keys",
    text: "server:\n  host: 0.0.0.0\n",
    problems: [
      "2:9 server.host: other machines can reach 0.0.0.0, and no gateway keys are defined | make a key: dragoman keys create NAME; or listen on 127.0.0.1; or start with --allow-anonymous for callers who bring their own provider key",
    ],
  },
  {
    name: "several mistakes in several places",
    text: "server:\n  prot: 1\nproviders:\n  openai: { credential: env::OPENAI_KEY, dialect: [gemini] }\nlog: { format: txt }\n",
    problems: [
      '2:3 unknown key "prot" in server | did you mean "port"?',
      '4:25 providers.openai.credential: environment variable OPENAI_KEY is not set | set it, or write "none" if the provider needs no key',
      '4:42 unknown key "dialect" in providers.openai | did you mean "dialects"?',
      '5:16 log.format: expected "auto", "text", "json" or "none", got "txt" | did you mean "text"?',
    ],
  },
];

for (const row of rows) {
  test(`${row.name} is told with its place and a way out`, () => checkProblems(row));
}

test("a person sees the lines around a problem, a caret below it and the fix", () => {
  const loaded = loadText("server:\n  host: 127.0.0.1\n  prot: 4000\n");
  assert.ok(!loaded.ok);
  assert.equal(
    formatProblems(loaded.error, { color: false }),
    [
      '✕ dragoman.yaml:3:3  unknown key "prot" in server',
      "  1 │ server:",
      "  2 │   host: 127.0.0.1",
      "  3 │   prot: 4000",
      "    │   ^^^^",
      '  fix  did you mean "port"?',
      "",
      "1 problem in the configuration.",
      "",
    ].join("\n"),
  );
  assert.match(formatProblems(loaded.error, { color: true }), new RegExp(`${ESCAPE}\\[31m`));
});

const leaks = [
  "providers:\n  openai:\n    credential: CANARY-CANARY\n    modles: []\n",
  "providers:\n  openai:\n    credential:\n      - CANARY-CANARY\n      - env::NOPE\n",
  "providers:\n  openai:\n    base_url: https://me:CANARY-CANARY@api.openai.com/v1\n",
  "providers:\n  gemini:\n    base_url: https://g.example/v1?key=CANARY-CANARY\n",
  "providers:\n  openai: { kind: sk-proj-CANARY-CANARY }\n",
  "providers:\n  openai: [ sk-ant-CANARY-CANARY\n",
  "keys:\n  - { name: a, id: abcd, hash: dgm_abcd_CANARY-CANARY }\n",
  "keys: dgm_abcd_CANARY-CANARY\n",
  "sk-proj-CANARY-CANARY: {}\n",
  "providers:\n  openai:\n    sk-proj-CANARY-CANARY: 1\n",
];
for (const [index, text] of leaks.entries()) {
  test(`a secret written into the file is never printed (${index + 1})`, () => {
    const loaded = loadText(text);
    assert.ok(!loaded.ok);
    const shown = formatProblems(loaded.error, { color: false }) + JSON.stringify(loaded.error);
    assert.doesNotMatch(shown, /CANARY/);
  });
}
