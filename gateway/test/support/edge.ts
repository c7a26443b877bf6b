import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { systemClock, type Clock } from "../../src/lib/clock.ts";
import { systemIds } from "../../src/lib/ids.ts";
import { createHttpServer, type Handler, type HttpServer, type HttpServerOptions } from "../../src/http/server.ts";

export type Edge = {
  readonly server: HttpServer;
  readonly port: number;
  readonly origin: string;
  readonly bugs: unknown[];
  /** Opens a connection that is cut when the edge closes. */
  connect(): Promise<RawClient>;
  close(): Promise<void>;
};

export type EdgeOptions = Partial<Omit<HttpServerOptions, "onBug" | "clock">> & { readonly clock?: Clock };

/** The HTTP edge on a loopback port, with a real clock unless told. */
export async function startEdge(handler: Handler, options: EdgeOptions = {}): Promise<Edge> {
  const bugs: unknown[] = [];
  const server = createHttpServer(
    {
      clock: systemClock,
      ids: systemIds(),
      cors: { origins: [] },
      allowedMethods: () => [],
      ...options,
      onBug: (error) => bugs.push(error),
    },
    handler,
  );
  const { port } = await server.listen({ host: "127.0.0.1", port: 0 });
  return {
    server,
    port,
    origin: `http://127.0.0.1:${port}`,
    bugs,
    connect: () => openClient(port),
    close: () => server.drain(0),
  };
}

/** A client that sends what bytes it likes and keeps every byte that comes back. */
export type RawClient = {
  readonly socket: Socket;
  send(text: string | Uint8Array): void;
  /** Everything received so far, as Latin-1. */
  received(): string;
  /** Resolves with everything received once it matches; rejects when the connection ends before. */
  until(pattern: RegExp): Promise<string>;
  /** Resolves with everything received when the server has closed or reset the connection. */
  closed: Promise<string>;
};

export async function openClient(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const chunks: Buffer[] = [];
  const received = () => Buffer.concat(chunks).toString("latin1");
  const watchers = new Set<() => void>();
  const notify = () => {
    for (const watcher of watchers) watcher();
  };
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    notify();
  });
  socket.on("error", () => {});
  const closed = new Promise<string>((resolve) => {
    const over = () => {
      resolve(received());
      notify();
    };
    socket.on("end", over);
    socket.on("close", over);
  });
  await once(socket, "connect");
  return {
    socket,
    send: (text) => void socket.write(text),
    received,
    closed,
    until(pattern) {
      return new Promise((resolve, reject) => {
        const watcher = () => {
          if (pattern.test(received())) resolve(received());
          else if (socket.readableEnded || socket.destroyed) reject(new Error(`closed after ${received()}`));
          else return;
          watchers.delete(watcher);
        };
        watchers.add(watcher);
        watcher();
      });
    },
  };
}

/** A POST with a content-length, ready for the wire. */
export function post(target: string, body: string, headers: readonly string[] = []): string {
  const lines = [
    `POST ${target} HTTP/1.1`,
    "host: gateway.test",
    `content-length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `${lines.join("\r\n")}\r\n\r\n${body}`;
}

export function get(target: string, headers: readonly string[] = []): string {
  return `${[`GET ${target} HTTP/1.1`, "host: gateway.test", ...headers].join("\r\n")}\r\n\r\n`;
}

/** The status of the only answer in what was received. */
export function statusOf(received: string): number {
  return Number(/^HTTP\/1\.1 (\d{3}) /.exec(received)?.[1] ?? 0);
}

/** Waits for something that another process or the event loop brings about, and fails when it does not come. */
export async function eventually(what: string, condition: () => boolean, withinMs = 3_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`${what}: did not happen within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
