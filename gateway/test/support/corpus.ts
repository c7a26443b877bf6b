import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DialectId } from "../../src/canonical/dialect-id.ts";
import type { Json } from "../../src/lib/json.ts";

/** A recorded exchange with a real provider: see tools/import-recordings.ts for where it comes from. */
export type Fixture = {
  readonly name: string;
  readonly dialect: DialectId;
  readonly provider: string;
  /** Whether the response body is a stream (SSE, or Gemini's JSON array when `extension` is json). */
  readonly stream: boolean;
  readonly request: {
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Json;
  } | null;
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly extension: "sse" | "json" | "bin";
    readonly body: Buffer;
  };
};

const root = join(import.meta.dirname, "../corpus");

/** All fixtures of a dialect, sorted by name. */
export function fixtures(dialect: DialectId): Fixture[] {
  const folder = join(root, dialect);
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => readFixture(dialect, entry.name))
    .toSorted((left, right) => (left.name < right.name ? -1 : 1));
}

export function fixture(dialect: DialectId, name: string): Fixture {
  return readFixture(dialect, name);
}

function readFixture(dialect: DialectId, name: string): Fixture {
  const folder = join(root, dialect, name);
  const exchange = JSON.parse(readFileSync(join(folder, "exchange.json"), "utf8")) as Omit<Fixture, "name" | "dialect">;
  const extension = (["sse", "json", "bin"] as const).find((each) => existsSync(join(folder, `response.${each}`)));
  if (extension === undefined) throw new Error(`${folder} has no response file`);
  const body = readFileSync(join(folder, `response.${extension}`));
  return { ...exchange, name, dialect, response: { ...exchange.response, extension, body } };
}
