import type { Clock } from "../lib/clock.ts";
import { TurnQueue } from "../lib/turn-queue.ts";
import type { Transport, TransportError, UpstreamCall } from "../relay/ports.ts";
import { Call } from "./call.ts";
import { Origin } from "./origin.ts";
import { bytesOf } from "./request-body.ts";
import { requestHead, type RequestFraming } from "./request-head.ts";
import { unwritableError } from "./transport-error.ts";

export type HttpTransportOptions = {
  /** Open connections per origin; a call above that waits for a free one, at most its own connect timeout. */
  readonly connectionsMax?: number;
  /** How long an idle connection is kept where the provider says nothing. Short, because one that it closes first costs a retry. */
  readonly keepAliveMs?: number;
  /** Size of an answer's header block above which the connection is cut. */
  readonly headBytesMax?: number;
};

const CONNECTIONS_MAX = 256;
const KEEP_ALIVE_MS = 4_000;
const HEAD_BYTES_MAX = 65_536;

/**
 * Calls providers over HTTP/1.1, one request per connection at a time. TLS is always verified (`NODE_EXTRA_CA_CERTS` adds
 * authorities), redirects and content codings are left alone, and the only timeout here is that of connecting: how long an
 * answer may take is the exchange's affair.
 */
export function httpTransport(clock: Clock, options: HttpTransportOptions = {}): Transport {
  const origins = new Map<string, Origin>();
  const settings = {
    clock,
    turn: new TurnQueue(),
    connectionsMax: options.connectionsMax ?? CONNECTIONS_MAX,
    keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
    headBytesMax: options.headBytesMax ?? HEAD_BYTES_MAX,
  };
  return {
    dispatch(request, handler) {
      let origin = origins.get(request.origin);
      if (origin === undefined) {
        origin = new Origin(new URL(request.origin), settings);
        origins.set(request.origin, origin);
      }
      const head = requestHead(request, origin.host, framingOf(request));
      const call = new Call(request, head ?? "", handler);
      if (head === undefined) failLater(call, unwritableError);
      else origin.start(call);
      return call;
    },
    close() {
      for (const origin of origins.values()) origin.close();
      origins.clear();
      return Promise.resolve();
    },
  };
}

/** The caller is to have the connection in hand before it hears of it. */
function failLater(call: Call, error: TransportError): void {
  queueMicrotask(() => call.fail(error));
}

/** Servers expect a body with these: without one they are told so (RFC 9110 §8.6), or some answer 411. */
const EXPECT_BODY: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

function framingOf({ method, body }: UpstreamCall): RequestFraming {
  if (body === undefined) return EXPECT_BODY.has(method) ? 0 : "none";
  if ("read" in body) return body.bytes ?? "chunked";
  return bytesOf(body);
}
