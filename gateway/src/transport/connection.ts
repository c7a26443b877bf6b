import { connect as connectTcp, isIP, type Socket, type TcpNetConnectOpts } from "node:net";
import { connect as connectTls } from "node:tls";
import { ResponseReader, type ResponseRead } from "../framing/http-response.ts";
import { asBuffer } from "../lib/as-buffer.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { TurnQueue, TurnTask } from "../lib/turn-queue.ts";
import type { ByteSupply, TransportError } from "../relay/ports.ts";
import type { Call, Carrier } from "./call.ts";
import { sendSupply, writePieces } from "./request-body.ts";
import { answerError, bodyError, systemError, waitError } from "./transport-error.ts";

/** Where a connection leads, and what the ones to the same place share. */
export type Destination = {
  readonly secure: boolean;
  readonly hostname: string;
  readonly port: number;
  /** Of the last TLS connection, with which the next one is made in one round trip less. */
  session: Buffer | undefined;
};

export type ConnectionOwner = {
  /** Nothing runs over it any more: it is free for the next call. */
  onFree(connection: Connection): void;
  /** It is gone. Told once. */
  onGone(connection: Connection): void;
};

export type ConnectionOptions = {
  readonly clock: Clock;
  readonly headBytesMax: number;
  /** Where what has been read waits for the other connections that this turn of the event loop reads. */
  readonly turn: TurnQueue;
};

/** Peers whose machine has vanished are noticed by the system. */
const TCP_KEEP_ALIVE_MS = 60_000;
const READ_BYTES = 65_536;

/**
 * All connections are read into the same bytes, one read after the other, and what is kept of a read is copied before the next:
 * a buffer for each read is most of what reading costs. On Windows the system fills them while others are being read.
 */
const sharedBytes = Buffer.allocUnsafeSlow(READ_BYTES);
const readBytes = (): Buffer => (process.platform === "win32" ? Buffer.allocUnsafeSlow(READ_BYTES) : sharedBytes);

/**
 * One connection to a provider: one call at a time, and an answer only while one is asked for. What has been read is told to
 * the call at the end of the turn of the event loop, or earlier when more comes of the connection before that.
 */
export class Connection implements Carrier, TurnTask {
  /** When it is to be closed if nobody has used it by then: the owner's, in `clock.now()`. */
  idleUntil = Infinity;
  /** What the provider says of how long it keeps idle connections, in milliseconds. */
  keepAliveHintMs: number | undefined;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #secure: boolean;
  readonly #reader: ResponseReader;
  readonly #turn: TurnQueue;
  #connectTimer: Timer | undefined;
  /** The call that it is opened for, sends or answers. */
  #call: Call | undefined;
  #isSent = false;
  /** Of the answer, and not told yet. */
  #untold: ResponseRead | undefined;
  /** A body that is still being sent. */
  #supply: ByteSupply | undefined;
  #isGone = false;

  /** Opens it for a call, which is sent as soon as it stands. */
  constructor(destination: Destination, owner: ConnectionOwner, call: Call, options: ConnectionOptions) {
    this.#owner = owner;
    this.#call = call;
    this.#secure = destination.secure;
    this.#reader = new ResponseReader(options.headBytesMax);
    this.#turn = options.turn;
    this.#connectTimer = options.clock.setTimer(
      () => this.destroy(waitError("CONNECT_TIMEOUT")),
      call.connectTimeoutMs,
    );
    this.#socket = openSocket(destination, (bytes) => this.#read(bytes));
    this.#socket.on(destination.secure ? "secureConnect" : "connect", () => this.#connected());
    this.#socket.on("end", () => this.#ended());
    this.#socket.on("error", (error) => this.#failed(error));
    this.#socket.on("close", () => this.destroy());
  }

  /** Sends a call over a connection that is free. */
  send(call: Call): void {
    this.#call = call;
    this.#isSent = true;
    this.#reader.expect(call.method);
    const body = call.begin(this);
    if (body !== undefined && "read" in body) this.#sendSupply(call, body);
    else writePieces(this.#socket, call.head, body ?? []);
    if (call.isPaused) this.pause();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Cuts it at once. A call that is still waiting for something hears this reason. */
  destroy(reason: TransportError = answerError("cut")): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#connectTimer?.clear();
    const call = this.#call;
    this.#call = undefined;
    this.#supply?.drop();
    this.#supply = undefined;
    this.#socket.destroy();
    this.#owner.onGone(this);
    call?.fail(this.#isSent ? reason : { ...reason, sent: false });
  }

  #connected(): void {
    this.#connectTimer?.clear();
    this.#connectTimer = undefined;
    const call = this.#call;
    if (call === undefined || call.isOver) this.#free();
    else this.send(call);
  }

  /** Always in bytes that are used again. */
  #read(bytes: Buffer): void {
    this.#tell();
    if (!this.#isSent || this.#call === undefined) {
      // Nobody has asked for anything; whatever it is, it must not be taken for the next answer.
      this.destroy();
      return;
    }
    this.#untold = this.#reader.push(bytes);
    this.#turn.add(this);
  }

  runAtTurnEnd(): void {
    this.#tell();
  }

  /** Tells the call what has been read for it. */
  #tell(): void {
    const read = this.#untold;
    const call = this.#call;
    this.#untold = undefined;
    if (read === undefined || call === undefined) return;
    const hint = read.head?.headers["keep-alive"];
    if (hint !== undefined) this.keepAliveHintMs = keepAliveMs(hint);
    try {
      call.take(read);
    } catch (bug) {
      this.#call = undefined;
      this.destroy();
      call.crash(bug);
    }
    if (this.#call !== call) return;
    if (read.problem !== undefined) this.destroy(answerError(read.problem));
    else if (read.ended) this.#answered(call);
  }

  #answered(call: Call): void {
    this.#call = undefined;
    this.#isSent = false;
    // An answer may come before its request has been sent, which then will never be wanted.
    const isReusable = this.#reader.isReusable && this.#supply === undefined && this.#socket.writableLength === 0;
    if (!isReusable) this.destroy();
    else if (call.isPaused) this.resume();
    try {
      call.end();
    } catch (bug) {
      call.crash(bug);
    }
    this.#free();
  }

  #ended(): void {
    this.#tell();
    const call = this.#call;
    const isComplete = this.#isSent && call !== undefined && this.#reader.end() === "complete";
    if (isComplete) this.#answered(call);
    else this.destroy();
  }

  #failed(error: Error): void {
    this.#tell();
    this.destroy(systemError(error, { sent: this.#isSent, secure: this.#secure }));
  }

  #free(): void {
    if (this.#isGone) return;
    this.#call = undefined;
    this.#owner.onFree(this);
  }

  #sendSupply(call: Call, supply: ByteSupply): void {
    this.#supply = supply;
    void sendSupply(this.#socket, call.head, supply).then((isWhole) => {
      if (this.#supply !== supply) return;
      this.#supply = undefined;
      supply.drop();
      if (!isWhole) this.destroy(bodyError);
    });
  }
}

/** `timeout=5, max=100` in milliseconds. */
function keepAliveMs(hint: string): number | undefined {
  const seconds = /\btimeout=([0-9]{1,6})\b/i.exec(hint)?.[1];
  return seconds === undefined ? undefined : Number(seconds) * 1000;
}

function openSocket(destination: Destination, read: (bytes: Buffer) => void): Socket {
  const { secure, hostname, port, session } = destination;
  const onread = {
    buffer: readBytes(),
    callback(length: number, bytes: Uint8Array) {
      read(asBuffer(bytes.subarray(0, length)));
      return true;
    },
  };
  const address: TcpNetConnectOpts = { host: hostname, port, onread };
  const socket = secure
    ? connectTls({
        ...address,
        servername: isIP(hostname) === 0 ? hostname : "",
        ALPNProtocols: ["http/1.1"],
        // Said explicitly so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
        rejectUnauthorized: true,
        minVersion: "TLSv1.2",
        ...(session === undefined ? {} : { session }),
      })
    : connectTcp(address);
  if (secure) socket.on("session", (fresh: Buffer) => (destination.session = fresh));
  socket.setNoDelay(true);
  socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
  return socket;
}
