import { headerName } from "../framing/header-name.ts";
import type { UpstreamCall } from "../relay/ports.ts";

/** How the body of a request is delimited: not at all, by its length, in chunks. */
export type RequestFraming = "none" | number | "chunked";

/** Framing and the connection are the transport's affair, whatever a configuration says. */
const OWN_HEADERS: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

const REQUEST_LINE = /^[A-Z]+ \/[\x21-\x7e]* $/;
/** Whatever could end a line, also once characters have become bytes. */
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The head of a request (RFC 9112 §3), one byte a character. Undefined where something in it would be read as more than it is: a
 * blank in the path, a line end in a header.
 */
export function requestHead(
  call: Pick<UpstreamCall, "method" | "path" | "headers">,
  host: string,
  framing: RequestFraming,
): string | undefined {
  const line = `${call.method} ${call.path} `;
  if (!REQUEST_LINE.test(line)) return undefined;
  const { headers } = call;
  let head = `${line}HTTP/1.1\r\nhost: ${headers["host"] ?? host}\r\nconnection: keep-alive\r\n`;
  if (NOT_IN_VALUES.test(headers["host"] ?? "")) return undefined;
  for (const name in headers) {
    const compared = headerName(name);
    if (compared !== undefined && OWN_HEADERS.has(compared)) continue;
    const value = headers[name] ?? "";
    if (compared === undefined || NOT_IN_VALUES.test(value)) return undefined;
    head += `${name}: ${value}\r\n`;
  }
  if (framing === "none") return `${head}\r\n`;
  return framing === "chunked"
    ? `${head}transfer-encoding: chunked\r\n\r\n`
    : `${head}content-length: ${framing}\r\n\r\n`;
}
