import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { failure, type Failure } from "../canonical/failure.ts";
import { closeLingering, HEADER_BYTES_MAX, type Edge } from "./edge.ts";
import { edgeError, edgeErrorMessage } from "./edge-error.ts";
import { latest, type EdgeSocket } from "./edge-socket.ts";

/** For the methods that no path has. */
export function methodRefused(method: string): Failure {
  return failure("method_not_allowed", `${method} is not served here.`, {
    allow: ["GET", "POST", "DELETE", "HEAD", "OPTIONS"],
  });
}

/** Any base path that clients are served under, also with `/v1` twice or not at all. */
const RESPONSES_PATH = /^(?:\/api)?(?:\/v1)*\/responses\/?(?:\?|$)/;

export function refuseUpgrade(edge: Edge, request: IncomingMessage, socket: Duplex): void {
  // Codex asks for a WebSocket first and falls back to plain HTTP at once on exactly this status.
  const reason = RESPONSES_PATH.test(request.url ?? "")
    ? failure("websocket_unsupported", "WebSocket is not supported here. Use POST with a streamed answer.")
    : failure("invalid_http", "The connection cannot be upgraded to another protocol here.");
  refuse(edge, socket, reason);
}

/** Refuses what node has no response for, and closes. */
export function refuse(edge: Edge, socket: Duplex, reason: Failure): void {
  socket.on("error", () => socket.destroy());
  socket.end(edgeErrorMessage(edgeError(reason, edge.ids.requestId())));
  // Whatever follows is read and dropped, never parsed.
  socket.resume();
  edge.clock.setTimer(() => socket.destroy(), edge.lingerMs);
}

const requestTooSlow = () =>
  failure("body_timeout", "The request came too slowly. Send its headers and body without pauses.");

/** What node reports of a connection outside of any handler: bytes that do not parse, time that is up, a dead peer. */
export function connectionError(edge: Edge, error: NodeJS.ErrnoException, socket: EdgeSocket): void {
  const code = error.code ?? "";
  const isParsers = code.startsWith("HPE_");
  // The rest are the system's: the connection is dead.
  if (!isParsers && code !== "ERR_HTTP_REQUEST_TIMEOUT") {
    socket.destroy();
    return;
  }
  // A refused client that goes on sending; its time is running already.
  if (socket.writableEnded) return;
  const running = socket[latest];
  if (running === undefined || running.reply.finished) {
    socket.write(edgeErrorMessage(edgeError(parserFailure(code), edge.ids.requestId())));
    closeLingering(socket, edge);
  } else if (running.inbound.isComplete || running.reply.started) {
    // What does not parse comes after the request that is being answered.
    socket.destroy();
  } else running.inbound.breakOff(parserFailure(code));
}

function parserFailure(code: string): Failure {
  if (code === "ERR_HTTP_REQUEST_TIMEOUT") return requestTooSlow();
  if (code === "HPE_HEADER_OVERFLOW") {
    return failure("headers_too_large", `The request's headers are larger than ${HEADER_BYTES_MAX} bytes. Send less.`);
  }
  if (code === "HPE_INVALID_EOF_STATE") {
    return failure("body_incomplete", "The connection ended before the whole request had come.");
  }
  return failure("invalid_http", `The request is not valid HTTP/1.1 (${code}).`);
}
