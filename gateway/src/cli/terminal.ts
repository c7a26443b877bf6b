/** What a command talks to. Data goes out, talk goes to `err`, so that a pipe gets data only. */
export type Terminal = {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Whether a person sees what goes out. */
  readonly outIsTerminal: boolean;
  /** Whether talk may be coloured. */
  readonly errHasColor: boolean;
};

/** How a command ended; `main.ts` knows the exit code of each. */
export type Outcome = "ok" | "failed" | "usage" | "config-invalid" | "interrupted";
