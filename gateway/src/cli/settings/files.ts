import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { readTextFile } from "../../config/files.ts";
import { fail, ok, type Result } from "../../lib/result.ts";

/*
 * Settings files of other programs on disk. A backup stands next to its file; an empty one says that there was no file.
 * The first backup is kept until it is used: a second `connect` must not put its own settings into it.
 */

const SETTINGS_BYTES_MAX = 4 * 1024 * 1024;
const BACKUP_SUFFIX = ".dragoman-backup";

/** Only the owner may read what can hold a key. */
const PRIVATE_MODE = 0o600;
const PRIVATE_FOLDER_MODE = 0o700;

/** The text of a settings file, "" where there is none. Fails with a sentence. */
export function readSettings(file: string): Result<string, string> {
  const read = readTextFile(file, SETTINGS_BYTES_MAX);
  if (read.ok) return ok(read.value);
  if (read.error.kind === "absent") return ok("");
  return fail(`${file} cannot be read: ${read.error.kind === "too-large" ? "it is too large" : read.error.detail}`);
}

/** Keeps the file as it is, unless it is kept already, and replaces it in one step. */
export function writeSettings(file: string, text: string): Result<undefined, string> {
  return attempt(file, () => {
    mkdirSync(dirname(file), { recursive: true, mode: PRIVATE_FOLDER_MODE });
    const backup = backupOf(file);
    if (!existsSync(backup)) {
      if (existsSync(file)) copyFileSync(file, backup);
      if (existsSync(backup)) chmodSync(backup, PRIVATE_MODE);
      else writeFileSync(backup, "", { mode: PRIVATE_MODE });
    }
    replaceFile(file, text);
  });
}

/** What the file held before the first `writeSettings`; undefined when there is nothing to go back to. */
export function readBackup(file: string): Result<string, string> | undefined {
  return existsSync(backupOf(file)) ? readSettings(backupOf(file)) : undefined;
}

/** Puts `text` back, or takes the file away for `undefined`; then the backup is gone. */
export function restoreSettings(file: string, text: string | undefined): Result<undefined, string> {
  return attempt(file, () => {
    if (text === undefined) rmSync(file, { force: true });
    else replaceFile(file, text);
    rmSync(backupOf(file), { force: true });
  });
}

export function backupOf(file: string): string {
  return `${file}${BACKUP_SUFFIX}`;
}

/** Written beside and renamed, so that nobody ever reads half a file. A link stays one: what it points to is replaced. */
function replaceFile(file: string, text: string): void {
  const target = existsSync(file) ? realpathSync(file) : file;
  const temporary = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text, { mode: PRIVATE_MODE, flag: "wx" });
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function attempt(file: string, work: () => void): Result<undefined, string> {
  try {
    work();
    return ok(undefined);
  } catch (error) {
    return fail(`${file} cannot be written: ${error instanceof Error ? error.message : String(error)}`);
  }
}
