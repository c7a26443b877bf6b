import { BOUNDARY, formBody } from "../support/form.ts";
import { CHAT, MESSAGES, UPLOAD, modelPart, type BadInput } from "./bad-input.ts";

/** What is no HTTP, or less of it than was announced. */
export const badHttp: readonly BadInput[] = [
  {
    name: "both framings",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "two lengths",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello!`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a negative length",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a chunk that is none",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a body cut short",
    raw: `POST ${MESSAGES} HTTP/1.1\r\nhost: a\r\ncontent-length: 500\r\n\r\n{"model"`,
    ends: true,
    status: 400,
    code: "body_incomplete",
    format: "anthropic",
  },
  {
    name: "an upload cut short",
    raw: `POST ${UPLOAD} HTTP/1.1\r\nhost: a\r\ncontent-type: multipart/form-data; boundary=${BOUNDARY}\r\ncontent-length: 5000\r\n\r\n${formBody([modelPart]).toString().slice(0, -10)}`,
    ends: true,
    status: 400,
    code: "body_incomplete",
  },
  { name: "no host", raw: `POST ${CHAT} HTTP/1.1\r\ncontent-length: 0\r\n\r\n`, status: 400, code: "invalid_http" },
  {
    name: "a host that is a path",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a/b\r\ncontent-length: 0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a folded header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: 1\r\n x-evil: 2\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a bare carriage return in a header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: 1\rx-evil: 2\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  {
    name: "a null byte in a header",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nx-a: \0\r\n\r\n`,
    status: 400,
    code: "invalid_http",
  },
  { name: "a method that is none", raw: `P@ST ${CHAT} HTTP/1.1\r\nhost: a\r\n\r\n`, status: 400, code: "invalid_http" },
  {
    name: "101 headers",
    raw: `GET /health HTTP/1.1\r\nhost: a\r\n${"x-a: 1\r\n".repeat(100)}\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "17 KiB of headers",
    raw: `GET /health HTTP/1.1\r\nhost: a\r\nx-a: ${"a".repeat(17_000)}\r\n\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "a path of 17 KiB",
    raw: `GET /${"a".repeat(17_000)} HTTP/1.1\r\nhost: a\r\n\r\n`,
    status: 431,
    code: "headers_too_large",
  },
  {
    name: "an expectation that nobody meets",
    raw: `POST ${CHAT} HTTP/1.1\r\nhost: a\r\nexpect: miracles\r\ncontent-length: 0\r\n\r\n`,
    status: 417,
    code: "invalid_http",
  },
  { name: "TRACE", raw: "TRACE / HTTP/1.1\r\nhost: a\r\n\r\n", status: 405, code: "method_not_allowed" },
  {
    name: "a WebSocket where there is none",
    raw: `GET ${MESSAGES} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`,
    status: 400,
    code: "invalid_http",
    format: "openai",
  },
];
