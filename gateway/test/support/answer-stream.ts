import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { ClientContext } from "../../src/dialects/dialect.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { Framer } from "../../src/framing/framer.ts";
import { framers } from "../../src/framing/framers.ts";
import type { Result } from "../../src/lib/result.ts";
import { openObservation, type Observation } from "../../src/record/observe.ts";
import { peekStream, type AnswerStream, type StreamParts } from "../../src/relay/answer-stream.ts";
import { streamCarry, type CarryKind } from "../../src/relay/carry.ts";
import type { ByteConsumer, CallHandle } from "../../src/relay/upstream-call.ts";
import { createWatchdogs } from "../../src/relay/watchdog.ts";
import { fakeClock, type FakeClock } from "./clock.ts";
import { decoderOptions } from "./streams.ts";

/** A provider's stream in the hands of a test, without the exchange around it. */
export type DrivenStream = {
  readonly clock: FakeClock;
  readonly observation: Observation;
  readonly handle: CallHandle;
  readonly peeked: Promise<Result<AnswerStream, Failure>>;
  /** The provider's side; nothing is heard of it once the relay has given up. */
  readonly source: ByteConsumer;
};

export type DrivenOptions = {
  readonly kind: CarryKind;
  readonly client: ClientContext;
  /** What the provider speaks; the client's own format unless told. */
  readonly upstream?: ClientDialectId;
  readonly framer?: Framer;
};

export function driveStream({ kind, client, upstream = client.dialect, framer }: DrivenOptions): DrivenStream {
  const clock = fakeClock();
  const observation = openObservation();
  const handle: CallHandle = { abort: () => {} };
  const consumers: ByteConsumer[] = [];
  const source: StreamParts["source"] = {
    whole: () => undefined,
    read: (consumer) => void consumers.push(consumer),
    pause() {},
    resume() {},
    abort: () => void consumers.splice(0),
  };
  const peeked = peekStream({
    clock,
    startedAt: clock.now(),
    observation,
    watchdog: createWatchdogs(clock).open(),
    handle,
    source,
    framer: framer ?? framers[upstream === "gemini" ? client.framing : "sse"](),
    decoder: dialects[upstream].upstream.decoder({ ...decoderOptions, candidates: client.head.candidates }),
    carry: streamCarry(kind, dialects[client.dialect].client, client, {
      withhold: { usageFrame: false },
      inputEstimate: undefined,
    }),
    idleMs: 60_000,
  });
  return {
    clock,
    observation,
    handle,
    peeked,
    source: {
      data: (bytes) => consumers[0]?.data(bytes),
      end: () => consumers[0]?.end(),
      broken: (reason) => consumers[0]?.broken(reason),
    },
  };
}

/** The context of a client that asked for everything its format can show. */
export function anyClient(dialect: ClientDialectId, more: Partial<ClientContext> = {}): ClientContext {
  return {
    dialect,
    head: { model: "test-model", stream: true, candidates: 1, includeUsage: true },
    framing: "sse",
    echo: {},
    agent: "other",
    requestId: decoderOptions.requestId,
    createdAt: decoderOptions.createdAt,
    ...more,
  };
}
