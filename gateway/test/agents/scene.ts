import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createKey } from "../../src/limits/keys.ts";
import { asObject, asString, isObject, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { startUpstream, type Answer, type UpstreamRequest } from "../support/upstream.ts";
import type { AgentCli } from "./agents.ts";
import { startChild, type Child, type Ended } from "./child.ts";
import type { Format } from "./formats/format.ts";
import { startOutside } from "./outside.ts";

/** One run of an agent through a gateway of its own, with one provider behind it. */
export type Scene = {
  readonly agent: AgentCli;
  /** The folder it was installed into. */
  readonly installed: string;
  readonly format: Format;
  /** What the provider answers, given the folder that the agent works in. */
  readonly answer: (workingFolder: string) => Answer;
  /** What is in the file that the agent is asked to read, notes.txt. */
  readonly notes?: string;
  /** Default: one that the gateway knows. */
  readonly key?: string;
  readonly model?: string;
  readonly runMaxMs?: number;
};

/** What came of it. */
export type Outcome = Ended & {
  /** What the provider was asked, in order. */
  readonly provider: readonly UpstreamRequest[];
  /** The gateway's records of requests for a model's answer: one per request of the agent. */
  readonly records: readonly JsonObject[];
  /** What the agent wanted from elsewhere, which nobody gave it. */
  readonly outside: readonly string[];
};

/** The key that the gateways of all runs know. */
const gatewayKey = createKey();
/** What the gateway has for the provider, and agents must not need. */
export const PROVIDER_KEY = "scripted-provider-key";
const RUN_MAX_MS = 90_000;
const PROMPT = "What does the file notes.txt say? Read it and answer with its content.";

export async function play(scene: Scene): Promise<Outcome> {
  const home = await mkdtemp(join(tmpdir(), "dragoman-agents-"));
  const workingFolder = join(home, "work");
  const upstream = await startUpstream(scene.answer(workingFolder));
  const outside = await startOutside();
  let gateway: Child | undefined;
  try {
    await writeFiles(workingFolder, { "notes.txt": scene.notes ?? "" });
    gateway = await startGateway(home, scene.format, upstream.origin);
    const origin = asString(asObject(parseJson(await gateway.firstLine()))?.["url"]) ?? "";
    const ended = await runAgent(scene, { origin: new URL(origin).origin, home, workingFolder, proxy: outside.origin });
    process.kill(gateway.pid, "SIGTERM");
    await gateway.ended;
    const records = await readRecords(join(home, "gateway.log"));
    return { ...ended, provider: upstream.requests, records, outside: outside.asked };
  } finally {
    gateway?.kill();
    await Promise.all([upstream.close(), outside.close()]);
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function startGateway(home: string, format: Format, origin: string): Promise<Child> {
  const config = {
    server: { port: 0, drain_ms: 0 },
    providers: {
      scripted: {
        kind: format.kind,
        base_url: `${origin}${format.basePath}`,
        credential: "env::SCRIPTED_KEY",
        dialects: [format.dialect],
        models: [format.model],
      },
    },
    keys: [{ name: "agents", id: gatewayKey.id, hash: gatewayKey.hash }],
    demo: false,
    retry: { backoff_base_ms: 50 },
    log: { format: "json", file: join(home, "gateway.log") },
  };
  const file = join(home, "dragoman.yaml");
  // JSON is YAML too.
  await writeFile(file, JSON.stringify(config));
  return startChild({
    command: process.execPath,
    args: [join(import.meta.dirname, "../../bin/dragoman.mjs"), "start", "--config", file],
    folder: home,
    environment: { HOME: home, SCRIPTED_KEY: PROVIDER_KEY },
    lifeMaxMs: RUN_MAX_MS * 2,
  });
}

type Place = {
  readonly origin: string;
  readonly home: string;
  readonly workingFolder: string;
  readonly proxy: string;
};

async function runAgent(scene: Scene, { origin, home, workingFolder, proxy }: Place): Promise<Ended> {
  const { agent, installed, format } = scene;
  const launch = agent.launch(installed, {
    origin,
    key: scene.key ?? gatewayKey.text,
    model: scene.model ?? format.model,
    prompt: PROMPT,
    home,
    workingFolder,
  });
  await writeFiles(home, launch.files);
  const child = startChild({
    command: launch.command,
    args: launch.args,
    folder: workingFolder,
    environment: {
      HOME: home,
      // Their reports of errors, too, go when the run is over.
      TMPDIR: home,
      PATH: process.env["PATH"] ?? "",
      TERM: "dumb",
      NO_COLOR: "1",
      // All that is not on this machine is asked of a proxy that gives nothing.
      HTTPS_PROXY: proxy,
      HTTP_PROXY: proxy,
      NO_PROXY: "127.0.0.1,localhost",
      ...launch.environment,
    },
    lifeMaxMs: scene.runMaxMs ?? RUN_MAX_MS,
  });
  return child.ended;
}

async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
  }
}

const chatOperations = new Set(["messages", "responses", "chat-completions", "generate-content"]);

async function readRecords(file: string): Promise<JsonObject[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const lines = text.split("\n").map((line) => parseJson(line));
  return lines.filter(isObject).filter((record) => chatOperations.has(asString(record["operation"]) ?? ""));
}
