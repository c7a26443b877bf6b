import { serveGateway } from "./serve.ts";

/* The gateway of upload-memory.ts: tells its port, and its resident memory when it is asked. */

const yaml = `
server: { upload_bytes_max: 4000000000 }
providers:
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:${process.argv[2]}/v1", credential: none, models: [m] }
`;

const served = await serveGateway(yaml);
const state = { peak: 0 };
setInterval(() => (state.peak = Math.max(state.peak, process.memoryUsage.rss())), 5).unref();

process.on("message", (what) => {
  const now = process.memoryUsage.rss();
  if (what === "resident") state.peak = now;
  process.send?.(what === "resident" ? now : Math.max(state.peak, now));
});
process.send?.(Number(new URL(served.url).port));
