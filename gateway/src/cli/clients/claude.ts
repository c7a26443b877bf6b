import { join } from "node:path";
import { variable } from "../../config/interpolate.ts";
import { asObject, parseJson } from "../../lib/json.ts";
import { keyText } from "../gateway-key.ts";
import { TEST_PROMPT, type Client, type ClientFacts } from "./client.ts";

/*
 * Claude Code, as 2.1.328 behaves: the base URL goes without /v1, and the variables of a settings file win over those of the
 * process, so that a run passes its own settings as well. `--settings` wins over the user's file.
 */

/** Other ways to a model, which would pass by the gateway. */
const detours = ["CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY"] as const;

/** Each names the model of one kind of work; with all of them set, nothing asks for a model that the gateway lacks. */
const modelVariables = [
  "ANTHROPIC_MODEL",
  "ANTHROPIC_DEFAULT_OPUS_MODEL",
  "ANTHROPIC_DEFAULT_SONNET_MODEL",
  "ANTHROPIC_DEFAULT_HAIKU_MODEL",
  "ANTHROPIC_DEFAULT_FABLE_MODEL",
  "CLAUDE_CODE_SUBAGENT_MODEL",
] as const;

const API_KEY_NOTE = "is sent too, as your own Anthropic key: take it out.";
const DETOUR_NOTE = "leads past the gateway: take it out.";

export const claude: Client = {
  id: "claude",
  aliases: ["claude-code"],
  name: "Claude Code",
  program: "claude",
  install: "npm install -g @anthropic-ai/claude-code",
  usualModel: "claude-sonnet-4-6",
  launch(facts, folder) {
    const set = Object.fromEntries(variables(facts));
    const file = join(folder, "claude-settings.json");
    // An API key beside the token would be sent too, and count as the caller's own credential. Empty is as good as unset.
    const env = { ...set, ANTHROPIC_API_KEY: "", ...Object.fromEntries(detours.map((name) => [name, ""])) };
    return {
      args: ["--settings", file],
      set,
      unset: ["ANTHROPIC_API_KEY", ...detours],
      files: [{ file, settings: { env } }],
      links: [],
    };
  },
  settings(facts) {
    const values = new Map(variables(facts));
    const names = [
      "ANTHROPIC_BASE_URL",
      "ANTHROPIC_AUTH_TOKEN",
      "CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY",
      ...modelVariables,
    ];
    const entries = names.map((name) => {
      return { path: ["env", name], value: values.get(name), secret: name === "ANTHROPIC_AUTH_TOKEN" };
    });
    return [{ file: settingsFile(facts), format: "json", entries }];
  },
  notes(facts) {
    const settings = asObject(parseJson(facts.readText(settingsFile(facts))));
    const places = [
      { where: "in this shell", values: facts.environment },
      { where: `in ${settingsFile(facts)}`, values: asObject(settings?.["env"]) ?? {} },
    ];
    return places.flatMap(({ where, values }) => {
      const names = ["ANTHROPIC_API_KEY", ...detours].filter((name) => (values[name] ?? "") !== "");
      return names.map(
        (name) => `${name} is set ${where} and ${name === "ANTHROPIC_API_KEY" ? API_KEY_NOTE : DETOUR_NOTE}`,
      );
    });
  },
  testCall: (model, key) => ({
    path: "/v1/messages",
    headers: { authorization: `Bearer ${key}`, "anthropic-version": "2023-06-01" },
    body: { model, max_tokens: 64, messages: [{ role: "user", content: TEST_PROMPT }] },
  }),
};

function variables({ url, key, model }: ClientFacts): [string, string][] {
  return [
    ["ANTHROPIC_BASE_URL", url],
    ["ANTHROPIC_AUTH_TOKEN", keyText(key)],
    // Shows the gateway's claude-… models in the model picker.
    ["CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY", "1"],
    ...(model === undefined ? [] : modelVariables.map((name): [string, string] => [name, model])),
  ];
}

function settingsFile({ environment, home }: ClientFacts): string {
  return join(variable(environment, "CLAUDE_CONFIG_DIR") || join(home, ".claude"), "settings.json");
}
