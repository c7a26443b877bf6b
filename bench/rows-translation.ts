import { dialects } from "../gateway/src/dialects/index.ts";
import { wireRequest } from "../gateway/src/dialects/wire-request.ts";
import { scanObject } from "../gateway/src/framing/json-scan.ts";
import { chatBody } from "./bodies.ts";
import type { Bench } from "./measure.ts";
import { median, round, type Row } from "./report.ts";

/* The translation of a request by itself, in this process: what a gateway must do that passes nothing through. */

const BODY_BYTES = 1_000_000;
const CPU_MS_MAX = 20;
const ROUNDS = { quick: 31, full: 101 };
const WARM_UP_ROUNDS = 10;
const MODEL = "claude-sonnet-4-6";

/** Reading and writing a conversation of 1 MB, against parsing and writing the same text as JSON. */
export function translationRows(bench: Bench): Promise<Row[]> {
  const conversations = [
    ["text", textConversation()],
    ["tool loop", toolConversation()],
  ] as const;
  const rounds = bench.full ? ROUNDS.full : ROUNDS.quick;
  return Promise.resolve(conversations.map(([name, text]) => conversationRow(name, text, rounds)));
}

function conversationRow(name: string, text: string, rounds: number): Row {
  const bytes = Buffer.from(text);
  const own: number[] = [];
  const yardstick: number[] = [];
  for (let left = WARM_UP_ROUNDS + rounds; left > 0; left -= 1) {
    const times = [cpuMs(() => translate(bytes)), cpuMs(() => JSON.stringify(JSON.parse(bytes.toString())).length)];
    if (left > rounds) continue;
    own.push(times[0] ?? Number.NaN);
    yardstick.push(times[1] ?? Number.NaN);
  }
  const [measured, unit] = [median(own), median(yardstick)];
  return {
    name: `translate 1 MB of ${name}, Chat to Messages`,
    measured,
    unit: "ms",
    budget: { most: CPU_MS_MAX },
    absolutes: `CPU; parse + stringify ${round(unit)} ms, so ${round(measured / unit)} × that; ${(bytes.length / 1e6).toFixed(2)} MB`,
  };
}

/** From the bytes of a Chat request to the bytes of a Messages request, as the gateway does it. */
function translate(bytes: Buffer): number {
  const scan = scanObject(bytes);
  if (!scan.ok) throw new Error(scan.error.message);
  const wire = wireRequest({
    path: "/v1/chat/completions",
    pathModel: "",
    query: new URLSearchParams(),
    headers: {},
    raw: bytes,
    scan: scan.value,
  });
  const read = dialects["openai-chat"].client.readRequest(wire);
  if (!read.ok) throw new Error(read.error.message);
  const options = { issuer: "anthropic", kind: "anthropic", model: MODEL, traits: {} };
  const written = dialects["anthropic-messages"].upstream.writeRequest?.({ ...read.value, model: MODEL }, options);
  if (written?.ok !== true) throw new Error("the conversation cannot be written");
  return Buffer.from(JSON.stringify(written.value.body)).length;
}

/** Processor time of all threads: a collection of what the work left behind is part of what it costs. */
function cpuMs(work: () => number): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

function textConversation(): string {
  return chatBody({ format: "openai-chat", model: MODEL, stream: true, bytes: BODY_BYTES });
}

/** An agent at work: calls and results of about 1 KB each, with ids that Anthropic would not take. */
function toolConversation(): string {
  const parameters = { type: "object", properties: { path: { type: "string" }, text: { type: "string" } } };
  const tools = [{ type: "function", function: { name: "edit", description: "Edits a file.", parameters } }];
  const line = '  const value = "text"; // and what it is for\n'.repeat(20);
  const messages: object[] = [{ role: "user", content: "Go on." }];
  for (let bytes = 0, turn = 0; bytes < BODY_BYTES; bytes += 2.3 * line.length, turn += 1) {
    const id = `functions.edit:${turn}`;
    const called = { name: "edit", arguments: JSON.stringify({ path: `src/file-${turn}.ts`, text: line }) };
    messages.push({ role: "assistant", content: null, tool_calls: [{ id, type: "function", function: called }] });
    messages.push({ role: "tool", tool_call_id: id, content: line });
  }
  return JSON.stringify({ model: MODEL, stream: true, tools, messages });
}
