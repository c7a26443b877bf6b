import { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { failure, type Failure } from "../canonical/failure.ts";
import { Bag } from "../lib/bag.ts";
import { fail, ok } from "../lib/result.ts";
import type { Headers, InboundBody, InboundRequest } from "../relay/ports.ts";
import { announcedBytes, BodyReader, clientClosed, hasBody, type BodyResult } from "./body.ts";
import { BodyStream, unreadBody } from "./body-stream.ts";
import { readContentCoding, tooLarge } from "./decompress.ts";
import type { Edge } from "./edge.ts";
import type { NodeReply } from "./reply.ts";

const NO_BODY: BodyResult = ok(new Uint8Array(0));

/** Node adds headers to the object that it finds here. */
export class EdgeMessage extends IncomingMessage {
  constructor(socket: Socket) {
    super(socket);
    this.headers = new Bag();
  }
}

/** The headers as read, every value a string. */
export function readHeaders(request: IncomingMessage): Headers {
  const { headers } = request;
  const cookies = headers["set-cookie"];
  // The one name that node keeps as a list; after this, none is.
  if (cookies !== undefined) Object.assign(headers, { "set-cookie": cookies.join(", ") });
  return headers as Headers;
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
  #reader: BodyReader | BodyStream | undefined;
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

  readBody(bytesMax: number): Promise<BodyResult> {
    if (!hasBody(this.headers)) return Promise.resolve(NO_BODY);
    const coding = readContentCoding(this.headers["content-encoding"]);
    if (!coding.ok) return this.#refuse(coding.error);
    if ((announcedBytes(this.headers) ?? 0) > bytesMax) return this.#refuse(tooLarge(bytesMax));
    if (this.#broken !== undefined) return this.#refuse(this.#broken);
    if (this.headers["expect"] !== undefined) this.#reply.sendContinue();
    return new Promise((resolve) => {
      this.#reader = new BodyReader(this.#request, coding.value, bytesMax, this.#edge, (result) => {
        // The connection remembers this object until its next request, which must not keep the body for as long.
        this.#reader = undefined;
        if (!result.ok) this.#reply.closeAfter();
        resolve(result);
      });
    });
  }

  openBody(bytesMax: number): InboundBody {
    if (!hasBody(this.headers)) return unreadBody(ok(undefined));
    const bytes = announcedBytes(this.headers);
    const refusal = this.#refusal(bytes ?? 0, bytesMax);
    if (refusal !== undefined) {
      this.#reply.closeAfter();
      return unreadBody(fail(refusal));
    }
    if (this.headers["expect"] !== undefined) this.#reply.sendContinue();
    const stream = new BodyStream(this.#request, { bytes, bytesMax }, this.#edge.stalls, () =>
      this.#reply.closeAfter(),
    );
    this.#reader = stream;
    return stream;
  }

  /** The body has come to its last byte; what follows on the connection is another request's. */
  get isComplete(): boolean {
    return this.#request.complete;
  }

  /** The connection cannot bring the rest of the body. */
  breakOff(reason: Failure): void {
    this.#broken = reason;
    this.#reply.closeAfter();
    this.#reader?.fail(reason);
  }

  /** The connection is gone. Once the body has been handed over that changes nothing. */
  connectionClosed(): void {
    this.#reader?.fail(clientClosed());
  }

  #refusal(bytes: number, bytesMax: number): Failure | undefined {
    const coding = readContentCoding(this.headers["content-encoding"]);
    if (!coding.ok) return coding.error;
    if (coding.value !== undefined) {
      return failure("unsupported_encoding", "An upload is passed on as it arrives. Send it without content-encoding.");
    }
    return bytes > bytesMax ? tooLarge(bytesMax) : this.#broken;
  }

  /** After a refusal nobody knows where the request ends, so nothing that follows can be trusted to be another. */
  #refuse(reason: Failure): Promise<BodyResult> {
    this.#reply.closeAfter();
    return Promise.resolve(fail(reason));
  }
}

/** A request to a proxy names the whole URL (RFC 9112 §3.2.2); servers must accept that form. */
function originForm(target: string): string {
  if (target.startsWith("/") || !/^https?:\/\//i.test(target)) return target;
  const slash = target.indexOf("/", target.indexOf("//") + 2);
  return slash === -1 ? "/" : target.slice(slash);
}
