import { join } from "node:path";
import { variable } from "../../config/interpolate.ts";
import { asObject, asString, parseJson, type JsonObject } from "../../lib/json.ts";
import { keyText } from "../gateway-key.ts";
import { mergeJson } from "../settings/json-settings.ts";
import { TEST_PROMPT, type Client, type ClientFacts } from "./client.ts";

/*
 * Gemini CLI, as 0.61 behaves: with a base URL in the environment it insists on an auth type in its settings ("Invalid auth
 * method selected", exit code 41). Settings that come with one run must be root's, so a run gets a home folder of its own,
 * in which everything but settings.json is a link to the user's.
 */

const AUTH_TYPE = "gemini-api-key";

/** Other ways to a model, and other keys, which would win over ours. */
const detours = [
  "GOOGLE_API_KEY",
  "GOOGLE_GENAI_USE_VERTEXAI",
  "GOOGLE_GENAI_USE_GCA",
  "GEMINI_API_KEY_AUTH_MECHANISM",
] as const;

export const gemini: Client = {
  id: "gemini",
  aliases: ["gemini-cli"],
  name: "Gemini CLI",
  program: "gemini",
  install: "npm install -g @google/gemini-cli",
  usualModel: "gemini-2.5-flash",
  launch(facts, folder) {
    const args = facts.model === undefined ? [] : ["--model", facts.model];
    const set = { GOOGLE_GEMINI_BASE_URL: facts.url, GEMINI_API_KEY: keyText(facts.key) };
    const settings = asObject(parseJson(facts.readText(settingsFile(facts)))) ?? {};
    if (authType(settings) === AUTH_TYPE) return { args, set, unset: detours, files: [], links: [] };
    const own = userFolder(facts);
    const temporary = join(folder, ".gemini");
    const names = facts.namesIn(own).filter((name) => name !== "settings.json");
    return {
      args,
      set: { ...set, GEMINI_CLI_HOME: folder },
      unset: detours,
      files: [{ file: join(temporary, "settings.json"), settings: mergeJson(settings, authSettings()) }],
      links: names.map((name) => ({ link: join(temporary, name), target: join(own, name) })),
    };
  },
  settings: (facts) => [
    {
      file: settingsFile(facts),
      format: "json",
      entries: [{ path: ["security", "auth", "selectedType"], value: AUTH_TYPE, secret: false }],
    },
    {
      file: join(userFolder(facts), ".env"),
      format: "dotenv",
      entries: [
        { path: ["GOOGLE_GEMINI_BASE_URL"], value: facts.url, secret: false },
        { path: ["GEMINI_API_KEY"], value: keyText(facts.key), secret: true },
        { path: ["GEMINI_MODEL"], value: facts.model, secret: false },
      ],
    },
  ],
  notes(facts) {
    const names = [...detours, "GEMINI_API_KEY", "GOOGLE_GEMINI_BASE_URL"];
    const shadowing = names.filter((name) => (variable(facts.environment, name) ?? "") !== "");
    return [
      ...shadowing.map((name) => `${name} is set in this shell and wins over ~/.gemini/.env: unset it.`),
      "A project with a .env or .gemini/.env of its own does not read ~/.gemini/.env; dragoman run gemini works there too.",
    ];
  },
  testCall: (model, key) => ({
    path: `/v1beta/models/${encodeURIComponent(model)}:generateContent`,
    headers: { "x-goog-api-key": key },
    body: { contents: [{ role: "user", parts: [{ text: TEST_PROMPT }] }] },
  }),
};

function authSettings(): JsonObject {
  return { security: { auth: { selectedType: AUTH_TYPE } } };
}

function authType(settings: JsonObject): string | undefined {
  return asString(asObject(asObject(settings["security"])?.["auth"])?.["selectedType"]);
}

function userFolder({ environment, home }: ClientFacts): string {
  return join(variable(environment, "GEMINI_CLI_HOME") || home, ".gemini");
}

function settingsFile(facts: ClientFacts): string {
  return join(userFolder(facts), "settings.json");
}
