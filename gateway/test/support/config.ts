import type { Config } from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load.ts";
import { ok } from "../../src/lib/result.ts";

/** A provider of each format under its usual name, with a managed credential. */
export const fourProviders = `
providers:
  openai: { credential: "env::OPENAI_API_KEY", models: [gpt-4o, text-embedding-3-small] }
  anthropic: { credential: "env::ANTHROPIC_API_KEY", models: [claude-sonnet-4-6] }
  gemini: { credential: "env::GEMINI_API_KEY", models: [gemini-2.5-flash] }
`;

/** The same, of which none is asked a second time. */
export const unretriedProviders = `${fourProviders}retry: { max_retries: 0 }\n`;

export const providerKeys = {
  OPENAI_API_KEY: "sk-proj-managed",
  ANTHROPIC_API_KEY: "sk-ant-managed",
  GEMINI_API_KEY: "AIzaManaged",
};

export function configOf(yaml: string | undefined, environment: Readonly<Record<string, string>> = {}): Config {
  const loaded = loadConfig({
    environment,
    readFile: () => ok(yaml ?? ""),
    ...(yaml === undefined ? {} : { file: "/etc/dragoman/dragoman.yaml" }),
  });
  if (!loaded.ok) throw new Error(loaded.error.map((problem) => `${problem.path}: ${problem.message}`).join("\n"));
  return loaded.value;
}
