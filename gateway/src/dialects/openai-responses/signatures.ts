import type { Opaque } from "../../canonical/block.ts";
import { openOpaque, sealOpaque } from "../../canonical/envelope.ts";
import { asObject, asString, parseJson } from "../../lib/json.ts";

/*
 * Gemini signs text and calls; this format has opaque values on reasoning items only. A signature therefore travels in the
 * envelope of an empty reasoning item beside the signed one, and the sealed value says which: a call by its id, or "" for the
 * text before it. Clients send reasoning items back untouched, so the signature finds its block again.
 */

/** The `encrypted_content` of the item that carries the signature of the call `callId` ("" for text). */
export function sealSignature(signature: Opaque, callId: string): string {
  return sealOpaque({ ...signature, value: JSON.stringify({ of: callId, value: signature.value }) });
}

/** The signature that `encrypted_content` carries, or undefined where it is reasoning of its own. */
export function openSignature(encrypted: string): { readonly of: string; readonly signature: Opaque } | undefined {
  const opaque = openOpaque(encrypted);
  if (opaque?.kind !== "gemini.thought-signature") return undefined;
  const sealed = asObject(parseJson(opaque.value));
  const of = asString(sealed?.["of"]);
  const value = asString(sealed?.["value"]);
  return of === undefined || value === undefined ? undefined : { of, signature: { ...opaque, value } };
}
