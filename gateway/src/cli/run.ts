import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Loader } from "../config/load.ts";
import { variable, type Environment } from "../config/interpolate.ts";
import { choiceWarnings, chooseGateway, clientFacts, type GatewayOptions } from "./client-facts.ts";
import type { Client, Launch } from "./clients/client.ts";
import { reachGateway, type Fetch } from "./gateway-client.ts";
import { runProgramToEnd } from "./run-program.ts";
import type { Input, Outcome, Terminal } from "./terminal.ts";

export type RunDeps = {
  readonly terminal: Terminal;
  readonly input: Input;
  readonly fetch: Fetch;
  readonly platform: string;
};

/** `dragoman run CLIENT`: one run of a client through the gateway; nothing of the user's own settings is touched. */
export async function run(
  client: Client,
  args: readonly string[],
  options: GatewayOptions,
  loader: Loader,
  deps: RunDeps,
): Promise<Outcome> {
  const { terminal } = deps;
  const choice = chooseGateway(options, loader);
  if (!choice.ok) {
    terminal.err(`error: ${choice.error}\n`);
    return "usage";
  }
  const gateway = await reachGateway(deps.fetch, choice.value.url, choice.value.key);
  if (!gateway.ok) {
    terminal.err(`✕ ${gateway.error}\n`);
    return "failed";
  }
  for (const warning of choiceWarnings(choice.value)) terminal.err(`! ${warning}\n`);
  const folder = mkdtempSync(join(tmpdir(), "dragoman-run-"));
  try {
    const launch = client.launch(clientFacts(gateway.value, options.model, loader, deps.platform), folder);
    layOut(launch);
    const ended = await runProgramToEnd(client.program, {
      args: [...launch.args, ...args],
      environment: launchEnvironment(loader.environment, launch, gateway.value.url),
      inIsTerminal: deps.input.isTerminal,
    });
    if (ended.ok) return ended.value;
    terminal.err(notStarted(client, ended.error));
    return "failed";
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The folder was made for this user alone; its files hold keys all the same. */
function layOut({ files, links }: Launch): void {
  for (const { file, settings } of files) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  }
  for (const { link, target } of links) symlinkSync(target, link);
}

/** The shell's environment as the client is to see it. Exported for its test. */
export function launchEnvironment(shell: Environment, launch: Launch, url: string): Record<string, string | undefined> {
  const left = Object.entries(shell).filter(([name]) => !launch.unset.includes(name));
  return { ...Object.fromEntries(left), ...pastProxies(shell, new URL(url).hostname), ...launch.set };
}

const proxyVariables = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] as const;

/** A proxy for the world outside would be asked for this machine's own address, and answer for the gateway. */
function pastProxies(shell: Environment, host: string): Record<string, string> {
  const isLocal = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/.test(host);
  if (!isLocal || proxyVariables.every((name) => (variable(shell, name) ?? "") === "")) return {};
  const known = variable(shell, "no_proxy") || variable(shell, "NO_PROXY") || "";
  const all = [...known.split(",").filter((entry) => entry !== ""), host].join(",");
  return { NO_PROXY: all, no_proxy: all };
}

function notStarted(client: Client, code: string): string {
  if (code !== "ENOENT") return `✕ ${client.name} cannot be started: ${code} (${client.program}).\n`;
  return [
    `✕ ${client.name} is not installed: there is no "${client.program}" in PATH.`,
    `  fix   ${client.install}`,
    "",
  ].join("\n");
}
