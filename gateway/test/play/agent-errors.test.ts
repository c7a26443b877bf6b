import assert from "node:assert/strict";
import { test } from "node:test";
import { asObject, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { fourProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import type { Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/* A provider's error on its way to an agent that would make the worst of it. */

const codex: MemoryRequest = {
  target: "/v1/responses",
  headers: { "user-agent": "codex_exec/0.169.0 (linux; x86_64)" },
  body: { model: "gpt-4o", input: "hi", stream: true },
};
const sdk: MemoryRequest = { ...codex, headers: { "user-agent": "OpenAI/JS 7.55.0" } };

function answering(status: number, error: JsonObject, headers: Readonly<Record<string, string>> = {}): Step[] {
  return [
    { status, headers: { "content-type": "application/json", ...headers } },
    { data: JSON.stringify({ error }) },
    { end: true },
  ];
}

const limited = answering(
  429,
  { message: "Slow down.", type: "requests", code: "rate_limit_exceeded", param: null },
  { "retry-after": "3600" },
);
const wrongKey = answering(401, {
  message: "Incorrect API key.",
  type: "invalid_request_error",
  code: "invalid_api_key",
});

async function errorOf(script: readonly Step[], request: MemoryRequest, yaml = fourProviders) {
  const { ask, clock } = stage({ yaml, script: () => script });
  const { reply } = await ask(request);
  return { status: reply.status, error: asObject(asObject(parseJson(reply.text))?.["error"]) ?? {}, clock };
}

test("Codex, whose provider says to come back in an hour, is told the time instead of sleeping until then", async () => {
  const { status, error, clock } = await errorOf(limited, codex);
  assert.deepEqual([status, error["type"]], [429, "usage_limit_reached"]);
  const resetsAt = Number(error["resets_at"]) - Math.floor(clock.wall() / 1000);
  assert.ok(resetsAt > 3590 && resetsAt <= 3601, `${resetsAt} s from now`);
});

test("an SDK gets the same error as the provider wrote it", async () => {
  const { status, error } = await errorOf(limited, sdk);
  assert.deepEqual([status, error["type"], error["code"]], [429, "requests", "rate_limit_exceeded"]);
});

test("where errors are plain, Codex is told what everybody is told", async () => {
  const { status, error } = await errorOf(limited, codex, `${fourProviders}\nerrors: { dialect: plain }\n`);
  assert.deepEqual([status, error["type"]], [429, "requests"]);
});

test("the gateway's own credential refused: Codex does not ask thirty times, an SDK sees a bad gateway", async () => {
  const forCodex = await errorOf(wrongKey, codex);
  assert.deepEqual([forCodex.status, forCodex.error["code"]], [400, "invalid_prompt"]);
  assert.match(JSON.stringify(forCodex.error), /gateway's own credential/);
  assert.equal((await errorOf(wrongKey, sdk)).status, 502);
});
