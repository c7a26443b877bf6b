import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { JsonObject } from "../../src/lib/json.ts";
import type { Pin } from "./install.ts";

/** What an agent is told for one run. `origin` is the gateway's, without a path. */
export type AgentTask = {
  readonly origin: string;
  readonly key: string;
  readonly model: string;
  readonly prompt: string;
  /** The temporary HOME and working folder of the run. */
  readonly home: string;
  readonly workingFolder: string;
};

/** How an agent is started. `files` are written below HOME first. */
export type Launch = {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
};

/** An agent CLI in print mode: how it is installed and started, and how its own tool reads a file. */
export type AgentCli = {
  readonly id: "claude-code" | "codex" | "gemini-cli";
  readonly pin: Pin;
  /** The format it speaks to the gateway. */
  readonly dialect: ClientDialectId;
  readonly launch: (installed: string, task: AgentTask) => Launch;
  /** The call that makes it read a file, with a tool it always declares. */
  readonly readFile: (path: string) => { readonly name: string; readonly arguments: JsonObject };
};

const claudeCode: AgentCli = {
  id: "claude-code",
  pin: { name: "@anthropic-ai/claude-code", version: "2.1.328" },
  dialect: "anthropic-messages",
  launch: (installed, task) => ({
    // The install script would only copy this binary over a placeholder in the main package.
    command: join(platformPackage(installed, "@anthropic-ai", "claude-code-"), "claude"),
    args: ["--print", task.prompt, "--model", task.model, "--allowedTools", "Read"],
    environment: {
      ANTHROPIC_BASE_URL: task.origin,
      ANTHROPIC_AUTH_TOKEN: task.key,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      DISABLE_AUTOUPDATER: "1",
      DISABLE_TELEMETRY: "1",
      DISABLE_ERROR_REPORTING: "1",
    },
    files: {},
  }),
  readFile: (path) => ({ name: "Read", arguments: { file_path: path } }),
};

const codex: AgentCli = {
  id: "codex",
  pin: { name: "@openai/codex", version: "0.169.0" },
  dialect: "openai-responses",
  launch: (installed, task) => {
    const vendor = join(platformPackage(installed, "@openai", "codex-"), "vendor");
    const [triple = ""] = readdirSync(vendor);
    return {
      command: join(vendor, triple, "bin", "codex"),
      // Its sandbox is for commands that a model thinks of; ours says `cat`, and containers often forbid sandboxes.
      args: ["exec", "--skip-git-repo-check", "--ephemeral", "--dangerously-bypass-approvals-and-sandbox", task.prompt],
      environment: { CODEX_HOME: join(task.home, ".codex"), DRAGOMAN_KEY: task.key },
      files: { ".codex/config.toml": codexConfig(task) },
    };
  },
  readFile: (path) => ({ name: "exec_command", arguments: { cmd: `cat '${path}'` } }),
};

function codexConfig({ model, origin }: AgentTask): string {
  return `
model = "${model}"
model_provider = "dragoman"
${codexIsQuiet}
[model_providers.dragoman]
name = "dragoman"
base_url = "${origin}/v1"
wire_api = "responses"
env_key = "DRAGOMAN_KEY"
model_catalog_url = "${origin}/v1/models"
`;
}

/** It has no variables for this. Apps and plugins ask GitHub and chatgpt.com what there is. */
const codexIsQuiet = `
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
apps = false
plugins = false
remote_plugin = false
`;

/** Codex with the provider that it has itself, which only has another address. */
export const codexBuiltIn: AgentCli = {
  ...codex,
  launch(installed, task) {
    const launch = codex.launch(installed, task);
    return {
      ...launch,
      environment: { ...launch.environment, CODEX_API_KEY: task.key },
      files: {
        ".codex/config.toml": `model = "${task.model}"\nopenai_base_url = "${task.origin}/v1"\n${codexIsQuiet}`,
      },
    };
  },
};

const geminiCli: AgentCli = {
  id: "gemini-cli",
  pin: { name: "@google/gemini-cli", version: "0.61.0" },
  dialect: "gemini",
  launch: (installed, task) => ({
    command: process.execPath,
    args: [
      join(installed, "node_modules/@google/gemini-cli/bundle/gemini.js"),
      "--prompt",
      task.prompt,
      "--model",
      task.model,
      "--skip-trust",
      "--approval-mode",
      "yolo",
    ],
    environment: {
      GOOGLE_GEMINI_BASE_URL: task.origin,
      GEMINI_API_KEY: task.key,
      GEMINI_TELEMETRY_ENABLED: "false",
      // Otherwise it starts itself a second time for a larger heap, as a process we would not know.
      GEMINI_CLI_NO_RELAUNCH: "true",
    },
    files: { ".gemini/settings.json": geminiSettings },
  }),
  readFile: (path) => ({ name: "read_file", arguments: { file_path: path } }),
};

/** The variables alone are not enough: without a selected type it refuses to start. */
const geminiSettings = JSON.stringify({
  security: { auth: { selectedType: "gemini-api-key" } },
  privacy: { usageStatisticsEnabled: false },
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
});

export const agents: readonly AgentCli[] = [claudeCode, codex, geminiCli];

/** The one of the packages for single platforms that npm found suitable. */
function platformPackage(installed: string, scope: string, prefix: string): string {
  const folder = join(installed, "node_modules", scope);
  const found = readdirSync(folder).find((name) => name.startsWith(prefix));
  if (found === undefined) throw new Error(`no package ${scope}/${prefix}… for this platform`);
  return join(folder, found);
}
