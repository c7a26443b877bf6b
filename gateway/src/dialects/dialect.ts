import type { ClientDialectId, DialectId } from "../canonical/dialect-id.ts";
import type { CanonicalEvent } from "../canonical/event.ts";
import type { Failure } from "../canonical/failure.ts";
import type { Loss } from "../canonical/loss.ts";
import type { CanonicalRequest } from "../canonical/request.ts";
import type { AnswerSummary, CanonicalResponse } from "../canonical/response.ts";
import type { FramePayload, FramingId } from "../framing/framer.ts";
import type { Json, JsonObject } from "../lib/json.ts";
import type { Traits } from "../providers/provider.ts";
import type { Result } from "../lib/result.ts";
import type { Restore } from "../translation/restore-plan.ts";
import type { WireRequest } from "./wire-request.ts";

export type { Restore, RestoredTool } from "../translation/restore-plan.ts";

/** What routing needs to know of a request, read from the top-level spans of the body without parsing the rest. */
export type Head = {
  /** As the client wrote it. "" where the path or body names none (the operation decides whether that is an error). */
  readonly model: string;
  readonly stream: boolean;
  /** Upper bound of output tokens that the client set, reasoning included. */
  readonly maxTokens?: number;
  /** `n`, `candidateCount`; 1 when absent. */
  readonly candidates: number;
  /** OpenAI Chat: whether the client asked for the usage chunk. True for dialects that always send usage. */
  readonly includeUsage: boolean;
  /** A key of the conversation that the body names (`prompt_cache_key`, `metadata.user_id`…); headers are looked at elsewhere. */
  readonly sessionKey?: string;
};

/** The client program, told from its User-Agent. Only these get answers that depart from the error table. */
export type Agent = "claude-code" | "codex" | "gemini-cli" | "other";

/** What must be remembered of a request in order to answer it, and nothing more: the body can go once the answer begins. */
export type ClientContext = {
  readonly dialect: ClientDialectId;
  readonly head: Head;
  /** How the client wants a stream framed; `json-array` is Gemini without `alt=sse`. */
  readonly framing: FramingId;
  /** Request settings that the format's answers repeat (OpenAI Responses), or that decide how they are written. */
  readonly echo: Echo;
  readonly agent: Agent;
  readonly requestId: string;
  /** Unix seconds. */
  readonly createdAt: number;
};

/** Private to a dialect: made by its `readEcho`, read by its writers. */
export type Echo = JsonObject;

/** Both ways of adding bytes of our own to a stream need to know where the stream stands. */
export interface StreamTail {
  /** The in-band form of a failure after commit, or undefined where only cutting the connection tells this client. */
  failure(failure: Failure): string | undefined;
  /** Bytes that keep the connection alive at a frame boundary and change nothing for the client. */
  keepAlive(): string;
}

/** Canonical events to wire text; one per stream. */
export interface Encoder extends StreamTail {
  write(event: CanonicalEvent): string;
}

/** Follows a verbatim stream in the client's own format; one per stream. */
export interface Follower extends StreamTail {
  observe(payload: FramePayload): void;
}

export type WrittenError = {
  readonly status: number;
  /** Only what the format's own SDKs read (`retry-after`…); the common headers are added by `http/headers.ts`. */
  readonly headers: { readonly [name: string]: string };
  readonly body: JsonObject;
  /** Told in another form for one agent's sake: the provider's own body must not take its place. */
  readonly departs?: true;
};

/** The half of a dialect that faces clients. `read*` is wire to canonical, `write*` canonical to wire. */
export interface ClientDialect {
  readonly id: ClientDialectId;
  readHead(wire: WireRequest): Result<Head, Failure>;
  readEcho(wire: WireRequest): Echo;
  readRequest(wire: WireRequest): Result<CanonicalRequest, Failure>;
  writeResponse(response: CanonicalResponse, client: ClientContext): JsonObject;
  encoder(client: ClientContext): Encoder;
  follower(client: ClientContext): Follower;
  writeError(failure: Failure, client: ErrorContext): WrittenError;
}

/** An error may have to be written before anything of the request is known. */
export type ErrorContext = {
  readonly agent: Agent;
  readonly requestId: string;
  /** Whether the client asked for a stream; Gemini's array form wraps errors in `[ ]`, told by `framing`. */
  readonly framing: FramingId;
  /** Now, in Unix milliseconds, for agents that are told a date. */
  readonly wallMs?: number;
};

export type DecoderOptions = {
  /** Who issued the opaque values in this answer: the provider's id. */
  readonly issuer: string;
  /** Number of choices asked for: a Chat stream is complete when each has finished. */
  readonly candidates: number;
  /** The model as it was sent, for formats whose answers do not name it. */
  readonly model?: string;
  /** Used where the provider's answer has no id or date. */
  readonly requestId: string;
  /** Unix seconds. */
  readonly createdAt: number;
};

/** How a stream ended, as far as its own bytes tell. */
export type StreamOutcome = "complete" | "truncated" | "upstream-failed";

/** A reducer over one answer's frames. Never throws on anything a provider may send. */
export interface Decoder {
  /** The events of one frame, or undefined when the frame is unreadable (not JSON); unknown types are readable and yield nothing. */
  step(payload: FramePayload): readonly CanonicalEvent[] | undefined;
  /** The connection has ended: what was held back, and the verdict. The events always finish with `end` or `error`, unless `step` gave it already. */
  end(): { readonly events: readonly CanonicalEvent[]; readonly outcome: StreamOutcome };
  /** True once the dialect's terminal has been seen (DESIGN: "When is a stream complete?"). */
  isTerminal(): boolean;
}

/** A provider's HTTP answer that is not a success. */
export type ErrorAnswer = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string | undefined };
  readonly body: Uint8Array;
};

/** The target of a translation, as far as its writer has to know it. */
export type WriteOptions = {
  /** The provider's id: opaque values go back to their issuer only. */
  readonly issuer: string;
  /** The provider's kind (`openai`, `openrouter`, `vertex`…), for what a vendor does differently in the same format. */
  readonly kind: string;
  /** The model as it is sent; what a generation of models takes is looked up by it in the dialect's own `models.ts`. */
  readonly model: string;
  readonly traits: Traits;
};

export type WrittenRequest = {
  /** Headers that the body needs (`anthropic-version`, beta names). */
  readonly headers: { readonly [name: string]: string };
  readonly body: JsonObject;
  /** Everything that was dropped, lowered, emulated or repaired. */
  readonly losses: readonly Loss[];
  /** What has to be undone in the answer. */
  readonly restore?: Restore;
};

/** The half of a dialect that faces providers. */
export interface UpstreamDialect {
  readonly id: DialectId;
  /** Absent until the dialect can be translated to. Pure: the same request gives the same bytes. */
  readonly writeRequest?: (request: CanonicalRequest, options: WriteOptions) => Result<WrittenRequest, Failure>;
  /** A successful plain answer. Fails when the body is an error in disguise, or is not an answer at all. */
  readResponse(body: Json, options: DecoderOptions): Result<CanonicalResponse, Failure>;
  /**
   * The same as observing `readResponse`, which a test holds it to, at a fraction of the cost: for the plain answers that
   * pass untouched. Undefined for whatever is not quite ordinary; then the answer is read in full.
   */
  readonly summarise?: (body: Json) => AnswerSummary | undefined;
  decoder(options: DecoderOptions): Decoder;
  readError(answer: ErrorAnswer): Failure;
}

export type Dialect = {
  readonly id: ClientDialectId;
  readonly client: ClientDialect;
  readonly upstream: UpstreamDialect;
};
