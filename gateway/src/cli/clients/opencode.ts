import { join } from "node:path";
import { variable } from "../../config/interpolate.ts";
import { asObject, parseJson, type JsonObject } from "../../lib/json.ts";
import { keyText, PLACEHOLDER } from "../gateway-key.ts";
import { mergeJson } from "../settings/json-settings.ts";
import { TEST_PROMPT, type Client, type ClientFacts } from "./client.ts";

/*
 * opencode, as 1.18 behaves: models have to be listed in its configuration, and each session makes a second call on
 * `small_model` for its title, so that one is set along with `model`.
 */

const PROVIDER = "dragoman";
const CONTENT_VARIABLE = "OPENCODE_CONFIG_CONTENT";

export const opencode: Client = {
  id: "opencode",
  aliases: [],
  name: "opencode",
  program: "opencode",
  install: "npm install -g opencode-ai",
  usualModel: "gpt-4o",
  launch(facts) {
    const before = asObject(parseJson(variable(facts.environment, CONTENT_VARIABLE) ?? "")) ?? {};
    const chosen = `${PROVIDER}/${defaultModel(facts)}`;
    const ours = { provider: { [PROVIDER]: provider(facts, keyText(facts.key)) }, model: chosen, small_model: chosen };
    return {
      args: [],
      set: { [CONTENT_VARIABLE]: JSON.stringify(mergeJson(before, ours)) },
      unset: [],
      files: [],
      links: [],
    };
  },
  settings(facts) {
    // The file names the variable, so that no key lies in it.
    const key = facts.key.kind === "key" ? `{env:${facts.key.variable}}` : PLACEHOLDER;
    const chosen = `${PROVIDER}/${defaultModel(facts)}`;
    const entries = [
      { path: ["provider", PROVIDER], value: provider(facts, key), secret: false },
      { path: ["model"], value: chosen, secret: false },
      { path: ["small_model"], value: chosen, secret: false },
    ];
    const folder = variable(facts.environment, "XDG_CONFIG_HOME") || join(facts.home, ".config");
    return [{ file: join(folder, "opencode", "opencode.json"), format: "json", entries }];
  },
  notes: ({ key }) =>
    key.kind === "key"
      ? [`opencode reads the key from ${key.variable}: it has to be set wherever opencode is started.`]
      : [],
  testCall: (model, key) => ({
    path: "/v1/chat/completions",
    headers: { authorization: `Bearer ${key}` },
    body: { model, messages: [{ role: "user", content: TEST_PROMPT }] },
  }),
};

function provider(facts: ClientFacts, apiKey: string): JsonObject {
  const names = new Set([defaultModel(facts), ...facts.models]);
  return {
    npm: "@ai-sdk/openai-compatible",
    name: "Dragoman",
    options: { baseURL: `${facts.url}/v1`, apiKey },
    models: Object.fromEntries([...names].map((name) => [name, { name }])),
  };
}

function defaultModel({ model, models }: ClientFacts): string {
  return model ?? models[0] ?? opencode.usualModel;
}
