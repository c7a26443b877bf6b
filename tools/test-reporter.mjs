/*
 * The reporter of `npm test`: silent about what passes, everything about what fails, one line at the end that counts.
 * Runs inside node's test runner, which takes a reporter as a default export.
 */
import { relative } from "node:path";
import { inspect } from "node:util";

const SLOWEST_SHOWN = 5;
const FRAMES_SHOWN = 4;
const OUTPUT_LINES_MAX = 40;

/**
 * @param {AsyncIterable<{ type: string, data: any }>} source the runner's events
 * @yields {string} what is printed
 */
export default async function* report(source) {
  const progress = process.stdout.isTTY === true;
  const counts = { passed: 0, failed: 0, skipped: 0 };
  /** @type {{ file: string, durationMs: number }[]} */
  const files = [];
  /** Output of tests by file: shown only where something failed. @type {Map<string, string[]>} */
  const output = new Map();
  /** @type {Set<string>} */
  const failedFiles = new Set();

  for await (const { type, data } of source) {
    if (type === "test:pass" && isTest(data)) {
      if (data.skip !== undefined || data.todo !== undefined) counts.skipped += 1;
      else counts.passed += 1;
    } else if (type === "test:fail" && isCause(data)) {
      counts.failed += 1;
      failedFiles.add(data.file ?? "");
      yield `${progress ? "\r\x1b[K" : ""}${describeFailure(data)}`;
    } else if (type === "test:stderr" || type === "test:stdout") {
      keepOutput(output, data.file ?? "", data.message);
    } else if (type === "test:summary" && data.file !== undefined) {
      files.push({ file: data.file, durationMs: data.duration_ms });
    }
    if (progress && type.startsWith("test:")) yield `\r\x1b[K${countLine(counts)}`;
  }

  if (progress) yield "\r\x1b[K";
  for (const file of failedFiles) yield describeOutput(file, output.get(file));
  yield describeSlowest(files);
  if (counts.failed + counts.passed === 0) {
    yield "No test ran.\n";
    process.exitCode = 1;
  }
  if (counts.failed > 0) process.exitCode = 1;
  yield `${countLine(counts)}\n`;
}

/** Suites are only headings, and a file without tests is reported as a test named like itself. */
function isTest({ name, file, details }) {
  return details?.type !== "suite" && name !== file;
}

/** A parent fails with its children; only the children say why. */
function isCause(data) {
  return data.details?.error?.failureType !== "subtestsFailed";
}

function countLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

function describeFailure({ name, file, line, details }) {
  const where = file === undefined ? "" : `${relative(process.cwd(), file)}${line === undefined ? "" : `:${line}`}`;
  return `\n✗ ${name}\n  ${where}\n${indent(describeError(details.error))}\n`;
}

/** The runner wraps what was thrown. The message of an assertion holds the difference already. */
function describeError(error) {
  const cause = error?.cause ?? error;
  if (!(cause instanceof Error)) return typeof cause === "string" ? cause : inspect(cause, { depth: 4 });
  const frames = (cause.stack ?? "").split("\n").filter((line) => /^\s+at .*file:/.test(line));
  const shown = frames.slice(0, FRAMES_SHOWN).map((frame) => frame.replace(`file://${process.cwd()}/`, ""));
  return [cause.message, ...shown].join("\n");
}

function keepOutput(output, file, message) {
  const lines = output.get(file) ?? [];
  lines.push(...String(message).trimEnd().split("\n"));
  output.set(file, lines.slice(-OUTPUT_LINES_MAX));
}

function describeOutput(file, lines) {
  if (lines === undefined || file === "") return "";
  return `\nOutput of ${relative(process.cwd(), file)}:\n${indent(lines.join("\n"))}\n`;
}

function describeSlowest(files) {
  const slowest = files.toSorted((left, right) => right.durationMs - left.durationMs).slice(0, SLOWEST_SHOWN);
  const rows = slowest.map(({ file, durationMs }) => {
    return `  ${(durationMs / 1000).toFixed(2).padStart(6)} s  ${relative(process.cwd(), file)}\n`;
  });
  return rows.length === 0 ? "" : `\nSlowest files:\n${rows.join("")}`;
}

function indent(text) {
  return text.replace(/^(?=.)/gm, "  ");
}
