import type { Config } from "../config/config.ts";
import type { Loader } from "../config/load.ts";
import { formatProblems } from "../config/problems.ts";
import type { Outcome, Terminal } from "./terminal.ts";

/** `dragoman check [file]`: says everything that is wrong with the configuration, or what it amounts to. */
export function check(loader: Loader, terminal: Terminal): Outcome {
  const loaded = loader.load();
  if (!loaded.ok) {
    terminal.err(formatProblems(loaded.error, { color: terminal.errHasColor }));
    return "config-invalid";
  }
  for (const warning of loaded.value.warnings) terminal.err(`! ${warning}\n`);
  terminal.out(`${summary(loaded.value)}\n`);
  return "ok";
}

function summary(config: Config): string {
  const from = config.file ?? "no file (environment only)";
  const providers =
    config.providers.map(({ id }) => id).join(", ") || (config.demo.catchAll ? "the demo only" : "none");
  return [
    `${from} is valid`,
    `  providers  ${providers}`,
    `  keys       ${config.keys.length}`,
    `  address    ${config.server.host}:${config.server.port}`,
  ].join("\n");
}
