import type { Config } from "../../src/config/config.ts";
import type { ExchangeRecord } from "../../src/record/record.ts";
import { serve } from "../../src/process/run.ts";
import { configOf } from "./config.ts";

/** A gateway on a real socket of this machine, with whatever records it made. */
export type Served = {
  readonly url: string;
  readonly records: readonly ExchangeRecord[];
  readonly bugs: readonly unknown[];
  close(): Promise<void>;
};

/** Without `yaml` it is what a newcomer starts: no file, no keys, the demo. */
export async function serveGateway(yaml?: string, environment: Readonly<Record<string, string>> = {}): Promise<Served> {
  const loaded = configOf(yaml, environment);
  const config: Config = { ...loaded, server: { ...loaded.server, port: 0 } };
  const records: ExchangeRecord[] = [];
  const bugs: unknown[] = [];
  const serving = await serve(
    {
      config: { current: () => config },
      sink: { write: (record) => void records.push(record), flush: () => Promise.resolve() },
      reportBug: (bug) => void bugs.push(bug),
    },
    "0.0.0-test",
  );
  return {
    url: `http://127.0.0.1:${serving.address.port}`,
    records,
    bugs,
    close: () => serving.close(0),
  };
}
