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
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  EPROTO: "tls",
} as const satisfies Record<string, Kind>;

/** undici's own words for answers that nobody asked for; the code alone would read as a reset. */
const PROTOCOL_MESSAGES = new Set(["bad response", "bad upgrade"]);

/** How far a call had come when it failed. */
export type CallProgress = {
  /** The request had been handed to a connection. */
  readonly sent: boolean;
  /** The answer's headers had been read. */
  readonly answered: boolean;
  /** The connection is made with TLS. */
  readonly secure: boolean;
};

/** Sorts an error of undici or the system. Only codes cross: messages can hold addresses and the other side's words. */
export function transportError(error: Error, progress: CallProgress): TransportError {
  const code: unknown = "code" in error ? error.code : undefined;
  const detail = typeof code === "string" ? code : error.name;
  return { kind: kindOf(detail, error.message, progress), sent: progress.sent, detail };
}

function kindOf(code: string, message: string, { sent, answered, secure }: CallProgress): Kind {
  switch (code) {
    case "UND_ERR_SOCKET":
      return PROTOCOL_MESSAGES.has(message) ? "protocol" : "reset";
    // undici's parser has no codes; only the connection's end in the middle of a body is no fault in what came.
    case "HTTPParserError":
      return message.includes("Invalid EOF state") ? "reset" : "protocol";
    // Said of every fault in an answer with a length. Once its headers have passed, that can only be a body cut short.
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return answered ? "reset" : "protocol";
    // The kernel's own limit: before the connection stands it is a connect timeout, afterwards a dead peer.
    case "ETIMEDOUT":
      return sent ? "reset" : "connect-timeout";
    default:
      if (isListed(code)) return kinds[code];
  }
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return "tls";
  // Certificate verdicts have some forty codes of their own (CERT_HAS_EXPIRED, …), and nothing else is left at this point.
  return secure && !sent && !code.startsWith("UND_ERR_") ? "tls" : "other";
}

function isListed(code: string): code is keyof typeof kinds {
  return Object.hasOwn(kinds, code);
}
