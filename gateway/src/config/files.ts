import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../lib/result.ts";
import type { FileFailure, ReadFile } from "./credentials.ts";

/** Reads a UTF-8 file of at most `bytesMax` bytes; never more than that is read, whatever the file's size says. */
export const readTextFile: ReadFile = (path, bytesMax) => {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, "r");
    const { size } = fstatSync(descriptor);
    if (size > bytesMax) return fail({ kind: "too-large", detail: `${size} bytes` });
    const bytes = Buffer.alloc(bytesMax + 1);
    const length = readFully(descriptor, bytes);
    if (length > bytesMax) return fail({ kind: "too-large", detail: `more than ${bytesMax} bytes` });
    return decodeUtf8(bytes.subarray(0, length));
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    return fail({ kind: code === "ENOENT" || code === "ENOTDIR" ? "absent" : "unreadable", detail: code });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
};

function readFully(descriptor: number, bytes: Buffer): number {
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(descriptor, bytes, length, bytes.length - length, null);
    if (read === 0) break;
    length += read;
  }
  return length;
}

function decodeUtf8(bytes: Uint8Array): Result<string, FileFailure> {
  try {
    return ok(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    return fail({ kind: "unreadable", detail: "not UTF-8" });
  }
}
