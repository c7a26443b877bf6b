import { Readable } from "node:stream";
import type { ProgramDeps } from "../../src/cli/program.ts";
import { systemClock } from "../../src/lib/clock.ts";

export type Recorded = { out: string; err: string };

/** What the commands need, with everything they say written down; nothing starts and nobody presses Ctrl-C unless a test says so. */
export function programDeps(recorded: Recorded, more: Partial<ProgramDeps> = {}): ProgramDeps {
  return {
    startGateway: () => Promise.reject(new Error("nothing is to be started in this test")),
    clock: systemClock,
    processStartedAt: 0,
    terminal: {
      out: (text) => void (recorded.out += text),
      err: (text) => void (recorded.err += text),
      outIsTerminal: false,
      errHasColor: false,
    },
    input: { stream: Readable.from([]), isTerminal: false },
    fetch: () => Promise.reject(new Error("nothing is to be fetched in this test")),
    onStopSignal: () => () => undefined,
    version: "1.2.3",
    nodeVersion: "v26.10.0",
    platform: "linux",
    ...more,
  };
}
