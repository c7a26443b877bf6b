import { createServer, type Server } from "node:http";
import { Server as NetServer, Socket } from "node:net";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/ids.ts";
import { TurnQueue } from "../lib/turn-queue.ts";
import type { CorsOptions } from "./cors.ts";
import { HEADER_BYTES_MAX, type Edge, type Handler } from "./edge.ts";
import { latest, type EdgeSocket } from "./edge-socket.ts";
import { EdgeMessage } from "./inbound.ts";
import { receive } from "./receive.ts";
import { connectionError, methodRefused, refuse, refuseUpgrade } from "./refuse.ts";
import { StallWatch } from "./stall-watch.ts";
import { WriteGathering } from "./write-gathering.ts";

export type { Handler };

export type HttpServerOptions = {
  readonly clock: Clock;
  readonly ids: Ids;
  readonly cors: CorsOptions;
  /** Methods of a path, for `OPTIONS`. Empty: no such path, and the handler says so. */
  readonly allowedMethods: (target: string) => readonly string[];
  /** A bug: something was thrown that nobody expected. */
  readonly onBug: (error: unknown) => void;
  /** The system refused a connection (too many open files); the server goes on. */
  readonly onAcceptError?: (error: Error) => void;
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
    cors: options.cors,
    handler,
    allowedMethods: options.allowedMethods,
    onBug: options.onBug,
    stalls: new StallWatch(options.clock, timeouts.bodyStallMs),
    turn: new TurnQueue(),
    writes: new WriteGathering(),
    lingerMs: timeouts.lingerMs,
    sockets: new Set(),
    draining: false,
  };
  const server = openServer(edge, options, timeouts);
  let drained: Promise<void> | undefined;
  return {
    listen: (where) => listen(server, where),
    address: () => addressOf(server),
    connections: () => edge.sockets.size,
    drain(graceMs) {
      if (drained === undefined) drained = drain(server, edge, graceMs);
      else cutAll(edge);
      return drained;
    },
  };
}

type ServerEdge = Edge & { readonly sockets: Set<EdgeSocket> };

function openServer(edge: ServerEdge, options: HttpServerOptions, timeouts: HttpTimeouts): Server {
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
  server.on("error", (error) => options.onAcceptError?.(error));
  return server;
}

function openConnection(edge: ServerEdge, socket: EdgeSocket): void {
  edge.sockets.add(socket);
  socket.on("close", () => {
    edge.sockets.delete(socket);
    socket[latest]?.inbound.connectionClosed();
    socket[latest]?.reply.connectionClosed();
  });
  socket.on("end", () => socket[latest]?.reply.halfClosed());
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

async function drain(server: Server, edge: ServerEdge, graceMs: number): Promise<void> {
  edge.draining = true;
  const sweep = edge.clock.setTimer(() => {
    closeIdle(server, edge);
    if (edge.sockets.size > 0) sweep.refresh();
  }, DRAIN_CHECK_MS);
  const grace = edge.clock.setTimer(() => cutAll(edge), graceMs);
  closeIdle(server, edge);
  // Not http's own close, which cuts answers that have ended but not left yet.
  await new Promise((resolve) => NetServer.prototype.close.call(server, resolve));
  grace.clear();
  // The server is done when it has let go of its sockets, which say so themselves a moment later.
  await Promise.all([...edge.sockets].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
}

/**
 * Idle to node is a connection between two requests, also when the end of an answer is still on its way to a slow client;
 * then all wait for that one. A connection that has never sent a byte is no less idle.
 */
function closeIdle(server: Server, edge: ServerEdge): void {
  let leaving = false;
  for (const socket of edge.sockets) {
    if (socket.bytesRead === 0) socket.destroy();
    leaving ||= socket[latest]?.reply.leaving ?? false;
  }
  if (!leaving) server.closeIdleConnections();
}

function cutAll(edge: ServerEdge): void {
  for (const socket of edge.sockets) socket.destroy();
}
