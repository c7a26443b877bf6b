import { failure } from "../canonical/failure.ts";
import type { CanonicalRequest } from "../canonical/request.ts";
import { unfold } from "../canonical/unfold.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { isObject, parseJson } from "../lib/json.ts";
import type { ByteSupply, Transport, UpstreamCall, UpstreamConnection, UpstreamHandler } from "../relay/ports.ts";
import { demoAnswer, type DemoAnswer } from "./answers.ts";
import { openDemoFiles, type DemoFiles } from "./files.ts";
import { demoOperation } from "./operations.ts";
import { inPieces } from "./pieces.ts";
import { refusal, type DemoReply } from "./reply.ts";

/** What the demo takes in one request; nobody rehearses with more. */
export const DEMO_REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/**
 * The built-in demo as a transport: bytes in, bytes out, at a model's pace. It stands where the network stands, so that its
 * cuts, stalls and refusals run through the real attempts, framer, decoder and encoders.
 */
export function demoTransport(clock: Clock): Transport {
  const files = openDemoFiles();
  return {
    dispatch(call, handler) {
      const { body } = call;
      const player = new Player(clock, handler);
      if (body === undefined || !("read" in body)) play(player, call, Buffer.concat(body ?? []), clock, files);
      else void receive(player, call, body, clock, files);
      return player;
    },
    close: () => Promise.resolve(),
  };
}

/** A body that is still coming is taken whole; one that breaks off is no request. */
async function receive(
  player: Player,
  call: UpstreamCall,
  body: ByteSupply,
  clock: Clock,
  files: DemoFiles,
): Promise<void> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const piece = await body.read();
    if (!piece.ok) return player.breakOff("the request broke off");
    if (piece.value === undefined) break;
    length += piece.value.length;
    if (length > DEMO_REQUEST_BYTES_MAX) {
      body.drop();
      return player.reply(refusal(413, "That is too large for a demo."));
    }
    pieces.push(piece.value);
  }
  play(player, call, Buffer.concat(pieces), clock, files);
}

/** Sends by `base`, everything but the demo's own address. */
export function withDemo(base: Transport, demo: Transport): Transport {
  return {
    dispatch: (call, handler) => (call.origin.startsWith("canonical://") ? demo : base).dispatch(call, handler),
    close: () => base.close(),
  };
}

const encoder = new TextEncoder();

function play(player: Player, call: UpstreamCall, bytes: Buffer, clock: Clock, files: DemoFiles): void {
  const path = /^[^?]*/.exec(call.path)?.[0] ?? "";
  const contentType = call.headers["content-type"] ?? "";
  const reply = demoOperation({ method: call.method, path, contentType, bytes }, files, clock.wall());
  if (reply !== undefined) {
    player.reply(reply);
    return;
  }
  const body = parseJson(bytes.toString("utf8"));
  if (!isObject(body)) {
    player.whole(400, { error: failure("provider_rejected_request", "The demo takes JSON objects.") });
    return;
  }
  const request = body as unknown as CanonicalRequest;
  const answer = demoAnswer(request);
  if (answer.kind === "failure") {
    player.whole(answer.status, { error: answer.failure });
    return;
  }
  const response = { ...answer.response, createdAt: Math.floor(clock.wall() / 1000) };
  if (request.stream) player.stream({ ...answer, response });
  else player.plain({ ...answer, response });
}

const PIECE_PACE_MS = 12;

type Step = { readonly afterMs: number; readonly run: () => void };

/** Plays steps one after the other on the clock, unless paused or aborted. */
class Player implements UpstreamConnection {
  readonly #clock: Clock;
  readonly #handler: UpstreamHandler;
  #steps: Step[] = [];
  #timer: Timer | undefined;
  #paused = false;
  #over = false;

  constructor(clock: Clock, handler: UpstreamHandler) {
    this.#clock = clock;
    this.#handler = handler;
  }

  whole(status: number, body: unknown): void {
    this.#begin([
      { afterMs: 0, run: () => this.#handler.onHeaders(status, { "content-type": "application/json" }) },
      { afterMs: 0, run: () => this.#handler.onData(encoder.encode(JSON.stringify(body))) },
      this.#end(0),
    ]);
  }

  /** Pieces of a stream come one after the other, at the demo's pace. */
  reply({ status, contentType, pieces }: DemoReply): void {
    this.#begin([
      { afterMs: 0, run: () => this.#handler.onHeaders(status, { "content-type": contentType }) },
      ...pieces.map((piece, index) => ({
        afterMs: index === 0 ? 0 : PIECE_PACE_MS,
        run: () => this.#handler.onData(typeof piece === "string" ? encoder.encode(piece) : Uint8Array.from(piece)),
      })),
      this.#end(0),
    ]);
  }

  breakOff(detail: string): void {
    this.#begin([{ afterMs: 0, run: () => this.#handler.onError({ kind: "reset", sent: true, detail }) }]);
  }

  plain(answer: Extract<DemoAnswer, { readonly kind: "answer" }>): void {
    if (answer.breaksAfter === undefined) {
      this.whole(200, answer.response);
      return;
    }
    const half = encoder.encode(JSON.stringify(answer.response).slice(0, 64));
    this.#begin([
      { afterMs: 0, run: () => this.#handler.onHeaders(200, { "content-type": "application/json" }) },
      { afterMs: 0, run: () => this.#handler.onData(half) },
      ...this.#breakOff(answer.breaksAfter.how),
    ]);
  }

  stream(answer: Extract<DemoAnswer, { readonly kind: "answer" }>): void {
    const events = inPieces(unfold(answer.response));
    const { breaksAfter, paceMs } = answer;
    const lines: Step[] = events.map((event, index) => ({
      afterMs: index === 0 ? 0 : paceMs,
      run: () => this.#handler.onData(encoder.encode(`${JSON.stringify(event)}\n`)),
    }));
    const headers: Step = {
      afterMs: 0,
      run: () => this.#handler.onHeaders(200, { "content-type": "application/x-ndjson" }),
    };
    this.#begin(
      breaksAfter === undefined
        ? [headers, ...lines, this.#end(0)]
        : [headers, ...lines.slice(0, breaksAfter.pieces), ...this.#breakOff(breaksAfter.how)],
    );
  }

  pause(): void {
    this.#paused = true;
    this.#timer?.clear();
    this.#timer = undefined;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#next();
  }

  abort(): void {
    this.#over = true;
    this.#timer?.clear();
    this.#steps = [];
  }

  #end(afterMs: number): Step {
    return { afterMs, run: () => this.#handler.onEnd() };
  }

  /** A cut is a reset; a stall is silence until somebody gives up. */
  #breakOff(how: "cut" | "stall"): Step[] {
    if (how === "stall") return [];
    return [
      {
        afterMs: 0,
        run: () => this.#handler.onError({ kind: "reset", sent: true, detail: "the demo cut the connection" }),
      },
    ];
  }

  #begin(steps: Step[]): void {
    this.#steps = steps;
    this.#next();
  }

  #next(): void {
    const [step] = this.#steps;
    if (this.#over || this.#paused || step === undefined) return;
    this.#timer = this.#clock.setTimer(() => {
      this.#steps.shift();
      step.run();
      this.#next();
    }, step.afterMs);
  }
}
