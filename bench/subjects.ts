import { openSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { createKey } from "../gateway/src/limits/keys.ts";
import { startHelper, startProcess, stopProcess, SUBJECT_CORE } from "./child.ts";
import type { Target } from "./load.ts";

/** Something that passes requests on to the mock upstream, running. */
export type Subject = {
  readonly name: SubjectName;
  readonly pid: number;
  readonly target: Target;
  /** Answers a small GET without much work. */
  readonly probePath: string;
  /** Where its inspector listens, when it was asked to have one. */
  readonly inspectorPort: number | undefined;
  stop(): Promise<void>;
};

export type SubjectName = "bare" | "nginx" | "gateway";

export type SubjectOptions = {
  readonly upstreamPort: number;
  /** A folder for configurations and logs. */
  readonly folder: string;
  /** Starts with an inspector, through which a garbage collection can be asked for. */
  readonly inspector?: boolean;
  /** Gateway only: worker processes. */
  readonly workers?: number;
  /** Gateway only: a blocklist of 10,000 phrases, and personal data looked for. */
  readonly guards?: boolean;
};

const START_WAIT_MS = 15_000;
const START_POLL_MS = 50;
const GUARD_PHRASES = 10_000;
const LOG_TAIL_CHARACTERS = 2000;
const gatewayMain = join(import.meta.dirname, "../gateway/bin/dragoman.mjs");

export const hasNginx = spawnSync("nginx", ["-v"], { stdio: "ignore" }).status === 0;

/** Starts a subject. Throws with the end of its log when it does not come up. */
export function startSubject(name: SubjectName, options: SubjectOptions): Promise<Subject> {
  if (name === "bare") return startBare(options);
  return name === "nginx" ? startNginx(options) : startGateway(options);
}

async function startBare({ upstreamPort, inspector }: SubjectOptions): Promise<Subject> {
  const inspectorPort = inspector === true ? await freePort() : undefined;
  const relay = await startHelper("bare-relay.ts", {
    core: SUBJECT_CORE,
    args: [`http://127.0.0.1:${upstreamPort}`],
    flags: inspectorFlags(inspectorPort),
    quiet: inspectorPort !== undefined, // The inspector announces everyone who attaches.
  });
  const target = { port: relay.port, headers: {} };
  return { name: "bare", pid: relay.pid, target, probePath: "/health", inspectorPort, stop: () => relay.stop() };
}

async function startNginx({ upstreamPort, folder }: SubjectOptions): Promise<Subject> {
  const port = await freePort();
  const file = join(folder, `nginx-${port}.conf`);
  writeFileSync(file, nginxConfig({ port, upstreamPort, folder }));
  const command = ["nginx", "-c", file, "-p", folder, "-e", join(folder, "nginx-error.log")];
  return startServer("nginx", { command, port, folder, env: {}, headers: {}, inspectorPort: undefined });
}

function nginxConfig({ port, upstreamPort, folder }: { port: number; upstreamPort: number; folder: string }): string {
  return `
daemon off;
${process.getuid?.() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${folder}/nginx-${port}.pid;
events { worker_connections 8192; }
http {
  access_log off;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi; uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream mock { server 127.0.0.1:${upstreamPort}; keepalive 512; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 600s;
    }
  }
}
`;
}

async function startGateway({ upstreamPort, folder, inspector, workers, guards }: SubjectOptions): Promise<Subject> {
  const port = await freePort();
  const inspectorPort = inspector === true ? await freePort() : undefined;
  const key = createKey((length) => crypto.getRandomValues(new Uint8Array(length)));
  const file = join(folder, `gateway-${port}.yaml`);
  const config = {
    server: { host: "127.0.0.1", port, workers: workers ?? 1 },
    providers: {
      mock: {
        kind: "openai-compatible",
        base_url: `http://127.0.0.1:${upstreamPort}/v1`,
        credential: "env::BENCH_UPSTREAM_KEY",
        dialects: ["openai-chat"],
        models: ["plain", "hold", "stream-*"],
      },
    },
    keys: [{ name: "bench", id: key.id, hash: key.hash }],
    ...(guards === true ? { security: { enabled: true, blocklist: phrases(), pii: { action: "block" } } } : {}),
    log: { format: "none", file: join(folder, `gateway-${port}.jsonl`) },
  };
  writeFileSync(file, JSON.stringify(config)); // JSON is YAML too.
  return startServer("gateway", {
    command: [process.execPath, ...inspectorFlags(inspectorPort), gatewayMain, "start", "--config", file],
    port,
    folder,
    env: { BENCH_UPSTREAM_KEY: "sk-bench-upstream" },
    headers: { authorization: `Bearer ${key.text}` },
    inspectorPort,
  });
}

/** None of them occurs in the benchmark's prompts: everything is searched for and nothing is found. */
function phrases(): string[] {
  return Array.from({ length: GUARD_PHRASES }, (_, index) => `forbidden phrase number ${index}`);
}

type Server = {
  readonly command: readonly string[];
  readonly port: number;
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly inspectorPort: number | undefined;
};

/** Starts a server whose output goes to a file, and waits until it answers. */
async function startServer(name: SubjectName, server: Server): Promise<Subject> {
  const log = join(server.folder, `${name}-${server.port}.out`);
  const child = startProcess({
    command: server.command,
    core: SUBJECT_CORE,
    env: server.env,
    output: openSync(log, "w"),
  });
  const deadline = Date.now() + START_WAIT_MS;
  while (!(await answers(server.port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      await stopProcess(child);
      throw new Error(`${name} did not start:\n${readFileSync(log, "utf8").slice(-LOG_TAIL_CHARACTERS)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, START_POLL_MS));
  }
  return {
    name,
    pid: child.pid ?? 0,
    target: { port: server.port, headers: server.headers },
    probePath: "/health",
    inspectorPort: server.inspectorPort,
    stop: () => stopProcess(child),
  };
}

async function answers(port: number): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}/health`)).ok;
  } catch {
    return false; // Not listening yet.
  }
}

function inspectorFlags(port: number | undefined): string[] {
  return port === undefined ? [] : [`--inspect=127.0.0.1:${port}`];
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
