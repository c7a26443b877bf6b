/**
 * `npm run check`: everything that must hold before a change goes in, cheapest first. All steps run even when one fails, so
 * that one run tells everything; a step's output is shown only when it fails, except the tests'.
 *
 *   node tools/check.ts [--no-tests]
 */
import { spawn } from "node:child_process";
import { join } from "node:path";

type Step = { readonly name: string; readonly command: readonly string[]; readonly show: "always" | "on-failure" };

const root = join(import.meta.dirname, "..");
const start = join(root, "start.mjs");
const steps: readonly Step[] = [
  { name: "format", command: ["format", "--check"], show: "on-failure" },
  { name: "lint", command: ["lint"], show: "on-failure" },
  { name: "types", command: ["types"], show: "on-failure" },
  { name: "tests", command: ["test"], show: "always" },
];

const chosen = process.argv.includes("--no-tests") ? steps.filter((step) => step.name !== "tests") : steps;
const failed: string[] = [];
for (const step of chosen) {
  const started = performance.now();
  const { code, output } = await runStep(step);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${code === 0 ? "✓" : "✗"} ${step.name.padEnd(8)} ${seconds} s\n`);
  if (code !== 0) {
    process.stdout.write(output);
    failed.push(step.name);
  }
}
if (failed.length > 0) {
  process.stdout.write(`Failed: ${failed.join(", ")}\n`);
  process.exitCode = 1;
}

function runStep(step: Step): Promise<{ code: number; output: string }> {
  const shown = step.show === "always";
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [start, ...step.command], {
      cwd: root,
      stdio: ["ignore", shown ? "inherit" : "pipe", shown ? "inherit" : "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    child.once("error", reject);
    // A signal has no code; it is a failure too.
    child.once("close", (code) => resolve({ code: code ?? 1, output }));
  });
}
