import { open, rm, type FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { failure, type Failure } from "../canonical/failure.ts";
import { notePassingBytes } from "../lib/passing-bytes.ts";
import { fail, ok, type Result } from "../lib/result.ts";

/** What is held in memory before a file is used. */
export const SPOOL_MEMORY_BYTES_MAX = 1024 * 1024;

const READ_BYTES = 64 * 1024;

/**
 * Bytes that wait until it is known where they go: in memory, then in a temporary file that nobody else can open and that
 * does not outlive the process. Written first, then read once from the beginning.
 */
export class Spool {
  readonly #name: string;
  #pieces: Uint8Array[] = [];
  #length = 0;
  #file: FileHandle | undefined;
  #position = 0;

  /** `name` is unique among the spools of this process. */
  constructor(name: string) {
    this.#name = name;
  }

  async append(bytes: Uint8Array): Promise<Result<undefined, Failure>> {
    this.#pieces.push(bytes);
    this.#length += bytes.length;
    const inMemory = this.#file === undefined && this.#length <= SPOOL_MEMORY_BYTES_MAX;
    return inMemory ? ok(undefined) : this.#spill();
  }

  /** The next bytes; undefined at the end, when nothing is left of the file either. */
  async read(): Promise<Result<Uint8Array | undefined, Failure>> {
    if (this.#file === undefined) return ok(this.#pieces.shift());
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    try {
      const { bytesRead } = await this.#file.read(buffer, 0, READ_BYTES, this.#position);
      this.#position += bytesRead;
      notePassingBytes(bytesRead);
      if (bytesRead > 0) return ok(buffer.subarray(0, bytesRead));
      await this.close();
      return ok(undefined);
    } catch (error) {
      return fail(spoolFailure(error));
    }
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    this.#pieces = [];
    // A file without a name is gone either way.
    await file?.close().catch(() => {});
  }

  async #spill(): Promise<Result<undefined, Failure>> {
    const pieces = this.#pieces;
    this.#pieces = [];
    try {
      this.#file ??= await openUnnamed(join(tmpdir(), `dragoman-${process.pid}-${this.#name}`));
      await this.#file.writev(pieces);
      return ok(undefined);
    } catch (error) {
      return fail(spoolFailure(error));
    }
  }
}

/** A file without a name: gone when it is closed, however that comes about. */
async function openUnnamed(path: string): Promise<FileHandle> {
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  return file;
}

function spoolFailure(error: unknown): Failure {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
  const message = `The gateway cannot keep an upload that names its model late (${code} in its temporary folder). Send the field "model" before the file.`;
  return failure("store_unavailable", message);
}
