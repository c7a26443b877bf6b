import type { AgentCli } from "./agents.ts";

/** Something that must hold of an agent. */
export type Case = {
  readonly name: string;
  readonly agent: AgentCli;
  /** Rejects when it does not hold; otherwise says in a few words what was seen. */
  readonly run: (installed: string) => Promise<string>;
};
