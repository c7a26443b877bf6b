import type { ResponseProblem } from "../framing/http-response.ts";
import type { TransportError } from "../relay/ports.ts";

type Kind = TransportError["kind"];

/** Codes of the system and of node that say more than where in the call they happened. */
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
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  EPROTO: "tls",
} as const satisfies Record<string, Kind>;

/** Where a connection stood when it failed. */
export type ConnectionProgress = {
  /** The request had been handed to it. */
  readonly sent: boolean;
  /** It is made with TLS. */
  readonly secure: boolean;
};

/** Sorts an error of the system. Only codes cross: messages can hold addresses and the other side's words. */
export function systemError(error: Error, { sent, secure }: ConnectionProgress): TransportError {
  const code: unknown = "code" in error ? error.code : undefined;
  const detail = typeof code === "string" ? code : error.name;
  return { kind: kindOf(detail, sent, secure), sent, detail };
}

function kindOf(code: string, sent: boolean, secure: boolean): Kind {
  // The kernel's own limit: before the connection stands it is a connect timeout, afterwards a dead peer.
  if (code === "ETIMEDOUT") return sent ? "reset" : "connect-timeout";
  if (isListed(code)) return kinds[code];
  if (code.startsWith("ERR_SSL_") || code.startsWith("ERR_TLS_")) return "tls";
  // Certificate verdicts have some forty codes of their own (CERT_HAS_EXPIRED, …), and nothing else is left at this point.
  return secure && !sent ? "tls" : "other";
}

function isListed(code: string): code is keyof typeof kinds {
  return Object.hasOwn(kinds, code);
}

const problemDetails = {
  "status-line": "BAD_STATUS_LINE",
  header: "BAD_HEADER",
  "head-too-large": "HEADERS_TOO_LARGE",
  length: "BAD_LENGTH",
  coding: "BAD_TRANSFER_CODING",
  chunk: "BAD_CHUNK",
  upgrade: "UNASKED_UPGRADE",
  interim: "TOO_MANY_INTERIM_ANSWERS",
  cut: "ANSWER_CUT",
} as const satisfies Record<ResponseProblem, string>;

/** An answer that is none, or only a part of one. */
export function answerError(problem: ResponseProblem): TransportError {
  return { kind: problem === "cut" ? "reset" : "protocol", sent: true, detail: problemDetails[problem] };
}

/** Nothing was sent, because no connection came about in time: `CONNECT_TIMEOUT`, or `POOL_EXHAUSTED` where all were busy. */
export function waitError(detail: "CONNECT_TIMEOUT" | "POOL_EXHAUSTED"): TransportError {
  return { kind: "connect-timeout", sent: false, detail };
}

/** The process is going. */
export const closedError: TransportError = { kind: "reset", sent: true, detail: "TRANSPORT_CLOSED" };

/** A request that cannot be written: a header or a path of the configuration or the client that would break its framing. */
export const unwritableError: TransportError = { kind: "other", sent: false, detail: "INVALID_REQUEST" };

/** A body that broke off, or that is longer or shorter than it was said to be. */
export const bodyError: TransportError = { kind: "other", sent: true, detail: "BODY_BROKEN" };
