import assert from "node:assert/strict";
import { test } from "node:test";
import { formatProblems } from "../../src/config/problems.ts";
import { loadText, problemText } from "./support.ts";

type Row = {
  readonly name: string;
  /** `<HASH>` stands for the hash of some key. */
  readonly text: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** All of them, in the order of the file: `line:column path: message | suggestion`. */
  readonly problems: readonly string[];
};

const ESCAPE = "\u001b";
const HASH = `00112233445566778899aabbccddeeff:${"0".repeat(64)}`;

const rows: readonly Row[] = [
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
    name: "an unknown provider without kind",
    text: "providers:\n  antropic:\n    models: [claude-sonnet-4-6]\n",
    problems: [
      '2:3 providers.antropic: "antropic" is not a provider that the catalogue knows, and it has no kind | did you mean "anthropic"? Else add kind: openai-compatible and its base_url',
    ],
  },
  {
    name: "a provider nobody knows",
    text: "providers:\n  in-house:\n    models: [x]\n",
    problems: [
      '2:3 providers.in-house: "in-house" is not a provider that the catalogue knows, and it has no kind | say what it speaks: kind: openai-compatible, with its base_url',
    ],
  },
  {
    name: "an unknown kind",
    text: "providers:\n  local:\n    kind: openai-compatable\n    base_url: http://h:8000/v1\n",
    problems: ['3:11 providers.local.kind: unknown kind "openai-compatable" | did you mean "openai-compatible"?'],
  },
  {
    name: "a kind without an address of its own",
    text: "providers:\n  local:\n    kind: openai-compatible\n    credential: none\n",
    problems: [
      '2:3 providers.local: "base_url" is missing: a provider of the kind "OpenAI-compatible" has no address of its own | add base_url: https://…/v1',
    ],
  },
  {
    name: "a base URL without scheme",
    text: "providers:\n  ollama:\n    base_url: localhost:11434\n",
    problems: [
      '3:15 providers.ollama.base_url: expected an http or https URL, got "localhost:11434" | for example https://api.example.com/v1',
    ],
  },
  {
    name: "a base URL with an operation in it",
    text: "providers:\n  openai:\n    base_url: https://api.openai.com/v1/chat/completions\n",
    problems: [
      "3:15 providers.openai.base_url: a base URL ends before the path of an operation | https://api.openai.com/v1",
    ],
  },
  {
    name: "a base URL with a password",
    text: "providers:\n  openai:\n    base_url: https://me:hunter2@api.openai.com/v1\n",
    problems: [
      "3:15 providers.openai.base_url: a URL must not hold a credential | write credential: env::NAME instead",
    ],
  },
  {
    name: "a base URL with a query",
    text: "providers:\n  gemini:\n    base_url: https://g.example/?key=abc\n",
    problems: ["3:15 providers.gemini.base_url: a base URL has no query and no fragment | https://g.example/"],
  },
  {
    name: "a provider id that is a prefix",
    text: "providers:\n  route:\n    kind: openai\n",
    problems: [
      '2:3 providers.route: "route" is a prefix that the gateway itself uses | choose another id and name the kind: kind: …',
    ],
  },
  {
    name: "a provider id with a slash",
    text: "providers:\n  my/openai:\n    kind: openai\n",
    problems: [
      '2:3 providers["my/openai"]: an id has letters, digits, dots, hyphens and underscores, at most 64, and begins with a letter or digit',
    ],
  },
  {
    name: "a variable that is not set, one like it being set",
    text: "providers:\n  openai:\n    credential: env::OPENAI_KEY\n",
    environment: { OPENAI_API_KEY: "sk-1" },
    problems: [
      "3:17 providers.openai.credential: environment variable OPENAI_KEY is not set | OPENAI_API_KEY is set: write env::OPENAI_API_KEY if that is the one",
    ],
  },
  {
    name: "a variable that is not set, another secret of the vendor being set",
    text: "providers:\n  anthropic:\n    credential: env::ANTHROPIC_PRODUCTION\n",
    environment: { ANTHROPIC_AUTH_TOKEN: "x" },
    problems: [
      "3:17 providers.anthropic.credential: environment variable ANTHROPIC_PRODUCTION is not set | ANTHROPIC_AUTH_TOKEN is set: write env::ANTHROPIC_AUTH_TOKEN if that is the one",
    ],
  },
  {
    name: "a variable that is not set and has no likeness",
    text: "providers:\n  openai:\n    credential: env::OPENAI_API_KEY\n",
    environment: { PATH: "/bin" },
    problems: [
      '3:17 providers.openai.credential: environment variable OPENAI_API_KEY is not set | set it, or write "none" if the provider needs no key',
    ],
  },
  {
    name: "an empty variable",
    text: "providers:\n  openai:\n    credential: env::OPENAI_API_KEY\n",
    environment: { OPENAI_API_KEY: " " },
    problems: [
      '3:17 providers.openai.credential: environment variable OPENAI_API_KEY is empty | set it, or write "none" if the provider needs no key',
    ],
  },
  {
    name: "a variable with a line break inside",
    text: "providers:\n  openai:\n    credential: env::OPENAI_API_KEY\n",
    environment: { OPENAI_API_KEY: "sk-1\nsk-2" },
    problems: [
      "3:17 providers.openai.credential: environment variable OPENAI_API_KEY holds characters that no credential has (line breaks, control or non-ASCII characters)",
    ],
  },
  {
    name: "one bad credential of a list",
    text: "providers:\n  openai:\n    credential: [env::A, env::B]\n",
    environment: { A: "sk-1" },
    problems: [
      "3:26 providers.openai.credential[1]: environment variable B is not set | A is set: write env::A if that is the one",
    ],
  },
  {
    name: "none in a list",
    text: "providers:\n  openai:\n    credential: [env::A, none]\n",
    environment: { A: "sk-1" },
    problems: ['3:17 providers.openai.credential: "none" stands alone, not in a list of credentials'],
  },
  {
    name: "a credential file that is not there",
    text: "providers:\n  openai:\n    credential: file::openai.key\n",
    problems: ["3:17 providers.openai.credential: there is no file /etc/dragoman/openai.key"],
  },
  {
    name: "a credential written out",
    text: "providers:\n  openai:\n    credential: hunter2-hunter2\n",
    problems: [
      "3:17 providers.openai.credential: a credential is not written in the file: it would be read by everyone who reads the file | env::OPENAI_API_KEY, file::PATH or none",
    ],
  },
  {
    name: "a variable in a value that is not set",
    text: "server:\n  host: ${DRAGOMAN_ADDRESS}\n",
    problems: [
      "2:9 server.host: environment variable DRAGOMAN_ADDRESS is not set | set it, or write a default: ${DRAGOMAN_ADDRESS:-…}",
    ],
  },
  {
    name: "code where a variable belongs",
    text: "server:\n  host: ${process.env.HOST}\n",
    problems: [
      '2:9 server.host: "${process.env.HOST}" does not name an environment variable | write ${NAME}, or ${NAME:-default}; $${ stands for a literal ${',
    ],
  },
  {
    name: "a variable without quotes in a flow map",
    text: "server: { port: ${PORT} }\n",
    environment: { PORT: "1" },
    problems: [
      '1:18 not valid YAML: unexpected flow-map-start at node end | inside { } and [ ] a variable needs quotes: "${NAME}"',
    ],
  },
  {
    name: "a YAML tag",
    text: "server:\n  host: !!js/function 'return 1'\n",
    problems: ["2:9 not valid YAML: the tag !!js/function is not supported"],
  },
  {
    name: "an alias to nothing",
    text: "server:\n  host: *elsewhere\n",
    problems: ["2:9 server.host: nothing is anchored as &elsewhere"],
  },
  {
    name: "a duplicate key",
    text: "server:\n  port: 1\n  port: 2\n",
    problems: ['3:3 the key "port" stands here a second time'],
  },
  {
    name: "a second document",
    text: "server: {}\n---\nserver: {}\n",
    problems: ['2:1 not valid YAML: a line "---" begins a second document'],
  },
  {
    name: "an unclosed bracket",
    text: "providers:\n  openai: { models: [gpt-4o\n",
    problems: ['3:1 not valid YAML: a closing "]" is missing before this'],
  },
  {
    name: "a tab as indentation",
    text: "server:\n\tport: 1\n",
    problems: ["2:1 not valid YAML: tabs are not allowed as indentation"],
  },
  {
    name: "a model listed twice",
    text: "providers:\n  openai:\n    models: [gpt-4o, { id: gpt-4o }]\n",
    problems: ['3:28 providers.openai.models[1].id: the model "gpt-4o" stands in this list twice'],
  },
  {
    name: "a model map without id",
    text: "providers:\n  openai:\n    models:\n      - upstream_id: gpt-4o\n",
    problems: ['4:9 providers.openai.models[0]: "id" is missing | add id: …'],
  },
  {
    name: "a model map with a misspelt key",
    text: "providers:\n  openai:\n    models:\n      - { id: fast, upstream: gpt-4o }\n",
    problems: ['4:21 unknown key "upstream" in providers.openai.models[0] | did you mean "upstream_id"?'],
  },
  {
    name: "a model with a prefix",
    text: "providers:\n  openai:\n    models: ['openai::gpt-4o']\n",
    problems: ['3:14 providers.openai.models[0]: a model id holds no "::" | write gpt-4o'],
  },
  {
    name: "a header name without its auth type",
    text: "providers:\n  openai:\n    auth_header_name: x-key\n",
    problems: [
      "3:5 providers.openai.auth_header_name: only api_key_header has a header name | add auth_type: api_key_header",
    ],
  },
  {
    name: "a header name that carries the message",
    text: "providers:\n  openai:\n    auth_type: api_key_header\n    auth_header_name: Host\n",
    problems: ['4:23 providers.openai.auth_header_name: "Host" cannot be the name of a credential header'],
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
    name: "an empty file",
    text: "",
    problems: ["dragoman.yaml the file is empty | write providers: {…}, or start without a file"],
  },
  {
    name: "a file that is a list",
    text: "- a\n- b\n",
    problems: ["1:1 expected a map, got a list"],
  },
  {
    name: "a prototype name as a key",
    text: "__proto__:\n  port: 1\n",
    problems: ["1:1 a key must be a plain name"],
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

for (const { name, text, environment, problems } of rows) {
  test(`${name} is told with its place and a way out`, () => {
    const loaded = loadText(text.replaceAll("<HASH>", HASH), { environment: environment ?? {} });
    assert.ok(!loaded.ok);
    assert.deepEqual(
      loaded.error.map((problem) => problemText(problem).replace(/^dragoman\.yaml:/, "")),
      problems,
    );
  });
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
