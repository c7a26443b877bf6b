/**
 * `npm run prove`: the fuzzing of the tests at full size. Every reader, decoder, writer and encoder is given recordings with
 * values exchanged, bytes cut, and noise, in threads of their own, until a number of inputs or a time is reached.
 *
 *   node tools/prove.ts [--inputs N] [--seed S] [--minutes M] [--threads N] [--write]
 *   node tools/prove.ts --seed S --only INDEX     one input again, as a finding names it
 *
 * Ends with 1 when something was found. `--write` puts the figures into docs/proof.md.
 */
import { writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { fuzzOne, inputOf, readTargets } from "../gateway/test/fuzz/fuzz.ts";
import { runProof, type ProofResult } from "./prove/run-proof.ts";
import { proofDocument, sayFinding } from "./prove/report.ts";

const INPUTS = 10_000_000;

const { values } = parseArgs({
  options: {
    inputs: { type: "string", default: String(INPUTS) },
    seed: { type: "string", default: "1" },
    minutes: { type: "string", default: "Infinity" },
    threads: { type: "string", default: String(availableParallelism()) },
    only: { type: "string" },
    write: { type: "boolean", default: false },
  },
});
const [inputs, seed, minutes, threads] = [values.inputs, values.seed, values.minutes, values.threads].map(Number);
if (!(inputs !== undefined && inputs >= 1) || seed === undefined || !Number.isSafeInteger(seed))
  stop("--inputs and --seed take whole numbers");
if (!(minutes !== undefined && minutes > 0) || !(threads !== undefined && threads >= 1))
  stop("--minutes and --threads take numbers above 0");

if (values.only === undefined) await prove();
else again(Number(values.only));

async function prove(): Promise<void> {
  const result = await runProof({
    inputs: Math.floor(inputs ?? 1),
    seed: seed ?? 1,
    threads: Math.floor(threads ?? 1),
    endsAt: performance.now() + (minutes ?? 1) * 60_000,
    progress: (text) => void process.stdout.write(`${text}\n`),
  });
  for (const finding of result.findings) process.stdout.write(`\n${sayFinding(finding)}\n`);
  process.stdout.write(`\n${summary(result)}\n`);
  if (values.write) writeFileSync(join(import.meta.dirname, "../docs/proof.md"), proofDocument(result));
  process.exitCode = result.findings.length === 0 ? 0 : 1;
}

function summary({ counts, findings }: ProofResult): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  return `${total.toLocaleString("en")} inputs for ${counts.size} targets, ${findings.length} findings`;
}

function again(index: number): void {
  const targets = readTargets();
  const { target, input } = inputOf(targets, seed ?? 1, index);
  process.stdout.write(`${target.name}: ${input.length} bytes\n`);
  const finding = fuzzOne(targets, seed ?? 1, index);
  process.stdout.write(finding === undefined ? "nothing found\n" : `${sayFinding(finding)}\n`);
  process.exitCode = finding === undefined ? 0 : 1;
}

function stop(message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(64);
}
