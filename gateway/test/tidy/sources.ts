import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";

/** A source file: its path below its root (`gateway/src` for the gateway's own), with forward slashes, and its text. */
export type Source = { readonly path: string; readonly text: string };

const repository = join(import.meta.dirname, "../../..");

export function readSources(): Source[] {
  return readFolder(join(repository, "gateway/src"));
}

/** What is written about the gateway rather than for it: tests, benchmark, tools. Paths are below those folders. */
export function readCompanions(): Source[] {
  return ["gateway/test", "bench", "tools"].flatMap((folder) => readFolder(join(repository, folder)));
}

function readFolder(root: string): Source[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts"))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => ({ path: file.slice(root.length + 1).replaceAll("\\", "/"), text: readFileSync(file, "utf8") }))
    .toSorted((left, right) => (left.path < right.path ? -1 : 1));
}

/** The module specifiers of a source, of `import`, `export … from` and `import()`, types included. */
export function importsOf(source: Source): string[] {
  const code = withoutComments(source.text);
  const statements = /(?:^|[\s;}])(?:import|export)\s(?:[^"';]*?\sfrom\s*)?["']([^"']+)["']/g;
  const calls = /\bimport\s*\(\s*["']([^"']+)["']/g;
  return [...code.matchAll(statements), ...code.matchAll(calls)].map((match) => match[1] ?? "");
}

/** What a relative specifier points to, as a path below gateway/src; other specifiers stay as they are. */
export function resolveImport(source: Source, specifier: string): string {
  return specifier.startsWith(".") ? posix.normalize(posix.join(posix.dirname(source.path), specifier)) : specifier;
}

/** `dialects/gemini/read.ts` is in `dialects`; `exchange.ts` stands for itself. */
export function folderOf(path: string): string {
  return dirname(path) === "." ? path : (path.split("/")[0] ?? path);
}

/** Comments may name what code may not use. A `//` after a colon is part of a URL. */
export function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`\\])\/\/.*$/gm, "$1");
}
