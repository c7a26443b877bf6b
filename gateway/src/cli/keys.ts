import { readExpiry } from "../config/expiry.ts";
import { createKey } from "../limits/keys.ts";
import type { Outcome, Terminal } from "./terminal.ts";

export type KeyOptions = {
  readonly name: string;
  readonly project: string;
  /** Patterns over models. */
  readonly models: readonly string[];
  /** As the configuration writes it: `2027-01-31`. */
  readonly expires: string | undefined;
};

/** `dragoman keys create NAME`: the key goes out once, with the entry that makes the gateway accept it. Nothing is stored. */
export function createGatewayKey(options: KeyOptions, terminal: Terminal): Outcome {
  if (options.expires !== undefined && readExpiry(options.expires) === undefined) {
    terminal.err(`"${options.expires}" is no date: write 2027-01-31 or 2027-01-31T12:00:00Z\n`);
    return "usage";
  }
  const created = createKey();
  terminal.err(`Key "${options.name}". Give it to its user now: it cannot be shown again.\n`);
  terminal.out(`${created.text}\n`);
  terminal.err('\nAdd this entry to the list "keys" of dragoman.yaml:\n');
  terminal.out(`  - ${keyEntry(options, created)}\n`);
  return "ok";
}

/** One line of YAML. JSON strings are YAML strings, and an id of digits would be a number without quotes. */
function keyEntry(options: KeyOptions, created: { readonly id: string; readonly hash: string }): string {
  const fields = {
    name: options.name,
    id: created.id,
    hash: created.hash,
    project: options.project,
    models: options.models,
    ...(options.expires === undefined ? {} : { expires: options.expires }),
  };
  const members = Object.entries(fields).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  return `{ ${members.join(", ")} }`;
}
