import { createServer } from "node:http";
import { once } from "node:events";

/** A proxy that connects nobody and remembers what was asked of it. */
export type Outside = { readonly origin: string; readonly asked: readonly string[]; close(): Promise<void> };

/** Stands for the world outside this machine: agents ask it for updates, statistics and experiments, and get nothing. */
export async function startOutside(): Promise<Outside> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.writeHead(403).end();
  });
  server.on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    socket.on("error", () => {});
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening on a port");
  return {
    origin: `http://127.0.0.1:${address.port}`,
    asked,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
