/**
 * Copies chosen exchanges of a recordings file (gzipped JSON lines of real provider traffic) into the test corpus.
 *
 *   node tools/import-recordings.ts RECORDINGS.jsonl.gz DIALECT NAME=ID [NAME=ID …]
 *
 * Each becomes gateway/test/corpus/DIALECT/NAME/ with exchange.json (request, status, headers, source and licence) and the
 * response body, byte for byte, in response.sse, response.json or response.bin.
 */
import { createReadStream, mkdirSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { createGunzip } from "node:zlib";

type Recording = {
  id: string;
  provider: string;
  api: string;
  stream: boolean;
  model: string;
  tags: string[];
  request: { path: string; headers: Record<string, string>; body: unknown; body_encoding: string | null } | null;
  response: {
    status: number;
    headers: Record<string, string>;
    body: string;
    body_encoding: string;
    body_kind: string;
    fidelity: string;
  };
  source: Record<string, unknown>;
};

const [file, dialect, ...pairs] = process.argv.slice(2);
if (file === undefined || dialect === undefined || pairs.length === 0) {
  process.stderr.write("usage: import-recordings.ts RECORDINGS.jsonl.gz DIALECT NAME=ID …\n");
  process.exit(2);
}
const wanted = new Map(pairs.map((pair) => [pair.slice(pair.indexOf("=") + 1), pair.slice(0, pair.indexOf("="))]));

for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()), crlfDelay: Infinity })) {
  const id = /"id":\s*"([^"]+)"/.exec(line)?.[1];
  const name = id === undefined ? undefined : wanted.get(id);
  if (name === undefined) continue;
  writeFixture(`gateway/test/corpus/${dialect}/${name}`, JSON.parse(line) as Recording);
  wanted.delete(id ?? "");
}
if (wanted.size > 0) {
  process.stderr.write(`not found: ${[...wanted.keys()].join(", ")}\n`);
  process.exit(1);
}

function writeFixture(folder: string, recording: Recording): void {
  const { request, response } = recording;
  mkdirSync(folder, { recursive: true });
  const extension = response.body_kind === "sse" ? "sse" : response.body_kind === "json" ? "json" : "bin";
  const body = Buffer.from(response.body, response.body_encoding === "base64" ? "base64" : "utf8");
  writeFileSync(`${folder}/response.${extension}`, body);
  const exchange = {
    id: recording.id,
    provider: recording.provider,
    stream: recording.stream,
    source: { ...recording.source, fidelity: response.fidelity },
    request: request === null ? null : { path: request.path, headers: request.headers, body: request.body },
    response: { status: response.status, headers: response.headers },
  };
  writeFileSync(`${folder}/exchange.json`, `${JSON.stringify(exchange, null, 2)}\n`);
}
