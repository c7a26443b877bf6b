import { test } from "node:test";
import { checkProblems, type ProblemRow } from "./support.ts";

/* What is wrong with a provider: its kind, address, credentials, models or header. */

const rows: readonly ProblemRow[] = [
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
];

for (const row of rows) {
  test(`${row.name} is told with its place and a way out`, () => checkProblems(row));
}
