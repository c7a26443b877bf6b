/**
 * The load generator: a process that takes one job after the other by message and answers what it saw. It speaks HTTP over
 * bare sockets, so that it costs less than what it measures, and tells how busy it was itself: above 90 % its latencies
 * describe it rather than the subject.
 */
import { chatBody, chatPath, type ChatRequest } from "./bodies.ts";
import { HttpConnection, type Timing } from "./http-connection.ts";
import { startTicker } from "./ticker.ts";

export type Target = { readonly port: number; readonly headers: Readonly<Record<string, string>> };

export type Job = { readonly target: Target } & (
  | {
      /** `concurrency` connections, each sending its next request when the last is answered. */
      readonly kind: "closed";
      readonly request: ChatRequest;
      readonly concurrency: number;
      readonly durationMs: number;
      /** Stop after so many, if that comes first. */
      readonly count?: number;
    }
  | {
      /** `rate` requests a second, evenly, whether or not the earlier ones are answered. */
      readonly kind: "open";
      readonly request: ChatRequest;
      readonly rate: number;
      readonly durationMs: number;
    }
  /** `count` streams that stay open until `release`. */
  | { readonly kind: "hold"; readonly request: ChatRequest; readonly count: number }
  | { readonly kind: "release" }
  /** GET `path` over and over on one connection. */
  | { readonly kind: "probe"; readonly path: string; readonly durationMs: number }
);

export type Quantiles = { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number };

export type Observation = {
  readonly requests: number;
  readonly errors: number;
  readonly bytes: number;
  readonly elapsedMs: number;
  /** Milliseconds; in an open loop from the instant a request was due, not from when it was sent. */
  readonly latency: Quantiles;
  readonly firstByte: Quantiles;
  /** Share of the time that this process was computing. */
  readonly busy: number;
  /** Start and duration of each request in Unix milliseconds, for jobs of few requests. */
  readonly spans: readonly (readonly [startedAt: number, durationMs: number])[];
};

type Tally = { errors: number; bytes: number; starts: number[]; latencies: number[]; firstBytes: number[] };

const OPEN_CONNECTIONS_MAX = 2000;
const HOLD_WAIT_MS = 30_000;
const PROBE_PAUSE_MS = 0.5;
const SPANS_MAX = 50_000;
const held: HttpConnection[] = [];

process.on("message", (job: Job) => {
  void runJob(job).then((observation) => process.send?.(observation));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: 0 });

async function runJob(job: Job): Promise<Observation> {
  const tally: Tally = { errors: 0, bytes: 0, starts: [], latencies: [], firstBytes: [] };
  const started = performance.now();
  const cpu = process.cpuUsage();
  if (job.kind === "closed") await closedLoop(job, tally);
  else if (job.kind === "open") await openLoop(job, tally);
  else if (job.kind === "hold") await holdStreams(job, tally);
  else if (job.kind === "probe") await probe(job, tally);
  else for (const connection of held.splice(0)) connection.close();
  const elapsedMs = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  return {
    requests: tally.latencies.length,
    errors: tally.errors,
    bytes: tally.bytes,
    elapsedMs,
    latency: quantiles(tally.latencies),
    firstByte: quantiles(tally.firstBytes),
    busy: (user + system) / 1000 / elapsedMs,
    spans:
      tally.starts.length > SPANS_MAX
        ? []
        : tally.starts.map((start, index) => [performance.timeOrigin + start, tally.latencies[index] ?? 0] as const),
  };
}

function closedLoop(job: Job & { kind: "closed" }, tally: Tally): Promise<void> {
  const request = postRequest(job.target, job.request);
  const deadline = performance.now() + job.durationMs;
  const countMax = job.count ?? Number.POSITIVE_INFINITY;
  const startedAt = new Map<HttpConnection, number>();
  let sent = 0;
  let open = job.concurrency;
  return new Promise((resolve) => {
    const next = (connection: HttpConnection): void => {
      if (performance.now() >= deadline || sent >= countMax) {
        connection.close();
        open -= 1;
        if (open === 0) resolve();
        return;
      }
      sent += 1;
      startedAt.set(connection, performance.now());
      connection.send(request);
    };
    const done = (connection: HttpConnection, timing: Timing): void => {
      record(tally, startedAt.get(connection) ?? 0, timing);
      // A subject that refuses everything must not be asked a million times.
      if (timing.ok) next(connection);
      else setTimeout(next, 5, connection);
    };
    for (let index = 0; index < job.concurrency; index += 1) next(new HttpConnection(job.target.port, done));
  });
}

function openLoop(job: Job & { kind: "open" }, tally: Tally): Promise<void> {
  const request = postRequest(job.target, job.request);
  const intervalMs = 1000 / job.rate;
  const total = Math.floor(job.durationMs / intervalMs);
  const idle: HttpConnection[] = [];
  const all: HttpConnection[] = [];
  const dueAt = new Map<HttpConnection, number>();
  const waiting: number[] = [];
  let ended = 0;
  return new Promise((resolve) => {
    const send = (connection: HttpConnection, due: number): void => {
      dueAt.set(connection, due);
      connection.send(request);
    };
    const done = (connection: HttpConnection, timing: Timing): void => {
      record(tally, dueAt.get(connection) ?? 0, timing);
      ended += 1;
      const due = waiting.shift();
      if (due === undefined) idle.push(connection);
      else send(connection, due);
      if (ended < total) return;
      for (const each of all) each.close();
      resolve();
    };
    startTicker({ intervalMs, total }, (due) => {
      let connection = idle.pop();
      if (connection === undefined && all.length < OPEN_CONNECTIONS_MAX) {
        connection = new HttpConnection(job.target.port, done);
        all.push(connection);
      }
      // All connections are busy: the request waits here, and its time counts from when it was due.
      if (connection === undefined) waiting.push(due);
      else send(connection, due);
    });
  });
}

function holdStreams(job: Job & { kind: "hold" }, tally: Tally): Promise<void> {
  const request = postRequest(job.target, job.request);
  return new Promise((resolve) => {
    let missing = job.count;
    const timer = setTimeout(() => {
      tally.errors += missing;
      resolve();
    }, HOLD_WAIT_MS);
    const settled = (): void => {
      missing -= 1;
      if (missing > 0) return;
      clearTimeout(timer);
      resolve();
    };
    for (let index = 0; index < job.count; index += 1) {
      // A stream that ends was refused.
      const connection = new HttpConnection(job.target.port, () => {
        tally.errors += 1;
        settled();
      });
      connection.onFirstByte = settled;
      connection.send(request);
      held.push(connection);
    }
  });
}

function probe(job: Job & { kind: "probe" }, tally: Tally): Promise<void> {
  const request = Buffer.from(requestHead("GET", job.path, job.target, {}));
  const deadline = performance.now() + job.durationMs;
  let startedAt = 0;
  return new Promise((resolve) => {
    const next = (connection: HttpConnection): void => {
      startedAt = performance.now();
      connection.send(request);
    };
    const connection = new HttpConnection(job.target.port, (self, timing) => {
      record(tally, startedAt, timing);
      if (performance.now() < deadline) {
        setTimeout(next, PROBE_PAUSE_MS, self);
        return;
      }
      self.close();
      resolve();
    });
    next(connection);
  });
}

function record(tally: Tally, startedAt: number, timing: Timing): void {
  if (!timing.ok) {
    tally.errors += 1;
    return;
  }
  tally.bytes += timing.bytes;
  tally.starts.push(startedAt);
  tally.latencies.push(timing.endedAt - startedAt);
  tally.firstBytes.push(timing.firstByteAt - startedAt);
}

function quantiles(values: readonly number[]): Quantiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

function postRequest(target: Target, request: ChatRequest): Buffer {
  const body = Buffer.from(chatBody(request));
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  return Buffer.concat([Buffer.from(requestHead("POST", chatPath(request.format), target, headers)), body]);
}

function requestHead(method: string, path: string, target: Target, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries({ host: `127.0.0.1:${target.port}`, ...target.headers, ...headers });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
