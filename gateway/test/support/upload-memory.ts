import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { BOUNDARY, formHeaders } from "./form.ts";

/** Where the form names its model: that decides whether the upload is passed on at once or waits in a file. */
export type UploadShape = "model-first" | "model-last" | "model-last-with-header";

export type UploadMeasure = {
  /** The most resident memory while the form was passed on, above that before, of the gateway's process alone. */
  readonly grownBytes: number;
  readonly milliseconds: number;
  /** What the provider received, headers of the parts and all. */
  readonly receivedBytes: number;
};

/**
 * Sends forms with a file of that many bytes through a gateway in a process of its own; client and provider are in this one.
 * A first, smaller upload brings the gateway's memory to where it stays.
 */
export async function measureUploads(
  fileBytes: number,
  shapes: readonly UploadShape[],
): Promise<Record<UploadShape, UploadMeasure>> {
  const provider = await startProvider();
  const gateway = await startGateway(provider.port);
  const measures: Partial<Record<UploadShape, UploadMeasure>> = {};
  try {
    for (const shape of shapes) {
      for (let round = 0; round < 2; round += 1) await upload(gateway.port, 32 << 20, shape);
      const before = await gateway.resident();
      provider.received = 0;
      const startedAt = performance.now();
      await upload(gateway.port, fileBytes, shape);
      const milliseconds = performance.now() - startedAt;
      measures[shape] = { grownBytes: (await gateway.peak()) - before, milliseconds, receivedBytes: provider.received };
    }
    return measures as Record<UploadShape, UploadMeasure>;
  } finally {
    gateway.close();
    provider.close();
  }
}

type Provider = { readonly port: number; received: number; readonly close: () => void };

/** Counts what it is sent and forgets it. */
async function startProvider(): Promise<Provider> {
  const server = createServer((incoming, response) => {
    incoming.on("data", (chunk: Buffer) => (provider.received += chunk.length));
    incoming.on("end", () => response.writeHead(200, { "content-type": "application/json" }).end('{"text":"heard"}'));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const provider: Provider = {
    port,
    received: 0,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
  return provider;
}

async function startGateway(providerPort: number) {
  const child = fork(join(import.meta.dirname, "upload-memory.child.ts"), [String(providerPort)]);
  const port = await answerOf(child);
  return {
    port,
    resident: () => ask(child, "resident"),
    /** Since `resident` was asked for. */
    peak: () => ask(child, "peak"),
    close: () => void child.kill(),
  };
}

function ask(child: ChildProcess, what: string): Promise<number> {
  const answer = answerOf(child);
  child.send(what);
  return answer;
}

async function answerOf(child: ChildProcess): Promise<number> {
  const [value] = await once(child, "message");
  return Number(value);
}

const part = (name: string, more = "") =>
  `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n`;
const PIECE = Buffer.alloc(65_536, "sound\r\n--");

async function upload(port: number, fileBytes: number, shape: UploadShape): Promise<void> {
  const model = `${part("model")}m\r\n`;
  const file = part("file", '; filename="a.wav"');
  const before = shape === "model-first" ? model + file : file;
  const after = `\r\n${shape === "model-first" ? "" : model}--${BOUNDARY}--\r\n`;
  const headers: Record<string, string | number> = {
    ...formHeaders,
    "content-length": before.length + fileBytes + after.length,
    ...(shape === "model-last-with-header" ? { "x-genai-provider": "local" } : {}),
  };
  const outgoing = request({ port, host: "127.0.0.1", path: "/v1/audio/transcriptions", method: "POST", headers });
  const answered = once(outgoing, "response");
  outgoing.write(before);
  for (let left = fileBytes; left > 0; left -= PIECE.length) {
    const flowing = outgoing.write(left < PIECE.length ? PIECE.subarray(0, left) : PIECE);
    if (!flowing) await once(outgoing, "drain");
  }
  outgoing.end(after);
  const [response] = (await answered) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  if (response.statusCode !== 200) throw new Error(`the upload was answered ${response.statusCode}`);
}
