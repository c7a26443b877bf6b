import type { TransportError } from "./ports.ts";

type Kind = TransportError["kind"];

/** Codes of the system, of node and of undici that say more than where in the call they happened. */
const kinds = {
  ECONNREFUSED: "refused",
  EHOSTUNREACH: "refused",
  ENETUNREACH: "refused",
  EHOSTDOWN: "refused",
  EADDRNOTAVAIL: "refused",
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ESERVFAIL: "dns",
  UND_ERR_CONNECT_TIMEOUT: "connect-timeout",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  UND_ERR_SOCKET: "reset",
  // A body shorter than announced: the connection ended early.
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "reset",
  HPE_INVALID_EOF_STATE: "reset",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  EPROTO: "tls",
} as const satisfies Record<string, Kind>;

/** undici's own words for bytes that nobody asked for; the code alone would read as a reset. */
const PROTOCOL_MESSAGES = new Set(["bad response", "bad upgrade"]);

/**
 * Sorts an error of undici or the system. `sent`: the request had been handed to a connection. Only codes cross: messages
 * can hold addresses and, from TLS, the other side's words.
 */
export function transportError(error: Error, sent: boolean, secure: boolean): TransportError {
  const code = codeOf(error);
  return { kind: kindOf(code, error.message, sent, secure), sent, detail: code };
}

function codeOf(error: Error): string {
  const code: unknown = "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : error.name;
}

function kindOf(code: string, message: string, sent: boolean, secure: boolean): Kind {
  if (code === "UND_ERR_SOCKET" && PROTOCOL_MESSAGES.has(message)) return "protocol";
  // The kernel's own limit: before the connection stands it is a connect timeout, afterwards a dead peer.
  if (code === "ETIMEDOUT") return sent ? "reset" : "connect-timeout";
  if (isListed(code)) return kinds[code];
  if (code.startsWith("HPE_")) return "protocol";
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return "tls";
  // Certificate verdicts have some forty codes of their own (CERT_HAS_EXPIRED, …), and nothing else is left at this point.
  return secure && !sent && !code.startsWith("UND_ERR_") ? "tls" : "other";
}

function isListed(code: string): code is keyof typeof kinds {
  return Object.hasOwn(kinds, code);
}
