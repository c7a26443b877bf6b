import type { WrittenRequest } from "../dialects/dialect.ts";
import { member, type WireRequest } from "../dialects/wire-request.ts";
import type { Edit } from "../framing/json-splice.ts";
import type { Target } from "../routing/plan.ts";

/*
 * Vertex AI has Anthropic's models behind Anthropic's own API, but the model stands in the path there and the version in the
 * body (`anthropicBodyVersion` of a provider's traits).
 */

/** A change of a verbatim body, with the words for it in the record. */
export type NamedEdit = { readonly name: string; readonly edit: Edit };

/** The changes that make the client's own body one of these. */
export function versionEdits(wire: WireRequest, version: string): NamedEdit[] {
  const edits: NamedEdit[] = [];
  const { members } = wire.scan;
  if (members.has("model")) edits.push({ name: "model: remove", edit: { kind: "remove", key: "model" } });
  const key = "anthropic_version";
  if (member(wire, key) === version) return edits;
  const kind = members.has(key) ? "replace" : "insert";
  return [...edits, { name: `${key}: ${version}`, edit: { kind, key, value: JSON.stringify(version) } }];
}

/** The same for a translation. */
export function placedVersion(
  { headers, body }: WrittenRequest,
  { provider, dialect }: Target,
): Pick<WrittenRequest, "headers" | "body"> {
  const version = provider.traits.anthropicBodyVersion;
  if (version === undefined || dialect !== "anthropic-messages") return { headers, body };
  const { "anthropic-version": _version, ...restHeaders } = headers;
  const { model: _model, ...restBody } = body;
  return { headers: restHeaders, body: { anthropic_version: version, ...restBody } };
}
