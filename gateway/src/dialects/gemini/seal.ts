import type { Block } from "../../canonical/block.ts";
import { asObject, compact, type JsonObject } from "../../lib/json.ts";
import { dropped, notPortable } from "../../translation/limits.ts";
import type { Place } from "./request-media.ts";
import { isReadable, lose, loseGiven, type Writing } from "./writing.ts";

/** A part with what any part may carry: a signature, and members of Gemini's own that the canonical form has no name for. */
export function sealed(writing: Writing, part: JsonObject, block: Block, { path }: Place): JsonObject {
  loseGiven(writing, dropped, { [`${path}.cache`]: block.cache });
  loseExtras(writing, block, path);
  return compact({
    ...part,
    ...asObject(block.extras?.gemini),
    thoughtSignature: writeSignature(writing, block, path),
  });
}

function writeSignature(writing: Writing, { signature }: Block, path: string): string | undefined {
  if (signature === undefined) return undefined;
  if (isReadable(writing, signature, "gemini.thought-signature")) return signature.value;
  lose(writing, notPortable(`${path}.signature`));
  return undefined;
}

/** Ids and phases of OpenAI's messages say nothing to anybody else. */
const meaningless: ReadonlySet<string> = new Set(["id", "phase"]);

function loseExtras(writing: Writing, { extras }: Block, path: string): void {
  for (const [dialect, members] of Object.entries(extras ?? {})) {
    const isLost = dialect !== "gemini" && Object.keys(members ?? {}).some((key) => !meaningless.has(key));
    if (isLost) lose(writing, dropped(`${path}.extras.${dialect}`));
  }
}
