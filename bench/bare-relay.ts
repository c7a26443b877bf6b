/**
 * The yardstick: `node:http` in, `undici` out, and nothing else. What a gateway costs beyond this is what its features cost.
 *
 *   node bare-relay.ts http://127.0.0.1:UPSTREAM
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Pool, type Dispatcher } from "undici";

const CONNECTIONS_MAX = 4096;
/** Handing over a small body in one piece costs less than a stream of it, and the yardstick is to be the cheapest. */
const COLLECTED_BYTES_MAX = 65_536;
/** They belong to one hop of the way, or are made anew for the next. */
const hopHeaders = new Set(["connection", "host", "keep-alive", "transfer-encoding"]);

const pool = new Pool(process.argv[2] ?? "", {
  connections: CONNECTIONS_MAX,
  pipelining: 1,
  bodyTimeout: 0,
  headersTimeout: 0,
});

const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
  const length = Number(request.headers["content-length"] ?? 0);
  if (request.headers["transfer-encoding"] !== undefined || length > COLLECTED_BYTES_MAX)
    relay(request, response, request);
  else if (length === 0) relay(request, response, null);
  else collect(request, (body) => relay(request, response, body));
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));

function collect(request: IncomingMessage, then: (body: Buffer) => void): void {
  const pieces: Buffer[] = [];
  request.on("data", (bytes: Buffer) => pieces.push(bytes));
  request.on("end", () => then(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces)));
}

function relay(request: IncomingMessage, response: ServerResponse, body: IncomingMessage | Buffer | null): void {
  const method = (request.method ?? "GET") as Dispatcher.HttpMethod;
  const headers = onwardHeaders(request.rawHeaders);
  pool.dispatch({ method, path: request.url ?? "/", headers, body }, pump(response));
}

function onwardHeaders(raw: readonly string[]): string[] {
  const onward: string[] = [];
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index] ?? "";
    if (!hopHeaders.has(name.toLowerCase())) onward.push(name, raw[index + 1] ?? "");
  }
  return onward;
}

function pump(response: ServerResponse): Dispatcher.DispatchHandler {
  return {
    onRequestStart(controller) {
      response.on("drain", () => controller.resume());
      response.on("close", () => {
        if (!response.writableFinished) controller.abort(new Error("client left"));
      });
    },
    onResponseStart(_controller, status, headers) {
      for (const name of hopHeaders) delete headers[name];
      response.writeHead(status, headers);
    },
    onResponseData(controller, bytes) {
      if (!response.write(bytes)) controller.pause();
    },
    onResponseEnd() {
      response.end();
    },
    onResponseError() {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end();
    },
  };
}
