import assert from "node:assert/strict";
import { test } from "node:test";
import { readCompanions, readSources, withoutComments, type Source } from "./sources.ts";

/** A thing that no source may contain, except below the paths of `except`. `in: "text"` looks at comments too. */
type Ban = {
  readonly what: RegExp;
  readonly why: string;
  readonly in: "code" | "text";
  readonly except: readonly string[];
  /** A source that breaks the rule, which proves that the rule bites. */
  readonly example: string;
};

const bans: readonly Ban[] = [
  {
    what: /\bprocess\s*\.\s*env\b|\bprocess\s*\[\s*["']env|\{[^}]*\benv\b[^}]*\}\s*=\s*process\b/,
    why: "the environment is read once, with the configuration",
    in: "code",
    except: ["config/load.ts"],
    example: "const { env } = process;",
  },
  {
    what: /\bDate\s*\.\s*now\b|\bnew\s+Date\s*\(\s*\)|\bperformance\s*\.\s*now\b|\bprocess\s*\.\s*hrtime\b/,
    why: "time comes from a Clock, so that tests can hold it",
    in: "code",
    except: ["lib/"],
    example: "const startedAt = Date.now();",
  },
  {
    what: /\bMath\s*\.\s*random\b/,
    why: "chance is passed in, so that tests can repeat it",
    in: "code",
    // The second is where a running gateway is put together: it passes chance in.
    except: ["lib/", "process/run.ts"],
    example: "const index = Math.floor(Math.random() * targets.length);",
  },
  {
    what: /^\s*[\w.#]+\.#?\w+ = (?:async )?\(?[^()=\n]*\)?(?:: [^=\n]+)? =>/m,
    why: "the engine puts a function that is written where a property is assigned among the old objects: give it a name first",
    in: "code",
    except: ["cli/"],
    example: "handle.abort = (reason) => resolve(reason);",
  },
  {
    what: /^ {4,}get \w+\(\)/m,
    why: "the engine puts the getters of an object literal among the old objects: make it a method",
    in: "code",
    // One for each gateway.
    except: ["gateway.ts"],
    example: "  return {\n    get terminal() {\n      return state.terminal;\n    },\n  };",
  },
  {
    what: /\bconsole\s*\./,
    why: "a request is told by one record, not by prints along the way",
    in: "code",
    except: [],
    example: "console.error(failure);",
  },
  {
    what: /\b(?:FIXME|TODO|XXX)\b/,
    why: "what is left to do belongs to the issue tracker",
    in: "text",
    except: [],
    // Split, so that this file does not hold what it forbids.
    example: `// ${"TO"}${"DO"}: handle the other case`,
  },
];

const LINES_MAX = 400;

/** Named after a family of which there is one member so far. */
const families = ["lib/hash.ts", "dialects/openai-chat/identifiers.ts"];

function banProblems(source: Source): string[] {
  const code = withoutComments(source.text);
  const broken = bans.filter((ban) => {
    const excepted = ban.except.some((prefix) => source.path.startsWith(prefix));
    return !excepted && ban.what.test(ban.in === "code" ? code : source.text);
  });
  return broken.map((ban) => `${source.path}: ${ban.why}`);
}

function lengthProblems({ path, text }: Source): string[] {
  const lines = text.trimEnd().split("\n").length;
  return lines > LINES_MAX ? [`${path} has ${lines} lines; ${LINES_MAX} is the most`] : [];
}

/**
 * A file that exports one thing is named after it: `json-scan.ts` exports `scanJson`, `JsonScan` or `jsonScanOf`. Order and
 * number of the words are free, so this only finds names that have nothing to do with each other.
 */
function nameProblems({ path, text }: Source): string[] {
  const name = (path.split("/").at(-1) ?? path).replace(/\.ts$/, "");
  const exported = [...text.matchAll(/^export (?:async )?(?:function|const|class|type|interface) (\w+)/gm)];
  const [only, ...others] = exported.map((match) => match[1] ?? "");
  if (name === "index" || only === undefined || others.length > 0 || families.includes(path)) return [];
  const words = name.split("-").map((word) => word.replace(/s$/, ""));
  const hit = words.some((word) => only.toLowerCase().includes(word));
  return hit ? [] : [`${path} exports only ${only}: name one after the other`];
}

const sources = readSources();

test("nothing banned in the sources", () => {
  assert.deepEqual(sources.flatMap(banProblems), []);
});

test(`no file is longer than ${LINES_MAX} lines`, () => {
  assert.deepEqual([...sources, ...readCompanions()].flatMap(lengthProblems), []);
});

test("a file with one export is named after it", () => {
  assert.deepEqual(sources.flatMap(nameProblems), []);
});

for (const ban of bans) {
  test(`banned: ${ban.why}`, () => {
    assert.equal(banProblems({ path: "relay/example.ts", text: ban.example }).length, 1);
    for (const path of ban.except) assert.deepEqual(banProblems({ path, text: ban.example }), []);
  });
}

test("a comment may name what code may not use", () => {
  const text = '// console.log and Date.now() are banned\nconst url = "https://example.com"; /* Math.random */';
  assert.deepEqual(banProblems({ path: "relay/example.ts", text }), []);
});

test("a URL does not hide the code behind it", () => {
  const text = 'fetch("https://example.com"); console.log(1);';
  assert.equal(banProblems({ path: "relay/example.ts", text }).length, 1);
});

test("one line more than the most is found, the most is not", () => {
  const path = "relay/example.ts";
  assert.deepEqual(lengthProblems({ path, text: "x\n".repeat(LINES_MAX) }), []);
  assert.equal(lengthProblems({ path, text: "x\n".repeat(LINES_MAX + 1) }).length, 1);
});

test("a name that has nothing to do with the export is found", () => {
  assert.equal(nameProblems({ path: "lib/clock.ts", text: "export function hash() {}" }).length, 1);
  assert.deepEqual(nameProblems({ path: "lib/retry-after.ts", text: "export function readRetryAfter() {}" }), []);
});
