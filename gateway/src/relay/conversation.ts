import type { Failure } from "../canonical/failure.ts";
import type { ClientContext, ClientDialect } from "../dialects/dialect.ts";
import type { WireRequest } from "../dialects/wire-request.ts";
import { ok, type Result } from "../lib/result.ts";
import { sessionOf } from "../routing/session.ts";
import type { Conversation, Exchange } from "./exchange-state.ts";
import type { Headers } from "./ports.ts";

/** Reads what routing and answering need of a request; the body itself is not kept. */
export function openConversation(
  exchange: Exchange,
  dialect: ClientDialect,
  wire: WireRequest,
): Result<Conversation, Failure> {
  const head = dialect.readHead(wire);
  if (!head.ok) return head;
  const client: ClientContext = {
    dialect: dialect.id,
    head: head.value,
    framing: dialect.id === "gemini" && head.value.stream && wire.query.get("alt") !== "sse" ? "json-array" : "sse",
    echo: dialect.readEcho(wire),
    agent: exchange.agent,
    requestId: exchange.requestId,
    createdAt: Math.floor(exchange.startedWall / 1000),
  };
  exchange.client = client;
  exchange.model = client.head.model;
  exchange.session = sessionOf(exchange.request.headers, client.head.sessionKey);
  return ok({
    dialect,
    client,
    strict: exchange.strict || isStrict(exchange.request.headers),
    patienceMs: patienceMs(exchange.request.headers),
  });
}

function isStrict(headers: Headers): boolean {
  return headers["x-dragoman-strict"]?.toLowerCase() === "true";
}

/** Headers in which SDKs say how many seconds they wait: Stainless-built SDKs and Google's. */
const patienceHeaders = ["x-stainless-timeout", "x-server-timeout"] as const;

/** How long the client waits for an answer, if it says so. */
export function patienceMs(headers: Headers): number | undefined {
  for (const name of patienceHeaders) {
    const seconds = Number(headers[name]);
    if (Number.isFinite(seconds) && seconds > 0) return seconds * 1000;
  }
  return undefined;
}
