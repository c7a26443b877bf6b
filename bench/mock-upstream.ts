/**
 * A provider that costs as little as possible: it drains the request, finds the model's name in its first bytes and answers
 * what the name says (bodies.ts). Everything it sends was made before.
 */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { chatPath, plainAnswer, streamFrames, type ChatFormat } from "./bodies.ts";

type StreamPlan = { readonly chunks: number; readonly framesPerWrite: number; readonly paceMs: number };

/** Models are looked for here; whoever rewrites a request may put other keys first. */
const HEAD_BYTES = 65_536;
const formats: readonly ChatFormat[] = ["openai-chat", "anthropic-messages"];
const plain = new Map(formats.map((format) => [format, Buffer.from(plainAnswer(format))]));

const server = createServer({ keepAliveTimeout: 600_000, requestTimeout: 0 }, (request, response) => {
  let head: Buffer | undefined;
  request.on("data", (bytes: Buffer) => {
    head ??= bytes.subarray(0, HEAD_BYTES);
  });
  request.on("end", () => {
    const format = formats.find((each) => chatPath(each) === request.url);
    if (format === undefined) response.end("ok");
    else answer(response, format, head?.toString("latin1") ?? "");
  });
});
server.listen(0, "127.0.0.1", () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on("disconnect", () => process.exit(0));

function answer(response: ServerResponse, format: ChatFormat, head: string): void {
  const model = /"model"\s*:\s*"([^"]+)"/.exec(head)?.[1] ?? "plain";
  const [kind, ...numbers] = model.split("-");
  if (kind === "stream" || kind === "hold") {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const [chunks = 1, framesPerWrite = 1, paceMs = 0] = numbers.map(Number);
    if (kind === "stream") stream(response, format, head, { chunks, framesPerWrite, paceMs });
    else response.write(streamFrames(format, false).opening + streamFrames(format, false).text);
    return;
  }
  const body = plain.get(format);
  response.writeHead(200, { "content-type": "application/json", "content-length": body?.length ?? 0 });
  response.end(body);
}

/** Opening and first text go together, so that the first byte is also the first token. */
function stream(response: ServerResponse, format: ChatFormat, head: string, plan: StreamPlan): void {
  const { opening, text, closing } = streamFrames(format, head.includes('"include_usage":true'));
  const batch = Buffer.from(text.repeat(plan.framesPerWrite));
  let left = plan.chunks - plan.framesPerWrite;
  response.write(opening + text.repeat(plan.framesPerWrite));
  const finish = (): void => {
    response.end(closing);
  };
  if (plan.paceMs > 0) {
    const timer = setInterval(() => {
      if (left > 0) response.write(batch);
      else finish();
      left -= plan.framesPerWrite;
      if (left < 0) clearInterval(timer);
    }, plan.paceMs);
    response.on("close", () => clearInterval(timer));
    return;
  }
  const pour = (): void => {
    while (left > 0) {
      left -= plan.framesPerWrite;
      if (!response.write(batch)) {
        response.once("drain", pour);
        return;
      }
    }
    finish();
  };
  pour();
}
