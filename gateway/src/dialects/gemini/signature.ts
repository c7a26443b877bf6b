import type { Issuer, Opaque } from "../../canonical/block.ts";
import { isBare, openOpaque, sealOpaque } from "../../canonical/envelope.ts";
import { compact, type JsonObject } from "../../lib/json.ts";

/** What clients send in place of a signature that they never got; it says nothing, and the writer puts it back where it is due. */
export const STAND_IN = "skip_thought_signature_validator";

/** Base64 of the `dg1.` that envelopes begin with, as far as it does not depend on what follows. */
const ENVELOPE_PREFIX = "ZGcxL";

/**
 * A `thoughtSignature`. Gemini's own are base64 of bytes that only Gemini reads; another vendor's opaque value travels as base64
 * of its envelope, because clients may check that the field is base64.
 */
export function readSignature(text: string | undefined, issuer: Issuer): Opaque | undefined {
  if (text === undefined || text === "" || text === STAND_IN) return undefined;
  return openEnvelope(text) ?? { issuer, kind: "gemini.thought-signature", value: text };
}

/** The text for `thoughtSignature`: Gemini's own value as it is, any other as base64 of its envelope. */
export function writeSignature(opaque: Opaque): string | undefined {
  if (isBare(opaque, "gemini.thought-signature")) return opaque.value;
  const envelope = sealOpaque(opaque);
  // `btoa` takes Latin-1 only; an envelope is ASCII unless somebody named a provider in another alphabet.
  return /^[\x20-\x7e]*$/.test(envelope) ? btoa(envelope) : undefined;
}

/**
 * `part` with its signature, and before it the signatures of reasoning that wait in `pending`, which is emptied. A part has room
 * for one: its own, or the last one that waits; the others go on empty texts.
 */
export function signedParts(pending: string[], part: JsonObject, own: Opaque | undefined): JsonObject[] {
  const signature = own === undefined ? undefined : writeSignature(own);
  const carried = signature ?? (mayCarry(part) ? pending.pop() : undefined);
  return [...pendingParts(pending), compact({ ...part, thoughtSignature: carried })];
}

/** The signatures that wait, each on an empty text. */
export function pendingParts(pending: string[]): JsonObject[] {
  return pending.splice(0).map((thoughtSignature) => ({ text: "", thoughtSignature }));
}

/** Clients hand back text and function calls with what is on them; of other parts that is not known. */
function mayCarry(part: JsonObject): boolean {
  return part["text"] !== undefined || part["functionCall"] !== undefined;
}

function openEnvelope(text: string): Opaque | undefined {
  if (!text.startsWith(ENVELOPE_PREFIX) || !/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0)
    return undefined;
  return openOpaque(atob(text));
}
