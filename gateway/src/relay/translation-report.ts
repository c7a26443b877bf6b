import type { DialectId } from "../canonical/dialect-id.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import type { Loss } from "../canonical/loss.ts";

/** Longer lists are cut; the record has them all. */
const HEADER_CHARACTERS_MAX = 1_024;

/** What `x-dragoman-translation` calls each kind of loss, in the order in which they are listed. */
const words = {
  unsupported: "dropped",
  clamped: "clamped",
  emulated: "emulated",
  repaired: "repaired",
  "opaque-not-portable": "opaque",
} as const satisfies Record<Loss["reason"], string>;

/**
 * The report of a translation for whoever reads headers: `openai-chat>anthropic-messages` where nothing was lost, else
 * followed by what was, as `; dropped=sampling.seed,sampling.logitBias; emulated=sampling.stop`.
 */
export function translationReport(from: DialectId, to: DialectId, losses: readonly Loss[]): string {
  const parts = [`${from}>${to}`];
  for (const [reason, word] of Object.entries(words)) {
    const paths = new Set(losses.filter((loss) => loss.reason === reason).map((loss) => loss.path));
    if (paths.size > 0) parts.push(`${word}=${[...paths].join(",")}`);
  }
  const report = parts.join("; ").replace(/[^\x20-\x7e]/g, "?");
  return report.length <= HEADER_CHARACTERS_MAX ? report : `${report.slice(0, HEADER_CHARACTERS_MAX - 3)}...`;
}

/** In strict mode every loss but that of another issuer's reasoning state, which nobody could carry, refuses the request. */
export function strictFailure(losses: readonly Loss[]): Failure | undefined {
  const refused = losses.filter((loss) => loss.reason !== "opaque-not-portable");
  const [first] = refused;
  if (first === undefined) return undefined;
  const list = refused.map((loss) => (loss.detail === undefined ? loss.path : `${loss.path} (${loss.detail})`));
  const message = `Strict translation was asked for, and the target cannot carry: ${list.join("; ")}. Leave it out, choose another model, or do without strict.`;
  return failure("unsupported_parameter", message, { param: first.path, retryable: false });
}
