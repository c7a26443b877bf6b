import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Edge, startEdge } from "../support/edge.ts";

/*
 * What a front proxy and a server may read differently. The oracle: `/evil` stands where only one of the two readings sees
 * a request, so it must never reach the handler, and a connection whose framing is in doubt must not be used again.
 */

const targets: string[] = [];
let edge: Edge;

before(async () => {
  edge = await startEdge(
    (request, reply) => {
      targets.push(request.target);
      void request
        .readBody(10_000)
        .then((body) => reply.send(body.ok ? 200 : 400, {}, body.ok ? body.value : body.error.code));
    },
    { timeouts: { lingerMs: 50, bodyStallMs: 200, checkMs: 50, headersMs: 500 } },
  );
});
after(() => edge.close());

const evil = "GET /evil HTTP/1.1\r\nhost: a\r\n\r\n";

const attempts: Record<string, string> = {
  "CL.TE": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
  "TE.CL": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n${evil.length.toString(16)}\r\n${evil}\r\n0\r\n\r\n`,
  "two lengths": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: ${evil.length + 5}\r\n\r\nhello${evil}`,
  "the same length twice": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 5\r\n\r\nhello${evil}`,
  "a list of lengths": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5, 5\r\n\r\nhello${evil}`,
  "a signed length": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: +5\r\n\r\nhello${evil}`,
  "a negative length": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n${evil}`,
  "a hexadecimal length": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 0x5\r\n\r\nhello${evil}`,
  "a length beyond 64 bits": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 18446744073709551621\r\n\r\nhello${evil}`,
  "space before the colon": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length : 5\r\n\r\nhello${evil}`,
  "space before the coding": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding : chunked\r\n\r\n0\r\n\r\n${evil}`,
  "a folded header": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding:\r\n chunked\r\n\r\n0\r\n\r\n${evil}`,
  "a coding that is not chunked last": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${evil}`,
  "chunked twice": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${evil}`,
  "chunked with a vertical tab": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: \u000bchunked\r\n\r\n0\r\n\r\n${evil}`,
  "chunked in another spelling": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n${evil}`,
  "a chunk size with a sign": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n${evil}`,
  "a chunk size in 0x": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n${evil}`,
  "a chunk size beyond 64 bits": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n${evil}`,
  "a chunk longer than its size": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n${evil}`,
  "a bare LF in a chunk line": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\nhello\n0\n\n${evil}`,
  "a bare CR in a header": `POST /first HTTP/1.1\r\nhost: a\r\nx: y\rcontent-length: 5\r\n\r\nhello${evil}`,
  "bare LFs between headers": `POST /first HTTP/1.1\nhost: a\ncontent-length: 5\n\nhello${evil}`,
  "a NUL in a header": `POST /first HTTP/1.1\r\nhost: a\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n${evil}`,
  "an obsolete version with chunks": `POST /first HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n${evil}`,
  "surplus bytes behind a length": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello${evil}`,
  "surplus bytes behind a last chunk": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n${evil}`,
  "surplus bytes behind a GET": `GET /first HTTP/1.1\r\nhost: a\r\n\r\n${evil}`,
  "garbage behind a length": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhello\0\0\0${evil}`,
  "a length of zero with a body": `POST /first HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n${evil}`,
  "a GET with a body that is not announced": `GET /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: identity\r\n\r\n${evil}`,
  "trailers that set a length": `POST /first HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n0\r\ncontent-length: 500\r\n\r\n${evil}`,
  "Connection that names the framing": `POST /first HTTP/1.1\r\nhost: a\r\nconnection: content-length\r\ncontent-length: 0\r\n\r\n${evil}`,
};

for (const [name, bytes] of Object.entries(attempts)) {
  for (const way of ["in one write", "cut in two"]) {
    test(`${name}, ${way}: at most one request is served, and the connection ends`, async () => {
      targets.length = 0;
      const client = await edge.connect();
      if (way === "in one write") client.send(bytes);
      else {
        const cut = bytes.indexOf("GET /evil") - 3;
        client.send(bytes.slice(0, Math.max(1, cut)));
        await new Promise((resolve) => setImmediate(resolve));
        client.send(bytes.slice(Math.max(1, cut)));
      }
      const received = await client.closed;
      assert.ok(!targets.includes("/evil"), `the handler saw ${targets.join(", ")}`);
      assert.ok((received.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0) <= 1, received);
      client.socket.destroy();
    });
  }
}
