import { dotenvSettings } from "./dotenv-settings.ts";
import { jsonSettings } from "./json-settings.ts";
import type { FormatId, SettingsFormat } from "./settings.ts";
import { tomlSettings } from "./toml-settings.ts";

/** The formats that clients keep their settings in. */
export const formats = {
  json: jsonSettings,
  dotenv: dotenvSettings,
  toml: tomlSettings,
} satisfies Record<FormatId, SettingsFormat>;
