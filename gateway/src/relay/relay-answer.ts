import type { Answer } from "./attempt.ts";
import { answerRefusal, identityHeaders } from "./compatibility.ts";
import { elapsedMs, settle, type Exchange } from "./exchange-state.ts";
import { passedDownHeaders } from "./headers.ts";
import type { Headers } from "./ports.ts";
import { refuse } from "./refuse.ts";
import { translationReport } from "./translation-report.ts";

/**
 * Sends a provider's answer to the client and settles when it is over: at once, or when the promise resolves. The only way out
 * besides `refuse`.
 */
export function relayAnswer(exchange: Exchange, answer: Answer): Promise<void> | undefined {
  const { reply, dialect } = exchange;
  const refusal = answerRefusal(exchange, answer.headers);
  if (refusal !== undefined && dialect !== undefined) {
    refuse(exchange, dialect, refusal);
    return undefined;
  }
  const headers = answerHeaders(exchange, answer);
  const firstByteMs = elapsedMs(exchange);
  if (answer.kind === "stream") return relayStream(exchange, answer, headers, firstByteMs);
  reply.send(answer.status, headers, answer.body);
  settle(exchange, {
    status: answer.status,
    end: exchange.abortedBy === undefined ? "complete" : "cancelled",
    failure: exchange.abortedBy,
    bytes: Buffer.byteLength(answer.body),
    firstByteMs,
    unreadableFrames: 0,
  });
  return undefined;
}

async function relayStream(
  exchange: Exchange,
  answer: Extract<Answer, { readonly kind: "stream" }>,
  headers: Headers,
  firstByteMs: number,
): Promise<void> {
  const result = await answer.stream.relay(exchange.reply, answer.status, headers);
  const attempt = exchange.attempts.at(-1);
  if (attempt !== undefined) Object.assign(attempt, { endedMs: elapsedMs(exchange) });
  settle(exchange, { ...result, status: answer.status, firstByteMs });
}

function answerHeaders(exchange: Exchange, answer: Answer): Headers {
  const headers: Record<string, string> = passedDownHeaders(answer.headers, answer.credential);
  Object.assign(headers, identityHeaders(exchange));
  if (exchange.dialect?.id === "anthropic-messages") headers["request-id"] = exchange.requestId;
  if (exchange.provider !== undefined) headers["x-dragoman-provider"] = exchange.provider;
  const attempt = exchange.attempts.at(-1);
  if (attempt?.dialect !== undefined && exchange.dialect !== undefined && attempt.carry.request === "translate") {
    headers["x-dragoman-translation"] = translationReport(
      exchange.dialect.id,
      attempt.dialect,
      exchange.observation.losses,
    );
  }
  if (answer.kind === "plain") {
    headers["content-type"] = answer.contentType;
    return headers;
  }
  headers["content-type"] = answer.contentType ?? streamType(exchange);
  // Proxies in front of the gateway must neither store nor batch a stream.
  headers["cache-control"] = "no-cache, no-transform";
  headers["x-accel-buffering"] = "no";
  return headers;
}

function streamType(exchange: Exchange): string {
  return exchange.client?.framing === "json-array"
    ? "application/json; charset=utf-8"
    : "text/event-stream; charset=utf-8";
}
