import { failure, failureStatus, type Failure } from "../canonical/failure.ts";
import type { ClientDialect, ErrorContext } from "../dialects/dialect.ts";
import { asString, isObject, parseJson } from "../lib/json.ts";
import { isWorthRetrying } from "../routing/disposition.ts";
import { errorHeaders, identityHeaders, toldFailure } from "./compatibility.ts";
import { settle, type Exchange } from "./exchange-state.ts";

/** Answers with an error in the caller's own format, and settles. The only way out besides `relayAnswer`. */
export function refuse(exchange: Exchange, dialect: ClientDialect, reason: Failure): void {
  const { reply, attempts } = exchange;
  if (reason.class === "cancelled" || exchange.abortedBy?.class === "cancelled") {
    reply.destroy();
    const status = 499;
    settle(exchange, {
      status,
      end: "cancelled",
      failure: reason,
      bytes: 0,
      firstByteMs: undefined,
      unreadableFrames: 0,
    });
    return;
  }
  const context: ErrorContext = {
    agent: exchange.config.errors.dialect === "auto" ? exchange.agent : "other",
    requestId: exchange.requestId,
    framing: exchange.client?.framing ?? "sse",
    wallMs: exchange.deps.clock.wall(),
  };
  const told = toldFailure(exchange, reason);
  const written = dialect.writeError(told, context);
  const kept = written.departs === true ? undefined : keptBody(dialect, told);
  const body = kept?.body ?? JSON.stringify(context.framing === "json-array" ? [written.body] : written.body);
  const headers: Record<string, string> = {
    ...(reason.upstream === undefined ? {} : exchange.failureHeaders),
    ...written.headers,
    "content-type": kept?.contentType ?? "application/json; charset=utf-8",
    ...identityHeaders(exchange),
    ...errorHeaders(exchange, reason),
    "x-dragoman-error-code": reason.code,
    "x-should-retry": isWorthRetrying(reason, attempts.length) ? "true" : "false",
  };
  if (exchange.provider !== undefined) headers["x-dragoman-upstream-provider"] = exchange.provider;
  if (reason.upstream?.requestId !== undefined) headers["x-upstream-request-id"] = reason.upstream.requestId;
  if (reason.allow !== undefined) headers["allow"] = reason.allow.join(", ");
  const status = kept === undefined ? written.status : failureStatus(told);
  reply.send(status, headers, body);
  settle(exchange, {
    status,
    end: isOurs(reason, attempts.length) ? "refused" : "upstream-failed",
    failure: reason,
    bytes: Buffer.byteLength(body),
    firstByteMs: undefined,
    unreadableFrames: 0,
  });
}

/** Whether no provider had a part in it: none was asked, or the client's own body ended the call. */
function isOurs(reason: Failure, attempts: number): boolean {
  return reason.upstream === undefined && (attempts === 0 || failureStatus(reason) < 500);
}

/** After a bug: whatever state the reply is in, the client must not take what it has for a whole answer. */
export function crash(exchange: Exchange, dialect: ClientDialect): void {
  const bug = failure(
    "internal",
    "The gateway failed on this request. That is a bug; the request id finds it in the log.",
  );
  if (!exchange.reply.started && !exchange.settled) {
    refuse(exchange, dialect, bug);
    return;
  }
  exchange.handle.abort(bug);
  exchange.reply.destroy();
  if (exchange.settled) return;
  const end = "upstream-failed";
  settle(exchange, { status: 500, end, failure: bug, bytes: 0, firstByteMs: undefined, unreadableFrames: 0 });
}

/** The provider's own words, where it speaks the client's format and said something: recovery in clients matches its wording. */
function keptBody(
  dialect: ClientDialect,
  reason: Failure,
): { readonly body: Uint8Array; readonly contentType: string } | undefined {
  const { upstream, status } = reason;
  if (upstream?.body === undefined || upstream.dialect !== dialect.id || status !== upstream.status) return undefined;
  const json = parseJson(Buffer.from(upstream.body).toString("utf8"));
  const first = Array.isArray(json) ? json[0] : json;
  if (!isObject(first) || !isObject(first["error"])) return undefined;
  if (asString(first["error"]["message"]) === undefined) return undefined;
  return { body: upstream.body, contentType: upstream.contentType ?? "application/json" };
}
