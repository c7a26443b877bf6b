import { join } from "node:path";
import { variable } from "../../config/interpolate.ts";
import { KEY_VARIABLE, keyText, PLACEHOLDER } from "../gateway-key.ts";
import { TEST_PROMPT, type Client, type ClientFacts } from "./client.ts";

/*
 * Codex CLI, as 0.169 behaves: OPENAI_BASE_URL is ignored, so the gateway is a provider of its own. It speaks Responses
 * only, and takes the model list in a shape of its own from the gateway's /v1/models.
 */

const PROVIDER = "dragoman";

export const codex: Client = {
  id: "codex",
  aliases: ["codex-cli"],
  name: "Codex",
  program: "codex",
  install: "npm install -g @openai/codex",
  usualModel: "gpt-5.5",
  launch(facts) {
    const keyVariable = facts.key.kind === "key" ? facts.key.variable : KEY_VARIABLE;
    const overrides: [string, string][] = [
      ["model_provider", PROVIDER],
      ...Object.entries(providerTable(facts, keyVariable)).map(([name, value]): [string, string] => {
        return [`model_providers.${PROVIDER}.${name}`, value];
      }),
      ...(facts.model === undefined ? [] : [["model", facts.model] as [string, string]]),
    ];
    return {
      // JSON strings are TOML strings.
      args: overrides.flatMap(([name, value]) => ["-c", `${name}=${JSON.stringify(value)}`]),
      set: { [keyVariable]: keyText(facts.key) },
      unset: [],
      files: [],
      links: [],
    };
  },
  settings(facts) {
    const keyVariable = facts.key.kind === "key" ? facts.key.variable : undefined;
    const entries = [
      { path: ["model"], value: facts.model, secret: false },
      { path: ["model_provider"], value: PROVIDER, secret: false },
      { path: ["model_providers", PROVIDER], value: providerTable(facts, keyVariable), secret: false },
    ];
    const folder = variable(facts.environment, "CODEX_HOME") || join(facts.home, ".codex");
    return [{ file: join(folder, "config.toml"), format: "toml", entries }];
  },
  notes: ({ key }) =>
    key.kind === "key" ? [`Codex reads the key from ${key.variable}: it has to be set wherever Codex is started.`] : [],
  testCall: (model, key) => ({
    path: "/v1/responses",
    headers: { authorization: `Bearer ${key}` },
    body: { model, input: [{ role: "user", content: [{ type: "input_text", text: TEST_PROMPT }] }], store: false },
  }),
};

function providerTable({ url }: ClientFacts, keyVariable: string | undefined): Record<string, string> {
  return {
    name: "Dragoman",
    base_url: `${url}/v1`,
    wire_api: "responses",
    // Codex refuses to start while a variable that it was told of is not set, and asks for the model list only with a key.
    ...(keyVariable === undefined ? { experimental_bearer_token: PLACEHOLDER } : { env_key: keyVariable }),
    model_catalog_url: `${url}/v1/models`,
  };
}
