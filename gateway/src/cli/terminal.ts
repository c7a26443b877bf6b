import type { Readable } from "node:stream";

/** What a command talks to. Data goes out, talk goes to `err`, so that a pipe gets data only. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether a person sees what goes out. */
  readonly outIsTerminal: boolean;
  /** Whether talk may be coloured. */
  readonly errHasColor: boolean;
};

/** Where a command reads what a person types, or what another program pipes in. */
export type Input = {
  readonly stream: Readable;
  /** Whether a person types: nobody else can be asked. */
  readonly isTerminal: boolean;
};

/** How a command ended; `main.ts` knows the exit code of each. A program that was run for the user ends it as it ended itself. */
export type Outcome = OutcomeName | ProgramEnd;

export type OutcomeName = "ok" | "failed" | "usage" | "config-invalid" | "interrupted";

/** How a program ended: with an exit code, or by a signal. */
export type ProgramEnd =
  | { readonly kind: "exited"; readonly code: number }
  | { readonly kind: "killed"; readonly signal: NodeJS.Signals };
