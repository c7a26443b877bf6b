import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { to11ErrorCode } from "../../src/routing/to11.ts";
import { failure, failureCodes, type FailureCode } from "../../src/canonical/failure.ts";
import { fourProviders } from "../support/config.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { jsonAnswer, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";

/*
 * `compatibility: to11`, one row per literal behaviour, each beside what the gateway does without the line. The list for
 * people is docs/compatibility.md.
 */

const chat = { target: "/v1/chat/completions", body: '{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}' };
const messages = {
  target: "/v1/messages",
  body: '{"model":"claude-sonnet-4-6","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}',
};
const count = (model: string): MemoryRequest => ({
  target: "/v1/messages/count_tokens",
  body: `{"model":"${model}","messages":[{"role":"user","content":"hi"}]}`,
});

const refusal = (status: number) => () => jsonAnswer({ error: { message: "their words", type: "x" } }, status);
const silence = (): Step[] => [{ stall: true }];
const reset = (): Step[] => [{ error: { kind: "reset", sent: true, detail: "reset" } }];
const broken = (): Step[] => [{ headers: { "content-type": "application/json" } }, { data: "not JSON" }, { end: true }];

type Row = {
  readonly behaviour: string;
  readonly request: MemoryRequest;
  readonly script?: Script;
  /** Status, calls to the provider, and what the message says, with the profile and without. */
  readonly to11: readonly [status: number, calls: number, says: RegExp];
  readonly ours: readonly [status: number, calls: number, says: RegExp];
  readonly waitedMs?: { readonly to11: number; readonly ours: number };
};

const rows: readonly Row[] = [
  {
    behaviour: "a provider's 400 is a 502",
    request: chat,
    script: refusal(400),
    to11: [502, 1, /their words/],
    ours: [400, 1, /their words/],
  },
  {
    behaviour: "a provider's 404 is a 502",
    request: messages,
    script: refusal(404),
    to11: [502, 1, /their words/],
    ours: [404, 1, /their words/],
  },
  {
    behaviour: "a provider's 422 is a 502",
    request: chat,
    script: refusal(422),
    to11: [502, 1, /their words/],
    ours: [422, 1, /their words/],
  },
  {
    behaviour: "a rate limit is not retried, and is a 502",
    request: chat,
    script: refusal(429),
    to11: [502, 1, /their words/],
    ours: [429, 3, /their words/],
  },
  {
    behaviour: "an overloaded provider is not asked again, and is a 502 without its words",
    request: chat,
    script: refusal(503),
    to11: [502, 1, /^provider returned status 503$/],
    ours: [503, 3, /their words/],
  },
  {
    behaviour: "Anthropic's overload too is a 502",
    request: messages,
    script: refusal(529),
    to11: [502, 1, /^provider returned status 529$/],
    ours: [529, 3, /their words/],
  },
  {
    behaviour: "a failing provider is not asked again, and its words are replaced",
    request: chat,
    script: refusal(500),
    to11: [502, 1, /^provider returned status 500$/],
    ours: [502, 3, /their words/],
  },
  {
    behaviour: "a lost connection is not tried again",
    request: chat,
    script: reset,
    to11: [502, 1, /connection/],
    ours: [502, 3, /connection/],
  },
  {
    behaviour: "a provider has 30 s for its first byte, and one that is slower is a 502",
    request: { ...chat, body: chat.body.replace("{", '{"stream":true,') },
    script: silence,
    to11: [502, 1, /did not begin to answer/],
    ours: [504, 1, /did not begin to answer/],
    waitedMs: { to11: 30_000, ours: 120_000 },
  },
  {
    behaviour: "an answer that is no JSON is a 502 at once",
    request: chat,
    script: broken,
    to11: [502, 1, /not JSON/],
    ours: [502, 3, /not JSON/],
  },
  {
    behaviour: "tokens are counted for Anthropic's models only",
    request: count("gpt-4o"),
    to11: [400, 0, /"gpt-4o" is not an Anthropic model/],
    ours: [200, 0, /^$/],
  },
  {
    behaviour: "tokens of an Anthropic model are counted by Anthropic",
    request: count("claude-sonnet-4-6"),
    script: () => jsonAnswer({ input_tokens: 7 }),
    to11: [200, 1, /^$/],
    ours: [200, 1, /^$/],
  },
  {
    behaviour: "JSON formats to an Anthropic model are a 400",
    request: {
      target: "/v1/chat/completions",
      body: '{"model":"claude-sonnet-4-6","messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_object"}}',
    },
    to11: [400, 0, /response_format/],
    ours: [400, 0, /response_format/],
  },
  {
    behaviour: "embeddings of an Anthropic model are a 400",
    request: { target: "/v1/embeddings", body: '{"model":"claude-sonnet-4-6","input":"hi"}' },
    to11: [400, 0, /embeddings/],
    ours: [400, 0, /embeddings/],
  },
  {
    behaviour: "an unknown model is a 404",
    request: { ...chat, body: chat.body.replace("gpt-4o", "nobody-knows") },
    to11: [404, 0, /nobody-knows/],
    ours: [404, 0, /nobody-knows/],
  },
  {
    behaviour: "a header that disagrees with the prefix is a 400",
    request: {
      ...chat,
      headers: { "x-genai-provider": "anthropic" },
      body: chat.body.replace("gpt-4o", "openai::gpt-4o"),
    },
    to11: [400, 0, /x-genai-provider/],
    ours: [400, 0, /x-genai-provider/],
  },
  {
    behaviour: "there is no demo",
    request: { ...chat, body: chat.body.replace("gpt-4o", "demo::echo") },
    to11: [404, 0, /demo/],
    ours: [200, 0, /^$/],
  },
];

function messageOf(text: string): string {
  return /"message":"((?:[^"\\]|\\.)*)"/.exec(text.includes('"error"') ? text : "")?.[1]?.replaceAll('\\"', '"') ?? "";
}

async function play(yaml: string, row: Row) {
  const { ask, upstream, records } = stage(row.script === undefined ? { yaml } : { yaml, script: row.script });
  const { reply } = await ask(row.request, 700_000);
  return { reply, calls: upstream.calls.length, message: messageOf(reply.text), ms: records[0]?.totalMs ?? 0 };
}

for (const row of rows) {
  for (const [name, yaml, [status, calls, says]] of [
    ["to11", `compatibility: to11\n${fourProviders}`, row.to11],
    ["ours", fourProviders, row.ours],
  ] as const) {
    test(`${name}: ${row.behaviour}`, async () => {
      const played = await play(yaml, row);
      assert.deepEqual([played.reply.status, played.calls], [status, calls], played.reply.text);
      assert.match(played.message, says);
      const waitedMs = row.waitedMs?.[name] ?? played.ms;
      assert.ok(played.ms >= waitedMs && played.ms < waitedMs + 1_000, `after ${played.ms} ms`);
    });
  }
}

const headerRows: readonly {
  readonly request: MemoryRequest;
  readonly script?: Script;
  readonly code: string;
  readonly provider: string | undefined;
}[] = [
  { request: chat, script: refusal(400), code: "bad_request", provider: "openai" },
  { request: chat, script: refusal(429), code: "rate_limit", provider: "openai" },
  { request: messages, script: refusal(529), code: "overloaded", provider: "anthropic" },
  { request: messages, script: refusal(401), code: "auth", provider: "anthropic" },
  { request: chat, script: refusal(500), code: "upstream", provider: "openai" },
  {
    request: { ...chat, body: chat.body.replace("gpt-4o", "nobody-knows") },
    code: "model_not_found",
    provider: undefined,
  },
  { request: { ...chat, body: "{" }, code: "bad_request", provider: undefined },
];
for (const { request, script, code, provider } of headerRows) {
  test(`an error has x-to11-error-code ${code} and x-to11-upstream-provider ${provider ?? "only where there was one"}`, async () => {
    const yaml = `compatibility: to11\n${fourProviders}`;
    const { ask, records } = stage(script === undefined ? { yaml } : { yaml, script });
    const { headers } = (await ask(request)).reply;
    assert.equal(headers["x-to11-error-code"], code);
    assert.equal(headers["x-to11-upstream-provider"], provider);
    assert.equal(headers["x-to11-request-id"], headers["x-request-id"]);
    const told = records[0]?.failure?.code;
    assert.equal(headers["x-dragoman-error-code"], told, "our own code and the record say what really happened");
  });
}

test("every answer has x-to11-request-id, with the profile only", async () => {
  const script: Script = () =>
    jsonAnswer({ id: "1", object: "chat.completion", created: 1, model: "gpt-4o", choices: [] });
  for (const request of [chat, { method: "GET", target: "/v1/models" }]) {
    const literal = await stage({ yaml: `compatibility: to11\n${fourProviders}`, script }).ask(request);
    assert.equal(literal.reply.headers["x-to11-request-id"], literal.reply.headers["x-request-id"]);
    const ours = await stage({ yaml: fourProviders, script }).ask(request);
    assert.ok(!Object.keys(ours.reply.headers).some((name) => name.startsWith("x-to11-")));
  }
});

test("a gateway key in x-to11-authorization, and its project, with and without the profile", async () => {
  for (const yaml of ["", "compatibility: to11\n"]) {
    const { ask, records } = stage({ yaml: `${yaml}${fourProviders}`, script: refusal(400) });
    await ask({ ...chat, headers: { "x-to11-authorization": "Bearer anything", "x-to11-project-id": "core" } });
    assert.equal(records[0]?.project, "core");
  }
});

test("an answer to our own stop is not the provider's failure", async () => {
  const { say, clock, gateway } = stage({ yaml: `compatibility: to11\n${fourProviders}`, script: silence });
  const { reply } = say(chat);
  await clock.advance(100);
  gateway.interrupt();
  await clock.advance(100);
  assert.equal(reply.status, 503);
  assert.equal(reply.headers["x-to11-error-code"], "overloaded");
});

test("every code of ours has one of to11's, and the manual has all of those and no other", () => {
  const manual = readFileSync(join(import.meta.dirname, "../../../docs/compatibility.md"), "utf8");
  const documented = [...manual.matchAll(/^\| `([a-z_]+)` \| (?!`|on|off)/gm)].map(([, code = ""]) => code);
  const used = new Set((Object.keys(failureCodes) as FailureCode[]).map((code) => to11ErrorCode(failure(code, ""))));
  assert.deepEqual([...used].sort(), documented.sort());
});
