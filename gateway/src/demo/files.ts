import type { FormField } from "./form.ts";
import { json, refusal, type DemoReply } from "./reply.ts";

export const DEMO_FILES_MAX = 100;
export const DEMO_FILES_BYTES_MAX = 64 * 1024 * 1024;

type StoredFile = {
  readonly id: string;
  readonly filename: string;
  readonly purpose: string;
  readonly createdAt: number;
  readonly bytes: Buffer;
};

/** The demo's files: in memory, for as long as the process lives. The oldest make room for new ones. */
export interface DemoFiles {
  /** `nowMs`: Unix time. */
  create(fields: ReadonlyMap<string, FormField>, nowMs: number): DemoReply;
  list(): DemoReply;
  get(id: string): DemoReply;
  content(id: string): DemoReply;
  remove(id: string): DemoReply;
}

export function openDemoFiles(): DemoFiles {
  const files = new Map<string, StoredFile>();
  let made = 0;
  const found = (id: string, answer: (file: StoredFile) => DemoReply): DemoReply => {
    const file = files.get(id);
    return file === undefined ? refusal(404, `No such file: ${id}.`, "id") : answer(file);
  };
  return {
    create(fields, nowMs) {
      const file = fields.get("file");
      if (file === undefined) return refusal(400, 'The form has no field "file".', "file");
      if (file.bytes.length > DEMO_FILES_BYTES_MAX) return refusal(413, "That file is too large for a demo.", "file");
      made += 1;
      const stored = {
        id: `file-demo-${made}`,
        filename: file.filename ?? "file",
        purpose: fields.get("purpose")?.bytes.toString("utf8") ?? "user_data",
        createdAt: Math.floor(nowMs / 1000),
        bytes: file.bytes,
      };
      files.set(stored.id, stored);
      makeRoom(files);
      return json(fileObject(stored));
    },
    list: () => {
      const data = [...files.values()].toReversed().map(fileObject);
      return json({
        object: "list",
        data,
        has_more: false,
        first_id: data[0]?.id ?? null,
        last_id: data.at(-1)?.id ?? null,
      });
    },
    get: (id) => found(id, (file) => json(fileObject(file))),
    content: (id) =>
      found(id, ({ bytes }) => ({ status: 200, contentType: "application/octet-stream", pieces: [bytes] })),
    remove: (id) =>
      found(id, () => {
        files.delete(id);
        return json({ id, object: "file", deleted: true });
      }),
  };
}

/** A map keeps the order of insertion, so the first is the oldest. */
function makeRoom(files: Map<string, StoredFile>): void {
  const bytes = () => [...files.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  for (const id of files.keys()) {
    if (files.size <= DEMO_FILES_MAX && bytes() <= DEMO_FILES_BYTES_MAX) return;
    files.delete(id);
  }
}

function fileObject({ id, filename, purpose, createdAt, bytes }: StoredFile) {
  return { id, object: "file", bytes: bytes.length, created_at: createdAt, filename, purpose, status: "processed" };
}
