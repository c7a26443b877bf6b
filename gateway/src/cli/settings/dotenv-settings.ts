import { ok } from "../../lib/result.ts";
import type { SettingsFormat } from "./settings.ts";

const ASSIGNMENT = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$/;

/** Settings as lines of `NAME=value`. Comments and other lines stay where they are. */
export const dotenvSettings: SettingsFormat = {
  write(value) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    return /^[\w:/.@-]*$/.test(text) ? text : JSON.stringify(text);
  },
  get(text, path) {
    const [name = ""] = path;
    // The last line of a name is the one that counts.
    const line = text.split("\n").findLast((each) => nameOf(each) === name);
    return ok(line === undefined ? undefined : (ASSIGNMENT.exec(line)?.[2]?.trim() ?? ""));
  },
  set(text, path, written) {
    const [name = ""] = path;
    const lines = text === "" ? [] : text.replace(/\n$/, "").split("\n");
    const first = lines.findIndex((line) => nameOf(line) === name);
    const others = lines.filter((line) => nameOf(line) !== name);
    if (written !== undefined) others.splice(first < 0 ? others.length : first, 0, `${name}=${written}`);
    return ok(others.length === 0 ? "" : `${others.join("\n")}\n`);
  },
  isEmpty: (text) => text.trim() === "",
};

function nameOf(line: string): string | undefined {
  return ASSIGNMENT.exec(line)?.[1];
}
