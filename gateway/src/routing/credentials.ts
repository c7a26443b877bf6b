import { failure, type Failure } from "../canonical/failure.ts";
import { catalog } from "../providers/catalog.ts";
import type { Provider } from "../providers/provider.ts";
import { Secret } from "../lib/secret.ts";
import { fail, ok, type Result } from "../lib/result.ts";

/*
 * Which credential a provider call is made with. Pure: `limits/keys.ts` decides whether a gateway key is valid, this file
 * decides what follows from it.
 */

/** Where a credential was presented. */
export type CredentialPlace = "gateway-header" | "bearer" | "x-api-key" | "x-goog-api-key" | "api-key" | "query";

export type PresentedCredentials = {
  /** The gateway key, in whichever place it stood. Not yet verified. */
  readonly gatewayKey: Secret | undefined;
  /** `x-dragoman-authorization` was sent with something that is not a gateway key. */
  readonly unknownInGatewayHeader: boolean;
  /** The caller's own provider credential. */
  readonly own: OwnCredential | undefined;
};

export type OwnCredential = {
  readonly secret: Secret;
  readonly place: CredentialPlace;
  /** Kinds of provider whose keys have this shape; empty: no known shape. */
  readonly vendors: readonly string[];
};

/** Values that SDKs and people put where a key must not be empty. `dragoman` is what the first-run screen prints. */
const placeholders = new Set(["", "dragoman", "none", "dummy", "unused", "test", "x"]);

type Source = { readonly place: CredentialPlace; readonly value: string };

/**
 * Sorts what a request presents into the gateway's key and the caller's own. Two different gateway keys are an error; of
 * two own credentials the first wins, so `sources` lists Bearer before the others.
 */
export function readCredentials(
  headers: { readonly [name: string]: string | undefined },
  queryKey: string | undefined,
  isGatewayKeyShape: (text: string) => boolean,
): Result<PresentedCredentials, Failure> {
  let gatewayKey: string | undefined;
  let unknownInGatewayHeader = false;
  let own: OwnCredential | undefined;
  for (const { place, value } of sources(headers, queryKey)) {
    if (isGatewayKeyShape(value)) {
      if (gatewayKey !== undefined && gatewayKey !== value) {
        const message = "The request carries two different gateway keys. Send one.";
        return fail(failure("ambiguous_credentials", message));
      }
      gatewayKey = value;
    } else if (place === "gateway-header") {
      unknownInGatewayHeader = true;
    } else if (own === undefined && !placeholders.has(value.toLowerCase())) {
      own = { secret: new Secret(value), place, vendors: vendorsOfShape(value) };
    }
  }
  return ok({
    gatewayKey: gatewayKey === undefined ? undefined : new Secret(gatewayKey),
    unknownInGatewayHeader,
    own,
  });
}

/** Where a credential may stand, Bearer before the others. */
const places: readonly { readonly place: CredentialPlace; readonly header: string; readonly isBearer: boolean }[] = [
  { place: "gateway-header", header: "x-dragoman-authorization", isBearer: true },
  { place: "gateway-header", header: "x-to11-authorization", isBearer: true },
  { place: "bearer", header: "authorization", isBearer: true },
  { place: "x-api-key", header: "x-api-key", isBearer: false },
  { place: "x-goog-api-key", header: "x-goog-api-key", isBearer: false },
  { place: "api-key", header: "api-key", isBearer: false },
];

function sources(
  headers: { readonly [name: string]: string | undefined },
  queryKey: string | undefined,
): readonly Source[] {
  const found: Source[] = [];
  for (const { place, header, isBearer } of places) {
    const written = headers[header];
    if (written === undefined) continue;
    found.push({ place, value: (isBearer ? bearerToken(written) : written).trim() });
  }
  if (queryKey !== undefined) found.push({ place: "query", value: queryKey.trim() });
  return found;
}

function bearerToken(header: string): string {
  return /^bearer\s/i.test(header) ? header.slice(7) : header;
}

/** The kinds whose keys begin like this one; the longest beginning decides, because `sk-ant-` also begins with `sk-`. */
export function vendorsOfShape(credential: string): readonly string[] {
  let longest = 0;
  let vendors: string[] = [];
  for (const [kind, row] of Object.entries(catalog)) {
    for (const prefix of row.keyPrefixes) {
      if (!credential.startsWith(prefix) || prefix.length < longest) continue;
      if (prefix.length > longest) vendors = [];
      longest = prefix.length;
      vendors.push(kind);
    }
  }
  return vendors;
}

/** Who is asking, as far as spending is concerned. */
export type Spending = {
  /** A valid gateway key was presented. */
  readonly keyed: boolean;
  /** Gateway keys are defined. */
  readonly keysDefined: boolean;
  /** The gateway listens on a loopback address only. */
  readonly loopback: boolean;
};

export type ChosenCredential =
  | { readonly kind: "none" }
  | { readonly kind: "managed"; readonly secret: Secret }
  | { readonly kind: "caller"; readonly secret: Secret; readonly place: CredentialPlace };

/** The credential for one provider of layer 1: the caller's own where it may go there, else the managed one where it may be spent. */
export function chooseCredential(
  provider: Provider,
  own: OwnCredential | undefined,
  spending: Spending,
): Result<ChosenCredential, Failure> {
  if (provider.auth.type === "none") return ok({ kind: "none" });
  const foreign = own !== undefined && own.vendors.length > 0 && !own.vendors.includes(provider.kind);
  if (own !== undefined && !foreign) return ok({ kind: "caller", secret: own.secret, place: own.place });
  const [managed] = provider.credentials;
  const maySpend = spending.keyed || (!spending.keysDefined && spending.loopback);
  if (managed !== undefined && maySpend) return ok({ kind: "managed", secret: managed });
  return fail(failure("missing_credential", missingCredential(provider, foreign, managed !== undefined, spending)));
}

function missingCredential(provider: Provider, foreign: boolean, hasManaged: boolean, spending: Spending): string {
  const sent = foreign
    ? `The credential sent belongs to another vendor and is not passed to "${provider.id}".`
    : `The request carries no credential for "${provider.id}".`;
  if (!hasManaged) {
    const variable = Object.hasOwn(catalog, provider.kind)
      ? catalog[provider.kind as keyof typeof catalog].credentialEnv[0]
      : undefined;
    const how = variable === undefined ? `providers.${provider.id}.credential` : variable;
    return `${sent} The gateway has none of its own either: set ${how}, or send the provider's key.`;
  }
  if (spending.keysDefined) return `${sent} The gateway's own is spent for gateway keys only: send one (dgm_…).`;
  return `${sent} The gateway's own is not spent for anonymous callers from the network: define gateway keys.`;
}
