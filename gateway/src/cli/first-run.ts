import { styleText } from "node:util";
import type { Config } from "../config/config.ts";
import type { Environment } from "../config/interpolate.ts";
import { isLoopback } from "../config/build.ts";
import { credentialVariable } from "../config/providers.ts";
import { catalog, providerKind } from "../providers/catalog.ts";
import type { Provider, ProviderKind } from "../providers/provider.ts";
import { localUrl } from "./gateway-address.ts";

/** What the screen tells, all of it known when the gateway has begun to listen. */
export type FirstRunFacts = {
  readonly config: Config;
  readonly address: { readonly host: string; readonly port: number };
  readonly environment: Environment;
  readonly version: string;
  readonly nodeVersion: string;
  readonly startedInMs: number;
};

const WIDTH = 80;
const LABEL_WIDTH = 15;
const WARNINGS_MAX = 3;
/** The catalogue grows, the screen does not. */
const NAMES_MAX = 14;

/** The first screen: where the gateway is, what it found, and lines to copy. At most 30 lines, at most 80 columns wide. */
export function firstRunScreen(facts: FirstRunFacts, options: { readonly color: boolean }): string {
  const { config, version, nodeVersion, startedInMs } = facts;
  const bold = (text: string) => (options.color ? styleText("bold", text, { validateStream: false }) : text);
  const head = `${bold(`dragoman ${version}`)} · node ${nodeVersion.replace(/^v/, "")} · ready in ${Math.round(startedInMs)} ms`;
  const rows = [
    ...stateRows(facts).map(([label, text]) => row(label, wrap(text), bold)),
    "",
    ...clientRows(facts).map(([label, lines]) => row(label, lines, bold)),
    "",
    ...warningLines(config.warnings),
    "  Stop with Ctrl-C.",
  ];
  return `${head}\n\n${rows.join("\n")}\n`;
}

/** The same for programs: one line of JSON. */
export function firstRunLine(facts: FirstRunFacts, wallMs: number): string {
  const { config } = facts;
  return `${JSON.stringify({
    time: new Date(wallMs).toISOString(),
    level: "info",
    event: "started",
    message: `listening on ${baseUrl(facts)}`,
    url: baseUrl(facts),
    version: facts.version,
    node: facts.nodeVersion,
    started_in_ms: Math.round(facts.startedInMs),
    config: config.file ?? null,
    config_version: config.version,
    providers: config.providers.map(({ id }) => id),
    demo: config.demo.catchAll ? "catch-all" : config.demo.enabled ? "on" : "off",
    keys: config.keys.length,
    warnings: config.warnings,
  })}\n`;
}

function stateRows(facts: FirstRunFacts): readonly (readonly [string, string])[] {
  const { config } = facts;
  const off = isAutomatic(facts) ? missingVariables(facts.environment) : [];
  return [
    ["API", `${baseUrl(facts)}  (${reach(config)})`],
    ["Config", config.file ?? "none; write dragoman.yaml to change that"],
    ["Providers", shortList(config.providers.map((provider) => providerText(provider, facts))) || "none"],
    ...(off.length === 0 ? [] : [["Off", `set ${shortList(off)} and restart`] as const]),
    ["Demo", demoText(config)],
  ];
}

function shortList(names: readonly string[]): string {
  const more = names.length - NAMES_MAX;
  return more <= 0 ? names.join(", ") : `${names.slice(0, NAMES_MAX).join(", ")} (and ${more} more)`;
}

function reach(config: Config): string {
  if (config.keys.length > 0) return config.keys.length === 1 ? "1 gateway key" : `${config.keys.length} gateway keys`;
  return isLoopback(config.server.host) ? "this machine only, no key needed" : "callers bring their own keys";
}

/** Without a file, providers come from the environment: then each one's variable is worth naming. */
function isAutomatic({ config }: FirstRunFacts): boolean {
  return config.file === undefined;
}

function providerText(provider: Provider, facts: FirstRunFacts): string {
  const variable = variableOf(provider.kind, facts.environment);
  if (isAutomatic(facts) && variable !== undefined) return `${provider.id} (${variable})`;
  if (provider.auth.type === "none" || provider.credentials.length > 0) return provider.id;
  return `${provider.id} (callers' own keys)`;
}

function variableOf(kind: string, environment: Environment): string | undefined {
  const known = providerKind(kind);
  return known === undefined ? undefined : credentialVariable(known, environment);
}

function missingVariables(environment: Environment): readonly string[] {
  const rows: readonly ProviderKind[] = Object.values(catalog);
  return rows.flatMap((known) => {
    const [name] = known.credentialEnv;
    const isOff = known.baseUrl !== undefined && credentialVariable(known, environment) === undefined;
    return isOff && name !== undefined ? [name] : [];
  });
}

function demoText(config: Config): string {
  if (config.demo.catchAll) {
    return "answers every model name until a provider is there; demo::tools, demo::fail-429, demo::cut… rehearse what can happen";
  }
  return config.demo.enabled ? "demo::echo, demo::tools, demo::fail-429, demo::cut…" : "off";
}

/** Copy and paste. The token is a placeholder where no key is needed: SDKs insist on having one. */
function clientRows(facts: FirstRunFacts): readonly (readonly [string, readonly string[]])[] {
  const url = baseUrl(facts);
  const needsKey = facts.config.keys.length > 0 || !isLoopback(facts.config.server.host);
  const key = needsKey ? "YOUR_KEY" : "dragoman";
  const authorization = needsKey ? [`  -H 'authorization: Bearer ${key}' \\`, "  --json '{"] : [];
  const request = [`"model":"${exampleModel(facts.config)}",`, '"messages":[{"role":"user","content":"Hello"}]}\''];
  const call = `curl ${url}/v1/chat/completions ${needsKey ? "\\" : "--json '{"}`;
  return [
    ["curl", [call, ...authorization, ...request]],
    ["OpenAI, TS", ["new OpenAI({", `  baseURL: "${url}/v1", apiKey: "${key}" })`]],
    ["OpenAI, Py", [`OpenAI(base_url="${url}/v1", api_key="${key}")`]],
    ["Anthropic", [`Anthropic(base_url="${url}", api_key="${key}")`]],
    ["Claude Code", [`ANTHROPIC_BASE_URL=${url} \\`, `ANTHROPIC_AUTH_TOKEN=${key} claude`]],
    ["Codex", [`openai_base_url = "${url}/v1"  (config.toml)`]],
  ];
}

/** A model that is there: the first that a provider lists by its full name, else the demo. */
function exampleModel(config: Config): string {
  const ids = config.providers.flatMap(({ models }) => models.map(({ id }) => id));
  return ids.find((id) => !/[*[]/.test(id)) ?? "demo::echo";
}

function baseUrl({ address }: FirstRunFacts): string {
  return localUrl(address);
}

function row(label: string, lines: readonly string[], bold: (text: string) => string): string {
  const name = `  ${bold(label)}${" ".repeat(Math.max(1, LABEL_WIDTH - 2 - label.length))}`;
  return lines.map((line, index) => (index === 0 ? name : " ".repeat(LABEL_WIDTH)) + line).join("\n");
}

function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > WIDTH - LABEL_WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

function warningLines(warnings: readonly string[]): readonly string[] {
  if (warnings.length === 0) return [];
  const shown = warnings.slice(0, WARNINGS_MAX).map((warning) => `  ! ${shorten(warning)}`);
  const rest = warnings.length - shown.length;
  return [...shown, rest > 0 ? `  ! and ${rest} more: dragoman check` : "", ...(rest > 0 ? [""] : [])];
}

function shorten(text: string): string {
  const room = WIDTH - 4;
  return text.length > room ? `${text.slice(0, room - 1)}…` : text;
}
