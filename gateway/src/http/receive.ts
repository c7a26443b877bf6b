import type { IncomingMessage, ServerResponse } from "node:http";
import { failure, type Failure } from "../canonical/failure.ts";
import type { Headers } from "../relay/ports.ts";
import { corsHeaders, preflightHeaders } from "./cors.ts";
import { HEADERS_MAX, type Edge } from "./edge.ts";
import { edgeError } from "./edge-error.ts";
import { latest, type EdgeSocket } from "./edge-socket.ts";
import { NodeInbound, readHeaders } from "./inbound.ts";
import { methodRefused } from "./refuse.ts";
import { NodeReply } from "./reply.ts";

/** Takes a request off its connection and hands it on, unless its head alone refuses it. */
export function receive(edge: Edge, request: IncomingMessage, response: ServerResponse): void {
  const socket: EdgeSocket = request.socket;
  const previous = socket[latest]?.reply;
  if (previous !== undefined && (previous.closing || !previous.finished)) {
    // No client of ours pipelines; bytes behind a request that is not answered yet are an attempt to smuggle one.
    previous.closeAfter();
    return;
  }
  const headers = readHeaders(request);
  const more = corsHeaders(edge.cors, headers["origin"]);
  const reply = new NodeReply(response, edge, headers, more);
  const inbound = new NodeInbound(request, headers, reply, edge);
  socket[latest] = { inbound, reply };
  const refusal = refuseHead(request, headers);
  if (refusal !== undefined) {
    reply.closeAfter();
    sendError(edge, reply, refusal);
  } else if (request.method === "OPTIONS" && answeredOptions(edge, inbound, reply)) {
    return;
  } else hand(edge, inbound, reply);
}

function hand(edge: Edge, inbound: NodeInbound, reply: NodeReply): void {
  try {
    edge.handler(inbound, reply);
  } catch (error) {
    edge.onBug(error);
    if (reply.started) reply.destroy();
    else sendError(edge, reply, failure("internal", "The gateway made a mistake. Its log says more."));
  }
}

function answeredOptions(edge: Edge, inbound: NodeInbound, reply: NodeReply): boolean {
  const methods = edge.allowedMethods(inbound.target);
  if (methods.length === 0) return false;
  const preflight = edge.cors.origins.length > 0 ? preflightHeaders(inbound.headers, methods) : undefined;
  reply.send(204, { allow: methods.join(", "), ...preflight }, "");
  return true;
}

/** A host name or address, and a port: what RFC 3986 §3.2 allows in an authority, without user names. */
const HOST = /^(?:\[[0-9A-Za-z:.%_-]+\]|[0-9A-Za-z._~%-]+)(?::[0-9]{1,5})?$/;

function refuseHead(request: IncomingMessage, headers: Headers): Failure | undefined {
  if (request.rawHeaders.length > HEADERS_MAX * 2) {
    return failure("headers_too_large", `The request has more than ${HEADERS_MAX} headers. Send fewer.`);
  }
  const host = headers["host"];
  if (host === undefined ? request.httpVersion === "1.1" : !HOST.test(host)) {
    return failure(
      "invalid_http",
      "The Host header is missing, repeated or malformed. Send exactly one, as host or host:port.",
    );
  }
  if (request.method === "TRACE") return methodRefused("TRACE");
  const { expect } = headers;
  if (expect !== undefined && expect.toLowerCase() !== "100-continue") {
    return failure("invalid_http", "The only expectation that can be met is 100-continue.", { status: 417 });
  }
  return undefined;
}

function sendError(edge: Edge, reply: NodeReply, reason: Failure): void {
  const { status, headers, body } = edgeError(reason, edge.ids.requestId());
  reply.send(status, headers, body);
}
