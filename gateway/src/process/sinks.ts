import { open, write } from "node:fs";
import { styleText } from "node:util";
import type { LogConfig } from "../config/config.ts";
import { droppedLine, readJsonLine, toJsonLine } from "../record/json-lines.ts";
import { LineQueue, type LinePlace } from "../record/line-queue.ts";
import type { ExchangeRecord, RecordSink } from "../record/record.ts";
import { toTerminalLine, type Paint } from "../record/terminal.ts";

export type SinkFacts = {
  /** Whether a person sees standard output. */
  readonly outIsTerminal: boolean;
  readonly outHasColor: boolean;
};

/** Where records go. Those of a worker come as the JSON lines that it made of them. */
export interface Sinks extends RecordSink {
  writeLines(lines: Uint8Array): void;
}

/**
 * The sinks that a configuration asks for: lines on standard output, and JSON lines in a file. `warn` is told when the file
 * cannot be written, once until it can again; no request notices.
 */
export function openSinks(log: LogConfig, facts: SinkFacts, warn: (text: string) => void): Sinks {
  const sinks: Sinks[] = [];
  const format = log.format === "auto" ? (facts.outIsTerminal ? "text" : "json") : log.format;
  const paint: Paint = facts.outHasColor ? colour : (_colour, text) => text;
  if (format === "text") sinks.push(textSink(paint));
  if (format === "json") sinks.push(jsonSink(place(writeStandardOutput)));
  if (log.file !== undefined) sinks.push(jsonSink(place(fileWriter(log.file, warn))));
  return {
    write(record) {
      for (const sink of sinks) sink.write(record);
    },
    writeLines(lines) {
      for (const sink of sinks) sink.writeLines(lines);
    },
    async flush() {
      const isFlushed = await within(FLUSH_MS, Promise.all(sinks.map((sink) => sink.flush())));
      if (!isFlushed) warn("Some records were not written: whoever reads the output takes nothing.");
    },
  };
}

/** How long a process that wants to stop waits for those who read its output. */
const FLUSH_MS = 2_000;

/** Whether `work` is done in that time. */
function within(milliseconds: number, work: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    work.then(() => resolve(true), reject).finally(() => clearTimeout(timer));
  });
}

function jsonSink(place: LinePlace): Sinks {
  const queue = new LineQueue(place, toJsonLine);
  return {
    write: (record) => queue.push(record),
    writeLines: (lines) => queue.pushAll(lines),
    flush: () => queue.flush(),
  };
}

function textSink(paint: Paint): Sinks {
  const missing = (count: number): string => `${paint("yellow", `… ${count} lines were dropped`)}\n`;
  const toLine = (said: ExchangeRecord | number): string =>
    typeof said === "number" ? missing(said) : toTerminalLine(said, paint);
  const queue = new LineQueue(place(writeStandardOutput, missing), toLine);
  return {
    write: (record) => queue.push(record),
    writeLines(lines) {
      for (const line of Buffer.from(lines).toString("utf8").split("\n")) {
        const read = readJsonLine(line);
        if (read?.kind === "record") queue.push(read.record);
        else if (read?.kind === "dropped") queue.push(read.count);
      }
    },
    flush: () => queue.flush(),
  };
}

/** Lines may wait this long for company: one write for many costs a fraction of many writes. */
const GATHER_MS = 10;

function place(writeBytes: LinePlace["write"], dropped = droppedLine): LinePlace {
  return { write: writeBytes, droppedLine: dropped, schedule: (run) => void setTimeout(run, GATHER_MS).unref() };
}

const STANDARD_OUTPUT = 1;
const RETRY_MS = 10;

/**
 * Writes to standard output on the thread pool. `process.stdout` writes to a pipe synchronously: whoever reads it slowly
 * would stop the event loop.
 */
function writeStandardOutput(lines: Uint8Array): Promise<void> {
  return writeAll(STANDARD_OUTPUT, lines);
}

/** Opens the file with the first lines, and again with the next ones while that fails. */
function fileWriter(file: string, warn: (text: string) => void): LinePlace["write"] {
  let descriptor: number | undefined;
  let isFailing = false;
  return async (lines) => {
    try {
      descriptor ??= await openToAppend(file);
      await writeAll(descriptor, lines);
      isFailing = false;
    } catch (error) {
      if (!isFailing) warn(`The log file cannot be written, so its records are lost: ${String(error)}`);
      isFailing = true;
      throw error;
    }
  };
}

function openToAppend(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    open(file, "a", 0o600, (error, descriptor) => (error === null ? resolve(descriptor) : reject(error)));
  });
}

async function writeAll(descriptor: number, bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    const written = await writeSome(descriptor, rest);
    // Waiting for a reader that takes nothing must not keep the process from ending.
    if (written === 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
    rest = rest.subarray(written);
  }
}

/** 0 when a non-blocking pipe is full. */
function writeSome(descriptor: number, bytes: Uint8Array): Promise<number> {
  return new Promise((resolve, reject) => {
    write(descriptor, bytes, (error, written) => {
      if (error === null) resolve(written);
      else if (error.code === "EAGAIN") resolve(0);
      else reject(error);
    });
  });
}

function colour(name: Parameters<Paint>[0], text: string): string {
  return styleText(name, text, { validateStream: false });
}
