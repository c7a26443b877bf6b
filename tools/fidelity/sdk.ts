import type { Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import type { Seen } from "./seen.ts";

/** What the SDK is asked for. `candidates`: 1 where the format has one answer only. */
export type Asked = { readonly stream: boolean; readonly candidates: number };

/** An official SDK whose network is a function. Both readings fail as the SDK fails: by throwing. */
export type Sdk = {
  /** By the helper that puts a stream together and checks what it gets; the plain call for a plain answer. */
  readonly strict: (fetch: Fetch, asked: Asked) => Promise<Seen>;
  /** By the plain iteration over a stream, taking what comes: many recorded providers imitate a format loosely. */
  readonly lenient: (fetch: Fetch, asked: Asked) => Promise<Seen>;
};

/** The reading, with what was thrown as a failure. */
export async function reading(read: Promise<Seen>): Promise<Seen> {
  try {
    return await read;
  } catch (error) {
    return { failed: true, said: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** A network that answers everything with the recorded bytes. */
export function answering(body: Buffer, contentType: string): Fetch {
  return () => Promise.resolve(new Response(new Uint8Array(body), { headers: { "content-type": contentType } }));
}
