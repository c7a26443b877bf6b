import type { Agent } from "./dialect.ts";

/** Beginnings of the User-Agent of the agent CLIs that react to errors in their own way. */
const agentPrefixes: readonly { readonly prefix: string; readonly agent: Agent }[] = [
  { prefix: "claude-cli/", agent: "claude-code" },
  { prefix: "claude-code/", agent: "claude-code" },
  { prefix: "codex_", agent: "codex" },
  { prefix: "codex-", agent: "codex" },
  { prefix: "GeminiCLI", agent: "gemini-cli" },
];

export function readAgent(userAgent: string | undefined): Agent {
  if (userAgent === undefined) return "other";
  return agentPrefixes.find(({ prefix }) => userAgent.startsWith(prefix))?.agent ?? "other";
}
