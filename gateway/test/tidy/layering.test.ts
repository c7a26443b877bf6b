import assert from "node:assert/strict";
import { test } from "node:test";
import { folderOf, importsOf, readSources, resolveImport, type Source } from "./sources.ts";

/*
 * Who may import whom, one line per folder of gateway/src and per file directly in it. What is not listed is forbidden, so a
 * new folder fails until it has its line. ARCHITECTURE.md says why the arrows point this way.
 */
const allowedImports: Record<string, string> = {
  lib: "",
  canonical: "lib",
  framing: "lib",
  providers: "lib canonical",
  config: "lib canonical providers",
  translation: "lib canonical",
  dialects: "lib canonical framing translation providers",
  operations: "lib canonical framing dialects providers config",
  routing: "lib canonical dialects operations providers config",
  limits: "lib canonical providers config routing",
  record: "lib canonical providers config",
  relay: "lib canonical framing translation dialects operations providers config routing limits record",
  "exchange.ts": "lib canonical dialects operations providers config routing limits record relay",
  transport: "lib framing relay",
  http: "lib canonical dialects operations providers config limits record relay exchange.ts",
  demo: "lib canonical framing dialects operations providers config relay",
  "gateway.ts": "lib canonical dialects operations providers config routing limits record relay exchange.ts demo",
  process: "lib canonical operations config record relay transport http gateway.ts",
  cli: "lib canonical framing operations providers config routing limits record",
  "main.ts": "lib config process cli",
};

/** Packages of package.json, by the folders that may use them. The hot path needs none. */
const allowedPackages: Record<string, readonly string[]> = {
  zod: ["config"],
  yaml: ["config"],
  commander: ["cli", "main.ts"],
};

const pureFolders = ["canonical", "dialects", "framing", "routing", "translation"];
const dialectTables = ["dialects/index.ts", "dialects/upstream.ts"];
/** The only places that may make or check a secret; main.ts hands the system's randomness to those that make one. */
const cryptoUsers = ["providers/auth.ts", "limits/keys.ts", "storage/", "main.ts"];

/** Every import of `source` that breaks a rule, as a sentence. */
function layeringProblems(source: Source): string[] {
  const folder = folderOf(source.path);
  const allowed = allowedImports[folder]?.split(" ");
  if (allowed === undefined) return [`${source.path}: ${folder} has no line in the table of allowed imports`];
  return importsOf(source).flatMap((specifier) => {
    const problem = importProblem(source, folder, allowed, specifier);
    return problem === undefined ? [] : [`${source.path} imports ${specifier}: ${problem}`];
  });
}

function importProblem(
  source: Source,
  folder: string,
  allowed: readonly string[],
  specifier: string,
): string | undefined {
  if (specifier.startsWith("node:")) {
    if (pureFolders.includes(folder)) return `${folder} is pure, it takes what it needs as arguments`;
    const mayUse = specifier !== "node:crypto" || cryptoUsers.some((prefix) => source.path.startsWith(prefix));
    return mayUse ? undefined : "cryptography belongs to the credentials and the store";
  }
  if (!specifier.startsWith(".")) {
    const name = specifier.split("/")[0] ?? specifier;
    return allowedPackages[name]?.includes(folder) ? undefined : `${folder} may not use this package`;
  }
  const target = resolveImport(source, specifier);
  const targetFolder = folderOf(target);
  if (source.path === "main.ts" && target === "../package.json") return undefined; // The version.
  if (target.startsWith("..")) return "outside of gateway/src";
  if (targetFolder !== folder)
    return allowed.includes(targetFolder) ? undefined : `${folder} may not know ${targetFolder}`;
  return folder === "dialects" ? dialectProblem(source.path, target) : undefined;
}

/** Files directly in dialects/ are shared by all dialects; of these only the tables know the dialects themselves. */
function dialectProblem(path: string, target: string): string | undefined {
  const own = dialectOf(path);
  const other = dialectOf(target);
  if (other === undefined || other === own || dialectTables.includes(path)) return undefined;
  return own === undefined ? "what dialects share may not know one of them" : `${own} may not know ${other}`;
}

function dialectOf(path: string): string | undefined {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] : undefined;
}

/** The first import cycle among the sources, as the paths along it; empty without one. */
function findCycle(sources: readonly Source[]): string[] {
  const edges = new Map(
    sources.map((source) => [source.path, importsOf(source).map((each) => resolveImport(source, each))]),
  );
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] => {
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    if (done.has(path)) return [];
    for (const next of edges.get(path) ?? []) {
      const cycle = edges.has(next) ? visit(next, [...trail, path]) : [];
      if (cycle.length > 0) return cycle;
    }
    done.add(path);
    return [];
  };
  for (const path of edges.keys()) {
    const cycle = visit(path, []);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

const sources = readSources();

test("imports point only where the architecture allows", () => {
  assert.ok(sources.length > 20, "the sources were not found");
  assert.deepEqual(sources.flatMap(layeringProblems), []);
});

test("no import cycle", () => {
  assert.deepEqual(findCycle(sources), []);
});

const forbidden: readonly [path: string, text: string][] = [
  ["lib/json.ts", 'import { fold } from "../canonical/fold.ts";'],
  ["canonical/usage.ts", 'import type { Framer } from "../framing/framer.ts";'],
  ["canonical/usage.ts", 'import { join } from "node:path";'],
  ["dialects/gemini/read.ts", 'import {\n  request,\n} from "../openai-chat/wire.ts";'],
  ["dialects/dialect.ts", 'export { readHead } from "./gemini/head.ts";'],
  ["routing/plan.ts", 'const timers = await import("node:timers");'],
  ["routing/plan.ts", 'import "../relay/relay.ts";'],
  ["http/server.ts", 'import { parse } from "yaml";'],
  ["http/server.ts", 'import { randomBytes } from "node:crypto";'],
  ["http/server.ts", 'import { test } from "../../test/support/corpus.ts";'],
  ["brand-new/thing.ts", ""],
];

for (const [path, text] of forbidden) {
  test(`forbidden in ${path}: ${text.replaceAll("\n", " ") || "a folder without a line"}`, () => {
    assert.equal(layeringProblems({ path, text }).length, 1);
  });
}

test("allowed: the dialect table, shared dialect files, cryptography of keys, imports named in comments", () => {
  const allowed: Source[] = [
    { path: "dialects/index.ts", text: 'import { gemini } from "./gemini/index.ts";' },
    { path: "dialects/gemini/read.ts", text: 'import type { Dialect } from "../dialect.ts";' },
    { path: "limits/keys.ts", text: 'import { timingSafeEqual } from "node:crypto";' },
    { path: "canonical/usage.ts", text: '// import { join } from "node:path";\n/* import "undici"; */' },
  ];
  assert.deepEqual(allowed.flatMap(layeringProblems), []);
});

test("a cycle is found and shown", () => {
  const cycle = findCycle([
    { path: "lib/a.ts", text: 'import { b } from "./b.ts";' },
    { path: "lib/b.ts", text: 'import { c } from "./c.ts";' },
    { path: "lib/c.ts", text: 'import { b } from "./b.ts";' },
  ]);
  assert.deepEqual(cycle, ["lib/b.ts", "lib/c.ts", "lib/b.ts"]);
});
