import { cloudRows } from "./cloud-rows.ts";
import { hostRows } from "./host-rows.ts";
import type { ProviderKind } from "./provider.ts";
import { serverRows } from "./server-rows.ts";
import { vendorRows } from "./vendor-rows.ts";

/**
 * What is known of each vendor without any configuration; the key is the `kind` of the configuration. Base URLs are those of
 * the vendor's own SDK. Dialects stand in order of preference: the client's own wins when listed, else the first.
 *
 * Order matters twice: providers that switch themselves on by their environment variable stand in this order, so the vendor
 * of a model family comes before those who resell it; and of two rows with the same key prefix neither is preferred.
 *
 * Servers on one's own machine have no auth unless the configuration gives a credential, which then travels as Bearer.
 *
 * `sk-` alone names nobody: OpenAI, DeepSeek, Moonshot and most self-hosted gateways use it, and each of them lists it.
 */
export const catalog = { ...vendorRows, ...hostRows, ...cloudRows, ...serverRows } as const satisfies Record<
  string,
  ProviderKind
>;

/** The id of a row, as `kind` names it in the configuration. */
export type ProviderKindId = keyof typeof catalog;

/** The row of a kind, or undefined for a name that the catalogue does not have. */
export function providerKind(kind: string): ProviderKind | undefined {
  return Object.hasOwn(catalog, kind) ? catalog[kind as ProviderKindId] : undefined;
}

/** Values that SDKs and people put where a key must not be empty, in lower case. `dragoman` is what the first-run screen prints. */
export const placeholderCredentials: ReadonlySet<string> = new Set([
  "",
  "dragoman",
  "none",
  "dummy",
  "unused",
  "test",
  "x",
]);
