import type { ClientDialectId, DialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import type { DecoderOptions, Dialect, StreamOutcome } from "../../src/dialects/dialect.ts";
import type { Frame, FramingId } from "../../src/framing/framer.ts";
import { fixtures, type Fixture } from "./corpus.ts";

export const clientDialectIds: readonly ClientDialectId[] = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini",
];

/** The formats that recorded providers answered in: those of clients, and those that only providers speak. */
export const upstreamDialectIds: readonly DialectId[] = [...clientDialectIds, "bedrock-converse"];

/** A recorded successful stream, with the framing that its body is in. */
export type StreamFixture = Fixture & { readonly framing: FramingId };

/** A stream is SSE, Gemini's JSON array, or AWS's messages; another dialect's JSON body is a plain answer to a request for a stream. */
export function streamFixtures(dialect: DialectId): StreamFixture[] {
  return fixtures(dialect).flatMap((each): StreamFixture[] => {
    const framing = framingOf(each);
    return framing === undefined ? [] : [{ ...each, framing }];
  });
}

function framingOf({ dialect, stream, response }: Fixture): FramingId | undefined {
  if (response.status >= 400) return undefined;
  if (response.extension === "sse") return "sse";
  if (dialect === "bedrock-converse") return response.extension === "bin" ? "aws-eventstream" : undefined;
  return stream && dialect === "gemini" && response.extension === "json" ? "json-array" : undefined;
}

export type Decoded = { readonly events: readonly CanonicalEvent[]; readonly outcome: StreamOutcome };

/** All that a new decoder makes of the frames, to the end of the connection. */
export function decodeFrames(dialect: Pick<Dialect, "upstream">, frames: readonly Frame[]): Decoded {
  const decoder = dialect.upstream.decoder(decoderOptions);
  const events: CanonicalEvent[] = [];
  for (const { payload } of frames) {
    if (payload !== undefined) events.push(...(decoder.step(payload) ?? []));
  }
  const end = decoder.end();
  return { events: [...events, ...end.events], outcome: end.outcome };
}

export const decoderOptions: DecoderOptions = {
  issuer: "recorded",
  candidates: 1,
  requestId: "req_TEST",
  createdAt: 1_700_000_000,
};
