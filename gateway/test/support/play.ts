import { createGateway, type Gateway } from "../../src/gateway.ts";
import type { ExchangeRecord } from "../../src/record/record.ts";
import { configOf, providerKeys } from "./config.ts";
import { fakeClock, type FakeClock } from "./clock.ts";
import { request, type MemoryClient, type MemoryRequest } from "./memory-reply.ts";
import {
  memoryTransport,
  type MemoryTransport,
  type RecordedCall,
  type Script,
  type Step,
} from "./memory-transport.ts";

/** The whole gateway in memory: a fake clock, a scripted provider, and every record it made. */
export type Stage = {
  readonly clock: FakeClock;
  readonly gateway: Gateway;
  readonly upstream: MemoryTransport;
  readonly records: ExchangeRecord[];
  readonly bugs: unknown[];
  /** Sends a request; `reply.done` resolves when it is over. */
  say(options: MemoryRequest): MemoryClient;
  /** Sends a request and moves time on until it is over. */
  ask(options: MemoryRequest, withinMs?: number): Promise<MemoryClient>;
};

export function stage(options: {
  readonly yaml?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly script?: Script;
}): Stage {
  const clock = fakeClock();
  const records: ExchangeRecord[] = [];
  const bugs: unknown[] = [];
  const config = configOf(options.yaml, options.environment ?? (options.yaml === undefined ? {} : providerKeys));
  const upstream = memoryTransport(
    clock,
    options.script ??
      (() => {
        throw new Error("the gateway called a provider that this play has not scripted");
      }),
  );
  let ids = 0;
  const gateway = createGateway({
    clock,
    random: () => 0.5,
    ids: { requestId: () => `req_${String((ids += 1)).padStart(4, "0")}` },
    transport: upstream,
    sink: { write: (record) => void records.push(record), flush: () => Promise.resolve() },
    config: { current: () => config },
    reportBug: (bug) => void bugs.push(bug),
    version: "0.0.0-test",
  });
  const say = (asked: MemoryRequest): MemoryClient => {
    const client = request(asked);
    gateway.handle(client.request, client.reply);
    return client;
  };
  const ask = async (asked: MemoryRequest, withinMs = 60_000): Promise<MemoryClient> => {
    const client = say(asked);
    let over = false;
    void client.reply.done.then(() => (over = true));
    for (let passed = 0; passed <= withinMs && !over; passed += 50) await clock.advance(50);
    if (!over) throw new Error(`no answer within ${withinMs} ms of the clock`);
    // The record is written in the turn after the last byte.
    await clock.advance(0);
    if (bugs.length > 0) throw bugs[0];
    return client;
  };
  return { clock, gateway, upstream, records, bugs, say, ask };
}

/** A stage for requests that are relayed: to a server of unknown make, OpenAI or Anthropic, in this order. */
export function relayedStage(steps: readonly Step[] | ((call: RecordedCall) => readonly Step[]), more = ""): Stage {
  return stage({
    yaml: relayedProviders + more,
    environment: { OPENAI_API_KEY: "sk-proj-managed", ANTHROPIC_API_KEY: "sk-ant-managed" },
    script: typeof steps === "function" ? steps : () => steps,
  });
}

const relayedProviders = `
providers:
  chatty: { kind: openai-compatible, base_url: "http://127.0.0.1:1/v1", credential: none, models: [m] }
  openai: { credential: "env::OPENAI_API_KEY" }
  anthropic: { credential: "env::ANTHROPIC_API_KEY" }
`;

/** What a Messages provider says to a plain request. */
export const messagesAnswer = `{"id":"msg_1","type":"message","role":"assistant","model":"claude-sonnet-4-6","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`;
