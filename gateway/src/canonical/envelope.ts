import type { Opaque } from "./block.ts";

/**
 * Envelopes carry an opaque value of one vendor through a client that speaks another vendor's format, in the field which that
 * format has for its own opaque values (`encrypted_content`, `signature`, `thoughtSignature`…). On the way back the envelope
 * says whose value it is, so that it reaches its issuer or nobody.
 *
 * The text is `dg1.<kind>.<provider>.<base64url of the value's UTF-8 bytes>`. A kind has exactly one dot and base64url none,
 * so a provider id may contain dots. It is not signed: whoever can send an envelope could send the bare value as well.
 */
const PREFIX = "dg1.";

const kinds = {
  "anthropic.signature": true,
  "anthropic.redacted": true,
  "anthropic.compaction": true,
  "anthropic.encrypted": true,
  "openai.reasoning": true,
  "openai.compaction": true,
  "openai.program": true,
  "gemini.thought-signature": true,
  "gemini.continuation": true,
} as const satisfies Record<Opaque["kind"], true>;

/**
 * Whether a client of the vendor's own format gets the value bare, because that is who it will be taken from on the way back.
 * What came from a reseller in another format would then be mistaken for the vendor's: it travels in an envelope.
 */
export function isBare(opaque: Opaque, kind: Opaque["kind"]): boolean {
  return opaque.kind === kind && opaque.issuer.family === undefined;
}

/** The envelope of an opaque value. Of the issuer only the provider's id is kept: it is what decides who may read the value. */
export function sealOpaque(opaque: Opaque): string {
  return `${PREFIX}${opaque.kind}.${opaque.issuer.provider}.${toBase64Url(opaque.value)}`;
}

/** The value in an envelope, or undefined for anything else: a bare text is then native to the format it came in. */
export function openOpaque(text: string): Opaque | undefined {
  if (!text.startsWith(PREFIX)) return undefined;
  const kindEnd = text.indexOf(".", text.indexOf(".", PREFIX.length) + 1);
  const providerEnd = text.lastIndexOf(".");
  if (kindEnd < 0 || providerEnd <= kindEnd + 1) return undefined;
  const kind = text.slice(PREFIX.length, kindEnd);
  const value = fromBase64Url(text.slice(providerEnd + 1));
  if (!isKind(kind) || value === undefined) return undefined;
  return { issuer: { provider: text.slice(kindEnd + 1, providerEnd) }, kind, value };
}

function isKind(text: string): text is Opaque["kind"] {
  return Object.hasOwn(kinds, text);
}

/** Function arguments are limited in number, so long values are turned into a binary string piece by piece. */
const PIECE_BYTES = 8192;

function toBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text);
  let binary = "";
  for (let start = 0; start < bytes.length; start += PIECE_BYTES) {
    binary += String.fromCharCode(...bytes.subarray(start, start + PIECE_BYTES));
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function fromBase64Url(text: string): string | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) return undefined;
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    // Not UTF-8: nothing that sealOpaque made, so it is not ours to open.
    return undefined;
  }
}
