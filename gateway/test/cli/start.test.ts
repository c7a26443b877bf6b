import assert from "node:assert/strict";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { start, type RunningGateway, type StartDeps, type StopSignal } from "../../src/cli/start.ts";
import type { Loader } from "../../src/config/load.ts";
import type { ConfigSource } from "../../src/config/config.ts";
import { loadText, type Situation } from "../config/support.ts";
import { programDeps, type Recorded } from "./support.ts";

function loaderOf(text: string | undefined, situation: Situation = {}): Loader {
  return {
    file: undefined,
    environment: situation.environment ?? {},
    load: () => loadText(text, situation),
  };
}

/** Something that really listens, so that a taken port is really taken. */
async function listenFor(
  source: ConfigSource,
  close: () => Promise<void>,
): Promise<RunningGateway & { server: Server }> {
  const { host, port } = source.current().server;
  const server = createServer();
  server.listen(port, host);
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    server,
    address: { host, port: address.port },
    refresh: () => {},
    close: async () => {
      await close();
      server.close();
    },
  };
}

type Scene = {
  readonly recorded: Recorded;
  readonly deps: StartDeps;
  /** Resolves when the gateway listens and has said so. */
  readonly ready: Promise<number>;
  readonly signal: (name: StopSignal) => void;
};

function scene(context: TestContext, close: () => Promise<void>, more: Partial<StartDeps> = {}): Scene {
  const recorded: Recorded = { out: "", err: "" };
  const ready = Promise.withResolvers<number>();
  const listeners = new Set<(signal: StopSignal) => void>();
  const deps = programDeps(recorded, {
    startGateway: async (source) => {
      const running = await listenFor(source, close);
      context.after(() => running.server.close());
      return running;
    },
    onStopSignal: (listener) => {
      listeners.add(listener);
      ready.resolve(0);
      return () => void listeners.delete(listener);
    },
    ...more,
  });
  const signal = (name: StopSignal) => {
    for (const listener of listeners) listener(name);
  };
  return { recorded, deps, ready: ready.promise, signal };
}

test("without a terminal the start is one line of JSON on standard output, and SIGTERM ends it well", async (context) => {
  let closes = 0;
  const { recorded, deps, ready, signal } = scene(context, () => {
    closes += 1;
    return Promise.resolve();
  });
  const ended = start(loaderOf(undefined, { options: { port: 0 } }), deps);
  await ready;
  const line: unknown = JSON.parse(recorded.out);
  assert.equal(recorded.out.split("\n").length, 2);
  assert.partialDeepStrictEqual(line, { event: "started", demo: "catch-all", config: null, providers: [] });
  assert.equal(recorded.err, "");
  signal("SIGTERM");
  assert.equal(await ended, "ok");
  assert.equal(closes, 1);
});

test("on a terminal the start is the first-run screen, as talk", async (context) => {
  const recorded: Recorded = { out: "", err: "" };
  const terminal = { ...programDeps(recorded).terminal, outIsTerminal: true };
  const { deps, ready, signal } = scene(context, () => Promise.resolve(), { terminal });
  const ended = start(loaderOf(undefined, { options: { port: 0 } }), deps);
  await ready;
  assert.equal(recorded.out, "");
  assert.match(recorded.err, /^dragoman 1\.2\.3 · node 26\.10\.0 · ready in \d+ ms\n/);
  signal("SIGINT");
  assert.equal(await ended, "ok");
  assert.match(recorded.err, /Ctrl-C again stops at once/);
});

test("a second Ctrl-C does not wait for running requests", async (context) => {
  const { deps, ready, signal } = scene(context, () => new Promise(() => undefined));
  const ended = start(loaderOf(undefined, { options: { port: 0 } }), deps);
  await ready;
  signal("SIGINT");
  signal("SIGINT");
  assert.equal(await ended, "interrupted");
});

test("a port that is taken is said with who to ask and what to do", async (context) => {
  const taken = createServer();
  taken.listen(0, "127.0.0.1");
  await once(taken, "listening");
  context.after(() => taken.close());
  const address = taken.address();
  assert.ok(typeof address === "object" && address !== null);
  const { recorded, deps } = scene(context, () => Promise.resolve());
  assert.equal(await start(loaderOf(undefined, { options: { port: address.port } }), deps), "failed");
  assert.equal(
    recorded.err,
    [
      `✕ Something else is listening on 127.0.0.1:${address.port} already, perhaps another dragoman.`,
      `  who   lsof -nP -i :${address.port} -s TCP:LISTEN`,
      `  fix   stop it, or take another port: dragoman --port ${address.port === 65_535 ? 65_534 : address.port + 1}`,
      "",
    ].join("\n"),
  );
  assert.equal(recorded.out, "");
});

test("a broken configuration starts nothing", async (context) => {
  let starts = 0;
  const { recorded, deps } = scene(context, () => Promise.resolve(), {
    startGateway: () => {
      starts += 1;
      return Promise.reject(new Error("must not be called"));
    },
  });
  assert.equal(await start(loaderOf("server: { prot: 1 }\n"), deps), "config-invalid");
  assert.equal(starts, 0);
  assert.match(recorded.err, /did you mean "port"/);
});

test("a bug in the gateway is not taken for a busy port", async (context) => {
  const { deps } = scene(context, () => Promise.resolve(), {
    startGateway: () => Promise.reject(new TypeError("undefined is not a function")),
  });
  await assert.rejects(start(loaderOf(undefined), deps), TypeError);
});
