import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Failure } from "../canonical/failure.ts";
import { fail } from "../lib/result.ts";
import type { Headers, InboundRequest } from "../relay/ports.ts";
import { readBody, refuseBody, type BodyResult, type IncomingBody } from "./body.ts";
import type { Edge } from "./edge.ts";
import type { NodeReply } from "./reply.ts";

/** Node fills the header object that it finds, so this one has no prototype: `__proto__` and `constructor` are names like any other. */
export class EdgeMessage extends IncomingMessage {
  constructor(socket: Socket) {
    super(socket);
    this.headers = Object.create(null);
  }
}

/** A request read off a node connection. */
export class NodeInbound implements InboundRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Headers;
  readonly remoteAddress: string;
  readonly #request: IncomingMessage;
  readonly #reply: NodeReply;
  readonly #edge: Edge;
  #body: IncomingBody | undefined;
  #broken: Failure | undefined;

  constructor(request: IncomingMessage, headers: Headers, reply: NodeReply, edge: Edge) {
    this.method = request.method ?? "";
    this.target = originForm(request.url ?? "");
    this.headers = headers;
    this.remoteAddress = request.socket.remoteAddress ?? "";
    this.#request = request;
    this.#reply = reply;
    this.#edge = edge;
  }

  async readBody(bytesMax: number): Promise<BodyResult> {
    const refusal = this.#broken ?? refuseBody(this.headers, bytesMax);
    if (refusal !== undefined) return this.#refused(refusal);
    if (this.headers["expect"] !== undefined) this.#reply.sendContinue();
    this.#body = readBody(this.#request, this.headers, bytesMax, this.#edge.stalls);
    const result = await this.#body.result;
    return result.ok ? result : this.#refused(result.error);
  }

  /** The body has come to its last byte; what follows on the connection is another request's. */
  get isComplete(): boolean {
    return this.#request.complete;
  }

  /** The connection cannot bring the rest of the body. */
  breakOff(reason: Failure): void {
    this.#broken = reason;
    this.#body?.fail(reason);
  }

  #refused(reason: Failure): BodyResult {
    // Where this request ends is not known any more, so nothing after it can be trusted to be a request.
    this.#reply.closeAfter();
    return fail(reason);
  }
}

/** A request to a proxy names the whole URL (RFC 9112 §3.2.2); servers must accept that form. */
function originForm(target: string): string {
  if (target.startsWith("/") || !/^https?:\/\//i.test(target)) return target;
  const slash = target.indexOf("/", target.indexOf("//") + 2);
  return slash === -1 ? "/" : target.slice(slash);
}
