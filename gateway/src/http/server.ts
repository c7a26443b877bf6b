import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { failure, type Failure } from "../canonical/failure.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import type { Headers, InboundRequest, Reply } from "../relay/ports.ts";
import { corsHeaders, preflightHeaders, type CorsOptions } from "./cors.ts";
import { closeLingering, type Edge } from "./edge.ts";
import { edgeError, edgeErrorMessage } from "./edge-error.ts";
import { EdgeMessage, NodeInbound, readHeaders } from "./inbound.ts";
import { NodeReply } from "./reply.ts";
import { StallWatch } from "./stall-watch.ts";

export type Handler = (request: InboundRequest, reply: Reply) => void;

export type HttpServerOptions = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly cors: CorsOptions;
  /** Methods of a path, for `OPTIONS`. Empty: no such path, and the handler says so. */
  allowedMethods(target: string): readonly string[];
  /** A bug: something was thrown that nobody expected. */
  onBug(error: unknown): void;
  /** The system refused a connection (too many open files); the server goes on. */
  onAcceptError?(error: Error): void;
  readonly timeouts?: Partial<HttpTimeouts>;
};

export type HttpTimeouts = {
  /** From the connection, or the end of the last answer's request, to the end of the headers. */
  readonly headersMs: number;
  /** Of a whole request. Generous, for uploads; a body that stalls is caught by `bodyStallMs`. */
  readonly requestMs: number;
  /** A body that brings less than 4 KiB in this time. */
  readonly bodyStallMs: number;
  /** Of an idle connection. Longer than the 60 s of common load balancers, so that they close first and never meet a race. */
  readonly keepAliveMs: number;
  /** How often the two former are looked at. */
  readonly checkMs: number;
  /** How long a refused client may go on sending before it is cut. */
  readonly lingerMs: number;
};

const TIMEOUTS: HttpTimeouts = {
  headersMs: 10_000,
  requestMs: 3_600_000,
  bodyStallMs: 60_000,
  keepAliveMs: 65_000,
  checkMs: 2_000,
  lingerMs: 1_000,
};

export const HEADER_BYTES_MAX = 16_384;
export const HEADERS_MAX = 100;

/** Clients whose machine has vanished are noticed by the system. */
const TCP_KEEP_ALIVE_MS = 30_000;

/** While draining, how often connections that have become idle are closed. */
const DRAIN_CHECK_MS = 50;

export type ListenOptions = { readonly host: string; readonly port: number; readonly reusePort?: boolean };
export type ListenAddress = { readonly host: string; readonly port: number };

export interface HttpServer {
  /** Rejects with the system's error (`EADDRINUSE`). */
  listen(options: ListenOptions): Promise<ListenAddress>;
  address(): ListenAddress | undefined;
  /** Connections now open. */
  connections(): number;
  /**
   * Accepts nothing more, closes idle connections, lets running answers end and cuts what is left after `graceMs`. A
   * second call cuts at once. Resolves when every connection is closed.
   */
  drain(graceMs: number): Promise<void>;
}

/** The HTTP/1.1 edge: takes connections and hands each request with its reply to `handler`, one at a time per connection. */
export function createHttpServer(options: HttpServerOptions, handler: Handler): HttpServer {
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const edge: ServerEdge = {
    clock: options.clock,
    ids: options.ids,
    stalls: new StallWatch(options.clock, timeouts.bodyStallMs),
    lingerMs: timeouts.lingerMs,
    draining: false,
    options,
    handler,
    sockets: new Set(),
  };
  const server = openServer(edge, timeouts);
  return {
    listen: (where) => listen(server, where),
    address: () => addressOf(server),
    connections: () => edge.sockets.size,
    drain: (graceMs) => drain(server, edge, graceMs),
  };
}

type ServerEdge = Edge & {
  readonly options: HttpServerOptions;
  readonly handler: Handler;
  readonly sockets: Set<EdgeSocket>;
  drained?: Promise<void>;
};

const latest = Symbol("latest exchange");

/** A connection, with the last request that came over it. */
type EdgeSocket = Socket & { [latest]?: { readonly inbound: NodeInbound; readonly reply: NodeReply } };

function openServer(edge: ServerEdge, timeouts: HttpTimeouts): Server {
  const server: Server = createServer({
    IncomingMessage: EdgeMessage,
    headersTimeout: timeouts.headersMs,
    requestTimeout: timeouts.requestMs,
    keepAliveTimeout: timeouts.keepAliveMs,
    connectionsCheckingInterval: timeouts.checkMs,
    maxHeaderSize: HEADER_BYTES_MAX,
    insecureHTTPParser: false,
    // Repeated headers are seen, not dropped: two credentials must not look like one.
    joinDuplicateHeaders: true,
    // Missing and malformed alike are refused here, in our words.
    requireHostHeader: false,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: TCP_KEEP_ALIVE_MS,
    // Java's client offers h2c with every first request and is happy to be ignored; who insists on another protocol is refused.
    shouldUpgradeCallback: (request) => !/^h2c$/i.test(request.headers.upgrade ?? ""),
  });
  // Node would hide the headers above its limit and yet frame by them; everything is read, and counted by us.
  server.maxHeadersCount = 0;
  // A client that has finished sending may still want its answer: see NodeReply.halfClosed.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("connection", (socket: EdgeSocket) => openConnection(edge, socket));
  server.on("request", (request, response) => receive(edge, request, response));
  server.on("checkContinue", (request, response) => receive(edge, request, response));
  server.on("checkExpectation", (request, response) => receive(edge, request, response));
  server.on("upgrade", (request, socket) => refuseUpgrade(edge, request, socket));
  server.on("connect", (_request, socket) => refuse(edge, socket, methodRefused("CONNECT")));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (socket instanceof Socket) connectionError(edge, error, socket);
    else socket.destroy();
  });
  server.on("error", (error) => edge.options.onAcceptError?.(error));
  return server;
}

function openConnection(edge: ServerEdge, socket: EdgeSocket): void {
  edge.sockets.add(socket);
  socket.on("close", () => edge.sockets.delete(socket));
  socket.on("end", () => socket[latest]?.reply.halfClosed());
}

function receive(edge: ServerEdge, request: IncomingMessage, response: ServerResponse): void {
  const socket: EdgeSocket = request.socket;
  const previous = socket[latest]?.reply;
  if (previous !== undefined && (previous.closing || !previous.finished)) {
    // No client of ours pipelines; bytes behind a request that is not answered yet are an attempt to smuggle one.
    previous.closeAfter();
    return;
  }
  const headers = readHeaders(request);
  const more = corsHeaders(edge.options.cors, headers["origin"]);
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

function hand(edge: ServerEdge, inbound: NodeInbound, reply: NodeReply): void {
  try {
    edge.handler(inbound, reply);
  } catch (error) {
    edge.options.onBug(error);
    if (reply.started) reply.destroy();
    else sendError(edge, reply, failure("internal", "The gateway made a mistake. Its log says more."));
  }
}

function answeredOptions(edge: ServerEdge, inbound: NodeInbound, reply: NodeReply): boolean {
  const methods = edge.options.allowedMethods(inbound.target);
  if (methods.length === 0) return false;
  const preflight = edge.options.cors.origins.length > 0 ? preflightHeaders(inbound.headers, methods) : undefined;
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

function methodRefused(method: string): Failure {
  return failure("method_not_allowed", `${method} is not served here.`, {
    allow: ["GET", "POST", "DELETE", "HEAD", "OPTIONS"],
  });
}

function sendError(edge: ServerEdge, reply: NodeReply, reason: Failure): void {
  const { status, headers, body } = edgeError(reason, edge.ids.requestId());
  reply.send(status, headers, body);
}

/** Any base path that clients are served under, also with `/v1` twice or not at all. */
const RESPONSES_PATH = /^(?:\/api)?(?:\/v1)*\/responses\/?(?:\?|$)/;

function refuseUpgrade(edge: ServerEdge, request: IncomingMessage, socket: Duplex): void {
  // Codex asks for a WebSocket first and falls back to plain HTTP at once on exactly this status.
  const reason = RESPONSES_PATH.test(request.url ?? "")
    ? failure("websocket_unsupported", "WebSocket is not supported here. Use POST with a streamed answer.")
    : failure("invalid_http", "The connection cannot be upgraded to another protocol here.");
  refuse(edge, socket, reason);
}

/** Refuses what node has no response for, and closes. */
function refuse(edge: ServerEdge, socket: Duplex, reason: Failure): void {
  socket.on("error", () => socket.destroy());
  socket.end(edgeErrorMessage(edgeError(reason, edge.ids.requestId())));
  // Whatever follows is read and dropped, never parsed.
  socket.resume();
  edge.clock.setTimer(() => socket.destroy(), edge.lingerMs);
}

const requestTooSlow = () =>
  failure("body_timeout", "The request came too slowly. Send its headers and body without pauses.");

function connectionError(edge: ServerEdge, error: NodeJS.ErrnoException, socket: EdgeSocket): void {
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

function listen(server: Server, where: ListenOptions): Promise<ListenAddress> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ ...where, exclusive: false }, () => {
      server.removeListener("error", reject);
      resolve(addressOf(server) ?? where);
    });
  });
}

function addressOf(server: Server): ListenAddress | undefined {
  const address = server.address();
  if (address === null || typeof address === "string") return undefined;
  return { host: address.address, port: address.port };
}

function drain(server: Server, edge: ServerEdge, graceMs: number): Promise<void> {
  if (edge.drained !== undefined) {
    cutAll(edge);
    return edge.drained;
  }
  edge.draining = true;
  edge.drained = closed(server, edge);
  const sweep = edge.clock.setTimer(() => {
    closeIdle(server, edge);
    if (edge.sockets.size > 0) sweep.refresh();
  }, DRAIN_CHECK_MS);
  closeIdle(server, edge);
  edge.clock.setTimer(() => cutAll(edge), graceMs);
  return edge.drained;
}

async function closed(server: Server, edge: ServerEdge): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
  // The server is done when it has let go of its sockets, which say so themselves a moment later.
  await Promise.all([...edge.sockets].map((socket) => once(socket, "close")));
}

/** Idle to node is a connection between two requests; one that has never sent a byte is no less idle. */
function closeIdle(server: Server, edge: ServerEdge): void {
  server.closeIdleConnections();
  for (const socket of edge.sockets) if (socket.bytesRead === 0) socket.destroy();
}

function cutAll(edge: ServerEdge): void {
  for (const socket of edge.sockets) socket.destroy();
}
