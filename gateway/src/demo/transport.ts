import { failure } from "../canonical/failure.ts";
import type { CanonicalRequest } from "../canonical/request.ts";
import { unfold } from "../canonical/unfold.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import { isObject, parseJson, type JsonObject } from "../lib/json.ts";
import type { Transport, UpstreamCall, UpstreamConnection, UpstreamHandler } from "../relay/ports.ts";
import { demoAnswer, type DemoAnswer } from "./answers.ts";
import { demoBatchEmbedContents, demoEmbedContent, demoEmbeddings } from "./embeddings.ts";
import { inPieces } from "./pieces.ts";

/**
 * The built-in demo as a transport: bytes in, bytes out, at a model's pace. It stands where the network stands, so that its
 * cuts, stalls and refusals run through the real attempts, framer, decoder and encoders.
 */
export function demoTransport(clock: Clock): Transport {
  return {
    dispatch(call, handler) {
      const player = new Player(clock, handler);
      play(player, call, clock);
      return player;
    },
    close: () => Promise.resolve(),
  };
}

/** Sends by `base`, everything but the demo's own address. */
export function withDemo(base: Transport, demo: Transport): Transport {
  return {
    dispatch: (call, handler) => (call.origin.startsWith("canonical://") ? demo : base).dispatch(call, handler),
    close: () => base.close(),
  };
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function play(player: Player, call: UpstreamCall, clock: Clock): void {
  const text = (call.body ?? []).map((piece) => decoder.decode(piece, { stream: true })).join("");
  const body = parseJson(text);
  if (!isObject(body)) {
    player.whole(400, { error: failure("provider_rejected_request", "The demo takes JSON objects.") });
    return;
  }
  const embedded = embeddings(call.path, body);
  if (embedded !== undefined) {
    player.whole(200, embedded);
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

function embeddings(path: string, body: JsonObject): JsonObject | undefined {
  if (path.endsWith("/embeddings")) return demoEmbeddings(body);
  if (path.endsWith(":embedContent")) return demoEmbedContent(body);
  if (path.endsWith(":batchEmbedContents")) return demoBatchEmbedContents(body);
  return undefined;
}

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
