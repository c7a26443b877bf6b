import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import type { Config, GatewayKey } from "../config/config.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { Secret } from "../lib/secret.ts";

/*
 * Gateway keys: `dgm_<id>_<secret>`. The id finds the key, the secret (256 random bits) proves it. What is stored is
 * SHA-256(salt + secret), which is all another machine needs; a slow hash would protect nothing, because nobody guesses 256
 * bits, and would let anybody burn our CPU with wrong keys.
 */

const PREFIX = "dgm_";
/** Of 32 bytes in base64url. */
const SECRET_CHARACTERS = 43;
const FULL_SHAPE = /^dgm_[a-z0-9]{4,16}_[A-Za-z0-9_-]{43}$/;
const ID_CHARACTERS = 8;
const SECRET_BYTES = 32;
const SALT_BYTES = 16;
/** 32 characters of [a-z0-9], so that five random bits make one without bias; l, o, 0 and 1 are left out for people. */
const ID_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789";

/**
 * Whether a credential is meant as a gateway key. Wider than the full shape on purpose: a key that was cut off by a copy is
 * refused here instead of being taken for the caller's own credential and sent to a provider.
 */
export function isGatewayKeyShape(text: string): boolean {
  return text.startsWith(PREFIX);
}

export type ParsedGatewayKey = { readonly id: string; readonly secret: string };

/** The two parts of a well-formed key; undefined when the text is not one. */
export function parseGatewayKey(text: string): ParsedGatewayKey | undefined {
  if (!FULL_SHAPE.test(text)) return undefined;
  const secretStart = text.length - SECRET_CHARACTERS;
  return { id: text.slice(PREFIX.length, secretStart - 1), secret: text.slice(secretStart) };
}

export type CreatedKey = {
  /** `dgm_…`, to be shown once: it cannot be got back from the hash. */
  readonly text: string;
  readonly id: string;
  /** `sha256:<salt>:<digest>` for the configuration file. */
  readonly hash: string;
};

/** Makes a new key. `random` gives that many bytes of cryptographic randomness. */
export function createKey(random: (length: number) => Uint8Array = randomBytes): CreatedKey {
  const id = Array.from(random(ID_CHARACTERS), (byte) => ID_ALPHABET.charAt(byte & 31)).join("");
  const secret = Buffer.from(random(SECRET_BYTES)).toString("base64url");
  const salt = Buffer.from(random(SALT_BYTES)).toString("hex");
  return { text: `${PREFIX}${id}_${secret}`, id, hash: `sha256:${salt}:${digestOf(salt, secret).toString("hex")}` };
}

/** What a store knows of an id. `unavailable` is our own trouble and must never read as "no such key". */
export type KeyLookup =
  | { readonly kind: "found"; readonly key: GatewayKey }
  | { readonly kind: "absent" }
  | { readonly kind: "unavailable" };

export interface KeyStore {
  find(id: string): KeyLookup;
}

/** The keys of a configuration snapshot. */
export function configKeyStore(config: Config): KeyStore {
  const byId = new Map(config.keys.map((key) => [key.id, key]));
  return {
    find(id) {
      const key = byId.get(id);
      return key === undefined ? { kind: "absent" } : { kind: "found", key };
    },
  };
}

/** Why a presented key is no good. To the caller all but `unavailable` are the same 401; logs may tell them apart. */
export type KeyRefusal = "malformed" | "unknown" | "wrong-secret" | "revoked" | "expired" | "unavailable";

/** Hashed for unknown ids, so that the time of a refusal does not tell which ids exist. */
const decoy: Pick<GatewayKey, "salt" | "digest"> = { salt: "0".repeat(32), digest: "0".repeat(64) };

/**
 * Verifies a presented key at `wallMs` (Unix milliseconds), in constant time whether its id exists or not. Revocation and expiry
 * are looked at last, so that only the holder of the secret learns of them.
 */
export function verifyKey(presented: string, store: KeyStore, wallMs: number): Result<GatewayKey, KeyRefusal> {
  const parsed = parseGatewayKey(presented);
  if (parsed === undefined) return fail("malformed");
  const lookup = store.find(parsed.id);
  if (lookup.kind === "unavailable") return fail("unavailable");
  const matches = isSecretOf(parsed.secret, lookup.kind === "found" ? lookup.key : decoy);
  if (lookup.kind === "absent") return fail("unknown");
  const { key } = lookup;
  if (!matches) return fail("wrong-secret");
  if (key.revoked) return fail("revoked");
  if (key.expiresAt !== undefined && wallMs >= key.expiresAt) return fail("expired");
  return ok(key);
}

type StoredHash = Pick<GatewayKey, "salt" | "digest">;

/**
 * What each key has proven itself with, so that it is hashed once and not with every request. In the memory of this process
 * it stands beside the providers' keys, which are worth more; it goes with the snapshot that its key belongs to.
 */
const proven = new WeakMap<StoredHash, Secret>();
/** Compared with in its place, for the same time; no presented secret has these characters. */
const unproven = new Secret("\0".repeat(SECRET_CHARACTERS));

function isSecretOf(secret: string, stored: StoredHash): boolean {
  if (isEqual(secret, (proven.get(stored) ?? unproven).reveal())) return true;
  const actual = digestOf(stored.salt, secret);
  const expected = Buffer.from(stored.digest, "hex");
  const matches = actual.length === expected.length && timingSafeEqual(actual, expected);
  if (matches) proven.set(stored, new Secret(secret));
  return matches;
}

/** Constant-time for texts of `SECRET_CHARACTERS`. */
function isEqual(left: string, right: string): boolean {
  let difference = 0;
  for (let index = 0; index < SECRET_CHARACTERS; index += 1) {
    difference |= left.charCodeAt(index) ^ right.charCodeAt(index);
  }
  return difference === 0;
}

/** `printf %s "$salt$secret" | sha256sum`, with the salt as it is written: lower-case hexadecimal. */
function digestOf(salt: string, secret: string): Buffer {
  return hash("sha256", salt + secret, "buffer");
}
