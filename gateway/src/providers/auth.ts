import { createHash, createHmac, sign } from "node:crypto";
import type { Secret } from "../lib/secret.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { tokenForm, type ExchangedCredential } from "./google-credential.ts";
import type { AuthScheme } from "./provider.ts";
import { readAwsKeys, signatureHeaders, type Hashing } from "./sigv4.ts";

/** A request that is complete but for its credential. */
export type UnsignedCall = {
  readonly method: string;
  readonly origin: string;
  /** Path and query, percent-encoded. */
  readonly path: string;
  /** By lower-case name. */
  readonly headers: { readonly [name: string]: string };
  /** Its pieces; a body that arrives later cannot be signed, and nobody who signs takes one. */
  readonly body: readonly Uint8Array[] | object | undefined;
};

/**
 * The same call with what the provider wants to see of the credential: headers, a query parameter, or a signature over all of
 * it. `wallMs` is Unix milliseconds.
 */
export function applyCredential<C extends UnsignedCall>(
  call: C,
  scheme: AuthScheme,
  secret: Secret,
  wallMs: number,
): C {
  switch (scheme.type) {
    case "bearer":
    case "google":
      return withHeaders(call, bearer(secret));
    case "header":
      return withHeaders(call, { [scheme.name.toLowerCase()]: secret.reveal() });
    case "query": {
      const parameter = `${scheme.name}=${encodeURIComponent(secret.reveal())}`;
      return { ...call, path: `${call.path}${call.path.includes("?") ? "&" : "?"}${parameter}` };
    }
    case "sigv4":
      return withHeaders(call, awsHeaders(call, scheme, secret, wallMs));
    case "none":
      return call;
    default:
      return scheme satisfies never;
  }
}

function withHeaders<C extends UnsignedCall>(call: C, headers: { readonly [name: string]: string }): C {
  return { ...call, headers: { ...call.headers, ...headers } };
}

function bearer(secret: Secret): { readonly [name: string]: string } {
  return { authorization: `Bearer ${secret.reveal()}` };
}

/** A key pair signs; any other text is one of Bedrock's API keys, which are sent as they are. */
function awsHeaders(
  { method, origin, path, headers, body }: UnsignedCall,
  { service, region }: Extract<AuthScheme, { readonly type: "sigv4" }>,
  secret: Secret,
  wallMs: number,
): { readonly [name: string]: string } {
  const keys = readAwsKeys(secret.reveal());
  if (keys === undefined) return bearer(secret);
  const contentType = headers["content-type"];
  const signed = contentType === undefined ? {} : { "content-type": contentType };
  const pieces = Array.isArray(body) ? body : [];
  return signatureHeaders(
    { method, origin, path, headers: signed, body: pieces },
    keys,
    { service, region, wallMs },
    hashing,
  );
}

const hashing: Hashing = {
  sha256(pieces) {
    const hash = createHash("sha256");
    for (const piece of pieces) hash.update(piece);
    return hash.digest("hex");
  },
  hmac: (key, text) => createHmac("sha256", key).update(text).digest(),
};

/** What Google's token endpoint is sent for a credential. Fails when the private key is none. */
export function signedTokenForm(credential: ExchangedCredential, wallMs: number): Result<string, "not-a-key"> {
  try {
    return ok(
      tokenForm(credential, wallMs, (text, key) => sign("RSA-SHA256", Buffer.from(text), key).toString("base64url")),
    );
  } catch {
    // OpenSSL's own words could quote the key.
    return fail("not-a-key");
  }
}
