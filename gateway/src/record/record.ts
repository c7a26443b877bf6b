import type { DialectId } from "../canonical/dialect-id.ts";
import type { FailureClass, FailureCode } from "../canonical/failure.ts";
import type { Loss } from "../canonical/loss.ts";
import type { FinishReason } from "../canonical/response.ts";
import type { Usage } from "../canonical/usage.ts";

/** How an exchange ended, settled exactly once. `refused`: answered with an error before anything of an answer. */
export type ExchangeEnd = "complete" | "truncated" | "cancelled" | "upstream-failed" | "unreadable" | "refused";

/** Everything learnt about one request. Logs, traces, cost and the dashboard are views of it. Times are milliseconds from the start. */
export type ExchangeRecord = {
  readonly requestId: string;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly operation: string;
  readonly dialect: DialectId | undefined;
  readonly agent: string;
  readonly keyId: string | undefined;
  readonly project: string | undefined;
  readonly session: string | undefined;
  /** As the client wrote it. */
  readonly model: string;
  readonly provider: string | undefined;
  readonly upstreamModel: string | undefined;
  readonly stream: boolean;
  readonly status: number;
  readonly end: ExchangeEnd;
  readonly firstByteMs: number | undefined;
  readonly firstTokenMs: number | undefined;
  readonly totalMs: number;
  readonly attempts: readonly AttemptRecord[];
  readonly usage: Usage | undefined;
  /** One per candidate. */
  readonly finish: readonly FinishReason[];
  /** Names of the tools called, in order. */
  readonly toolCalls: readonly string[];
  readonly losses: readonly Loss[];
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Frames that were forwarded although they could not be read. */
  readonly unreadableFrames: number;
  readonly failure: RecordedFailure | undefined;
};

export type AttemptRecord = {
  readonly provider: string;
  readonly model: string;
  readonly dialect: DialectId | undefined;
  readonly credential: "managed" | "caller" | "none";
  readonly carry: { readonly request: "verbatim" | "translate"; readonly response: "verbatim" | "translate" };
  /** Every change made to a verbatim request's bytes; empty is the normal case. */
  readonly edits: readonly string[];
  readonly startedMs: number;
  readonly headersMs: number | undefined;
  readonly endedMs: number;
  readonly status: number | undefined;
  readonly upstreamRequestId: string | undefined;
  readonly failure: RecordedFailure | undefined;
};

export type RecordedFailure = { readonly class: FailureClass; readonly code: FailureCode; readonly message: string };

/** Takes finished records. Must not throw, block or wait: `record/sinks.ts` puts a bounded queue before every sink. */
export interface RecordSink {
  write(record: ExchangeRecord): void;
  flush(): Promise<void>;
}
