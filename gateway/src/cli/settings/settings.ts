import type { Json } from "../../lib/json.ts";
import type { Result } from "../../lib/result.ts";

/** A file of settings that belongs to another program, and what is to stand in it. */
export type SettingsFile = {
  /** Absolute path. */
  readonly file: string;
  readonly format: FormatId;
  /** Every setting that may be written; those without a value are left as they are, and still known to undo. */
  readonly entries: readonly SettingsEntry[];
};

export type SettingsEntry = {
  readonly path: readonly string[];
  readonly value: Json | undefined;
  /** Never shown, neither the new value nor the one it replaces. */
  readonly secret: boolean;
};

export type FormatId = "json" | "dotenv" | "toml";

/**
 * A text format in which single settings can be read and replaced while everything else stays. Values travel as `written`,
 * the text that stands for them in the file, so that undo puts back exactly what was there. Failures are sentences.
 */
export type SettingsFormat = {
  readonly write: (value: Json) => string;
  /** Undefined: the setting is not there. */
  readonly get: (text: string, path: readonly string[]) => Result<string | undefined, string>;
  /** `written` undefined takes the setting out. */
  readonly set: (text: string, path: readonly string[], written: string | undefined) => Result<string, string>;
  /** Whether nothing is left in it. */
  readonly isEmpty: (text: string) => boolean;
};
