import type { Json } from "../lib/json.ts";

/** From the primary to a worker. */
export type ToWorker =
  | { readonly type: "snapshot"; readonly snapshot: Json; readonly version: string }
  /** Let running requests finish for `graceMs` at most, then end. */
  | { readonly type: "stop"; readonly graceMs: number };

/** From a worker to the primary. */
export type ToPrimary =
  | { readonly type: "listening"; readonly address: { readonly host: string; readonly port: number } }
  /** The address cannot be listened on; `code` is the system's. */
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  /** Lines of `record/json-lines.ts`. */
  | { readonly type: "records"; readonly lines: Uint8Array }
  | { readonly type: "bug"; readonly text: string; readonly requestId: string };
