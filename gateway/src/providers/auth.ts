import type { Secret } from "../lib/secret.ts";
import type { AuthScheme } from "./provider.ts";

/** What a credential adds to a request: headers, or a query parameter for the schemes that want one. */
export type AppliedCredential = { readonly headers: { readonly [name: string]: string }; readonly query: string };

const nothing: AppliedCredential = { headers: {}, query: "" };

export function applyCredential(scheme: AuthScheme, secret: Secret): AppliedCredential {
  switch (scheme.type) {
    case "bearer":
      return { headers: { authorization: `Bearer ${secret.reveal()}` }, query: "" };
    case "header":
      return { headers: { [scheme.name.toLowerCase()]: secret.reveal() }, query: "" };
    case "query":
      return { headers: {}, query: `${scheme.name}=${encodeURIComponent(secret.reveal())}` };
    case "none":
      return nothing;
    default:
      return scheme satisfies never;
  }
}
