import { test } from "node:test";
import { checkProblems, type ProblemRow } from "./support.ts";

/* A file that cannot be read as a configuration at all, or with variables that cannot be filled in. */

const rows: readonly ProblemRow[] = [
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
];

for (const row of rows) {
  test(`${row.name} is told with its place and a way out`, () => checkProblems(row));
}
