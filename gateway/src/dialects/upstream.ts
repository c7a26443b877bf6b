import type { DialectId } from "../canonical/dialect-id.ts";
import { bedrockConverse } from "./bedrock-converse/index.ts";
import { canonicalDialect } from "./canonical/index.ts";
import type { UpstreamDialect } from "./dialect.ts";
import { dialects } from "./index.ts";

/** Every wire format that providers may speak; one without `writeRequest` can only be passed through so far. */
const upstreamDialects: { readonly [D in DialectId]?: UpstreamDialect } = {
  "openai-chat": dialects["openai-chat"].upstream,
  "openai-responses": dialects["openai-responses"].upstream,
  "anthropic-messages": dialects["anthropic-messages"].upstream,
  gemini: dialects.gemini.upstream,
  "bedrock-converse": bedrockConverse,
  canonical: canonicalDialect,
};

export function upstreamDialect(id: DialectId): UpstreamDialect {
  const dialect = upstreamDialects[id];
  if (dialect === undefined) throw new Error(`no upstream half for the dialect ${id}`);
  return dialect;
}

export function canTranslateTo(id: DialectId): boolean {
  return upstreamDialects[id]?.writeRequest !== undefined;
}
