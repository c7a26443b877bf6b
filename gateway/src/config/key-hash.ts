import type { GatewayKey } from "./config.ts";

/** `sha256:<salt>:<digest>`: a salt of 8 to 64 bytes and the 32 bytes of the digest, both in lower-case hexadecimal. */
export const KEY_HASH_PATTERN = /^sha256:([0-9a-f]{16,128}):([0-9a-f]{64})$/;

/** Salt and digest of a stored hash, or undefined when it is not one. */
export function parseKeyHash(text: string): Pick<GatewayKey, "salt" | "digest"> | undefined {
  const [, salt, digest] = KEY_HASH_PATTERN.exec(text) ?? [];
  return salt === undefined || digest === undefined ? undefined : { salt, digest };
}
