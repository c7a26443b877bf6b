import { createWriteStream, write } from "node:fs";
import { styleText } from "node:util";
import type { LogConfig } from "../config/config.ts";
import { droppedLine, toJsonLine } from "../record/json-lines.ts";
import type { ExchangeRecord, RecordSink } from "../record/record.ts";
import { allSinks, queuedSink } from "../record/sinks.ts";
import { toTerminalLine, type Paint } from "../record/terminal.ts";

export type SinkFacts = {
  /** Whether a person sees standard output. */
  readonly outIsTerminal: boolean;
  readonly outHasColor: boolean;
};

/** The sinks that a configuration asks for: lines on standard output, and JSON lines in a file. */
export function openSinks(log: LogConfig, facts: SinkFacts): RecordSink {
  const sinks: RecordSink[] = [];
  const format = log.format === "auto" ? (facts.outIsTerminal ? "text" : "json") : log.format;
  const paint: Paint = facts.outHasColor ? colour : (_colour, text) => text;
  if (format === "text") sinks.push(lineSink((record) => toTerminalLine(record, paint), writeStandardOutput));
  if (format === "json") sinks.push(lineSink(toJsonLine, writeStandardOutput));
  if (log.file !== undefined) sinks.push(lineSink(toJsonLine, fileWriter(log.file)));
  return allSinks(sinks);
}

/** Records may wait this long for company: one write for many lines costs a fraction of many writes. */
const GATHER_MS = 10;

function lineSink(toLine: (record: ExchangeRecord) => string, write: (text: string) => Promise<void>): RecordSink {
  return queuedSink({ toLine, droppedLine, write, schedule: (run) => void setTimeout(run, GATHER_MS).unref() });
}

const STANDARD_OUTPUT = 1;
const RETRY_MS = 10;

/**
 * Writes to standard output on the thread pool. `process.stdout` writes to a pipe synchronously: whoever reads it slowly
 * would stop the event loop.
 */
async function writeStandardOutput(text: string): Promise<void> {
  let rest: Buffer = Buffer.from(text);
  while (rest.length > 0) {
    const written = await writeSome(rest);
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    rest = rest.subarray(written);
  }
}

/** 0 when a non-blocking pipe is full. */
function writeSome(bytes: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    write(STANDARD_OUTPUT, bytes, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}

function fileWriter(file: string): (text: string) => Promise<void> {
  const stream = createWriteStream(file, { flags: "a", mode: 0o600 });
  // Each failed write is reported to its own callback; without a listener the stream's event would end the process.
  stream.on("error", () => {});
  return (text) =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
}

function colour(name: Parameters<Paint>[0], text: string): string {
  return styleText(name, text, { validateStream: false });
}
