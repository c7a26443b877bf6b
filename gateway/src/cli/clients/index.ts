import { claude } from "./claude.ts";
import type { Client } from "./client.ts";
import { codex } from "./codex.ts";
import { gemini } from "./gemini.ts";
import { opencode } from "./opencode.ts";

/** The clients of `dragoman run` and `dragoman connect`. */
export const clients: readonly Client[] = [claude, codex, gemini, opencode];

export function findClient(name: string): Client | undefined {
  return clients.find(({ id, aliases }) => id === name || aliases.includes(name));
}
