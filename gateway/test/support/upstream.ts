import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSocketServer, type Socket } from "node:net";

/** A request as a provider received it. */
export type UpstreamRequest = {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Names and values alternating, in the order and case of the wire. */
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
  readonly text: string;
  readonly socket: Socket;
  /** Resolves when the connection or the answer is over; true when the answer had been finished. */
  readonly closed: Promise<boolean>;
};

export type Upstream = {
  readonly origin: string;
  readonly port: number;
  readonly requests: UpstreamRequest[];
  /** Connections accepted so far, and the ones now open. */
  readonly connections: () => { readonly accepted: number; readonly open: number };
  /** Resolves once `count` requests have arrived whole. */
  received(count: number): Promise<void>;
  /** Cuts every connection and stops. */
  close(): Promise<void>;
};

/** Answers a request. `response` is node's own, so that a script can also cut (`response.destroy()`) or stall. */
export type Answer = (request: UpstreamRequest, response: ServerResponse) => void | Promise<void>;

/** A provider on a loopback port that is told what to answer and remembers what it was asked. */
export async function startUpstream(answer: Answer): Promise<Upstream> {
  const requests: UpstreamRequest[] = [];
  const waiters: { count: number; resolve: () => void }[] = [];
  const server = createServer({ keepAlive: true }, (incoming, response) => {
    void receive(incoming, response).then((request) => {
      requests.push(request);
      for (const waiter of waiters) if (requests.length >= waiter.count) waiter.resolve();
      return answer(request, response);
    }, discard);
  });
  const sockets = trackSockets(server);
  const port = await listenOnLoopback(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    requests,
    connections: sockets.count,
    received(count) {
      if (requests.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiters.push({ count, resolve }));
    },
    close: () => closeServer(server, sockets.destroyAll),
  };
}

export type RawUpstream = Pick<Upstream, "origin" | "port" | "connections" | "close">;

/** A provider that speaks whatever bytes the test writes, for answers that no HTTP library would make. */
export async function startRawUpstream(onConnection: (socket: Socket) => void): Promise<RawUpstream> {
  const server = createSocketServer((socket) => {
    socket.on("error", discard);
    onConnection(socket);
  });
  const sockets = trackSockets(server);
  const port = await listenOnLoopback(server);
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    connections: sockets.count,
    close: () => closeServer(server, sockets.destroyAll),
  };
}

async function receive(incoming: IncomingMessage, response: ServerResponse): Promise<UpstreamRequest> {
  response.on("error", discard);
  const closed = new Promise<boolean>((resolve) => response.on("close", () => resolve(response.writableFinished)));
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return {
    method: incoming.method ?? "",
    target: incoming.url ?? "",
    headers: incoming.headers,
    rawHeaders: incoming.rawHeaders,
    body,
    text: body.toString("utf8"),
    socket: incoming.socket,
    closed,
  };
}

type Listening = ReturnType<typeof createSocketServer> | ReturnType<typeof createServer>;

function trackSockets(server: Listening) {
  const open = new Set<Socket>();
  let accepted = 0;
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  return {
    count: () => ({ accepted, open: open.size }),
    destroyAll: () => {
      for (const socket of open) socket.destroy();
    },
  };
}

async function listenOnLoopback(server: Listening): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return address.port;
}

async function closeServer(server: Listening, destroyAll: () => void): Promise<void> {
  const closed = once(server, "close");
  server.close();
  destroyAll();
  await closed;
}

// A request that breaks off is the business of the test, which sees it on its own side.
function discard(): void {}
