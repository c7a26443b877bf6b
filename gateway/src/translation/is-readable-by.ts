import type { Opaque } from "../canonical/block.ts";

/**
 * Whether a target may be sent this opaque value: only the provider that issued it can read it. Values from answers carry the
 * id of the configured provider; values in the native form of a request carry the vendor whose format the client speaks
 * (`anthropic`, `openai`, `gemini`, `openrouter`), which is also the kind of that vendor's providers.
 *
 * `issuer` and `kind` are those of the target (`WriteOptions`). Whether the value's own kind has a place in the dialect is
 * for the writer to know.
 */
export function isReadableBy(opaque: Opaque, issuer: string, kind: string): boolean {
  const { provider } = opaque.issuer;
  return provider === issuer || provider === kind;
}
