import type { Issuer, Opaque } from "../../canonical/block.ts";
import { failure, type Failure } from "../../canonical/failure.ts";
import type { Loss } from "../../canonical/loss.ts";
import type { CanonicalRequest } from "../../canonical/request.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import type { ToolNames } from "../../translation/tool-names.ts";
import type { WriteOptions } from "../dialect.ts";
import { SYNTHETIC_CALL_ID_PREFIX } from "./decode-candidate.ts";
import type { ModelFacts } from "./models.ts";

/** A request on its way to Gemini: what its parts need to know, and what comes up on the way. */
export type Writing = {
  readonly request: CanonicalRequest;
  readonly options: WriteOptions;
  readonly model: ModelFacts;
  /** Vertex AI takes some fields that the Gemini API does not, and the other way round. */
  readonly isVertex: boolean;
  /** The request came in this very format: what is not ours to judge stays as it is. */
  readonly isOwn: boolean;
  readonly names: ToolNames;
  /** The names of calls as sent, by call id, for their results. */
  readonly callNames: Map<string, string>;
  readonly losses: Loss[];
  /** The first thing that cannot be translated; writing goes on, so that writers need no early returns. */
  failure: Failure | undefined;
};

export function lose(writing: Writing, loss: Loss): void {
  writing.losses.push(loss);
}

/** One by one: a function has only so many arguments, and clients may send more blocks than that. */
export function loseAll(writing: Writing, losses: readonly Loss[]): void {
  for (const loss of losses) writing.losses.push(loss);
}

/** Without this the request would mean something else, so it is not sent. */
export function refuse(writing: Writing, message: string, param?: string): void {
  writing.failure ??= failure("unsupported_parameter", message, param === undefined ? {} : { param });
}

/** Losses for what the request asks and Gemini cannot do, by a path for each. */
export function loseGiven(
  writing: Writing,
  make: (path: string) => Loss,
  values: { readonly [path: string]: unknown },
): void {
  for (const [path, value] of Object.entries(values)) {
    if (value !== undefined) writing.losses.push(make(path));
  }
}

const turnLists = {
  "openai-chat": "messages",
  "openai-responses": "input",
  "anthropic-messages": "messages",
  gemini: "contents",
} as const satisfies Record<CanonicalRequest["source"], string>;

/** A turn's place in the client's own words, for failures: `messages[3]`; the whole list without an index. */
export function turnParam({ request }: Writing, boundary?: number): string {
  const list = turnLists[request.source];
  return boundary === undefined ? list : `${list}[${boundary}]`;
}

/** Google's two doors, which a client's bare values do not tell apart. */
const GOOGLE = "gemini";

/** Whether the provider made this value, or it may be taken to have. What came through one door has the provider's own id. */
export function isReadable({ options, isVertex }: Writing, opaque: Opaque, kind: Opaque["kind"]): boolean {
  return opaque.kind === kind && isReadableBy(opaque, options.issuer, isVertex ? GOOGLE : options.kind);
}

/** Whether a file was uploaded to this provider, or may be taken to have been. */
export function isOfIssuer({ options }: Writing, { provider }: Issuer): boolean {
  return provider === options.issuer || provider === options.kind || provider === GOOGLE;
}

/** Ids that Gemini's answers did not have were made up by us and stay here; older models have none at all. */
export function writeCallId({ isOwn, model }: Writing, id: string): string | undefined {
  if (id === "" || id.startsWith(SYNTHETIC_CALL_ID_PREFIX)) return undefined;
  return isOwn || model.hasCallIds ? id : undefined;
}
