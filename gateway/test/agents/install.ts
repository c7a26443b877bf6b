import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { fail, ok, type Result } from "../../src/lib/result.ts";

/** An npm package in the one version that the expectations were written against. */
export type Pin = { readonly name: string; readonly version: string };

const INSTALL_MAX_MS = 240_000;
const OUTPUT_SHOWN_MAX = 200;

/**
 * Installs the package into a cache folder of its own, once per version, and gives the folder. The agents are no dependencies
 * of the project: together they weigh 850 MB. Their install scripts are not run; none is needed to run what is inside.
 */
export async function installPackage(pin: Pin): Promise<Result<string, string>> {
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "dragoman", "agents");
  const folder = join(cache, `${pin.name.replaceAll("/", "+")}@${pin.version}`);
  if (existsSync(folder)) return ok(folder);
  // Beside it under another name first, so that an installation that was cut off is never taken for a whole one.
  const unfinished = `${folder}.${randomUUID()}`;
  await mkdir(unfinished, { recursive: true });
  await writeFile(join(unfinished, "package.json"), '{ "private": true }\n');
  const problem = await runNpm(pin, unfinished);
  if (problem === undefined) await rename(unfinished, folder).catch(() => undefined);
  await rm(unfinished, { recursive: true, force: true });
  if (existsSync(folder)) return ok(folder);
  return fail(problem ?? "the cache folder could not be written");
}

/** What went wrong, if anything. */
async function runNpm(pin: Pin, folder: string): Promise<string | undefined> {
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"];
  const child = spawn("npm", ["install", ...options, `${pin.name}@${pin.version}`], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: INSTALL_MAX_MS,
    killSignal: "SIGKILL",
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
    });
  }
  try {
    const [code] = await once(child, "close");
    if (code === 0) return undefined;
    return `npm ended with ${code ?? "a signal"}: ${output.trim().replaceAll(/\s+/g, " ").slice(0, OUTPUT_SHOWN_MAX)}`;
  } catch (error) {
    return `npm cannot be run: ${String(error)}`;
  }
}
