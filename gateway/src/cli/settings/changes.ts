import { fail, ok, type Result } from "../../lib/result.ts";
import { formats } from "./formats.ts";
import type { SettingsEntry, SettingsFile } from "./settings.ts";

/** One setting that an edit touches, as the file writes it; undefined: it is not there. */
export type Change = {
  readonly name: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly secret: boolean;
};

export type Edit = { readonly text: string; readonly changes: readonly Change[] };

const VALUE_CHARACTERS_MAX = 100;

/** The text with the settings in it. `text` is "" for a file that is not there. Fails with a sentence about the file. */
export function applySettings(text: string, file: SettingsFile): Result<Edit, string> {
  const { write } = formats[file.format];
  return edit(text, file, (entry, before) => ok(entry.value === undefined ? before : write(entry.value)));
}

/**
 * The text with the settings as they were in `original`. What else was changed since stays; where nothing was, the
 * original comes back to the byte.
 */
export function revertSettings(text: string, original: string, file: SettingsFile): Result<Edit, string> {
  const { get } = formats[file.format];
  const reverted = edit(text, file, (entry) => get(original, entry.path));
  if (!reverted.ok) return reverted;
  const again = edit(original, file, (entry) => get(text, entry.path));
  return again.ok && again.value.text === text ? ok({ ...reverted.value, text: original }) : reverted;
}

type Wanted = (entry: SettingsEntry, before: string | undefined) => Result<string | undefined, string>;

function edit(text: string, file: SettingsFile, wanted: Wanted): Result<Edit, string> {
  const { get, set } = formats[file.format];
  const changes: Change[] = [];
  let current = text;
  for (const entry of file.entries) {
    const before = get(current, entry.path);
    const after = before.ok ? wanted(entry, before.value) : before;
    if (!before.ok || !after.ok)
      return fail(`${file.file} cannot be edited: ${before.ok ? errorOf(after) : before.error}`);
    if (before.value === after.value) continue;
    const next = set(current, entry.path, after.value);
    if (!next.ok) return fail(`${file.file} cannot be edited: ${next.error}`);
    current = next.value;
    changes.push({ name: entry.path.join("."), before: before.value, after: after.value, secret: entry.secret });
  }
  return ok({ text: current, changes });
}

function errorOf(result: Result<unknown, string>): string {
  return result.ok ? "" : result.error;
}

/** One line for a change: `+` is new, `-` goes, `~` is replaced. Secrets are stars. */
export function changeLine(change: Change): string {
  const show = (value: string) => (change.secret ? "***" : shorten(value));
  const { name, before, after } = change;
  if (before === undefined) return `+ ${name} = ${show(after ?? "")}`;
  return after === undefined ? `- ${name} = ${show(before)}` : `~ ${name} = ${show(before)} → ${show(after)}`;
}

function shorten(value: string): string {
  const line = value.replaceAll(/\s*\n\s*/g, "; ");
  return line.length > VALUE_CHARACTERS_MAX ? `${line.slice(0, VALUE_CHARACTERS_MAX - 1)}…` : line;
}
