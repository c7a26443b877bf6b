import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, test } from "node:test";
import { dialects } from "../../src/dialects/index.ts";
import { fold } from "../../src/canonical/fold.ts";
import { parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import { EARLY_REFRESH_MS } from "../../src/relay/access-tokens.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { gatewayFetch } from "../support/gateway-fetch.ts";
import { loopClients } from "../support/loop-clients.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { jsonAnswer, sseAnswer, type RecordedCall, type Script, type Step } from "../support/memory-transport.ts";
import { stage } from "../support/play.ts";
import { frameAll } from "../support/slicing.ts";
import { clientDialectIds, decodeFrames } from "../support/streams.ts";

/* Gemini and Claude on Vertex AI behind the whole gateway: paths, bodies, and access tokens that are fetched for them. */

const CLAUDE = "claude-sonnet-4-5@20250929";
const GEMINI = "gemini-2.5-flash";
const yaml = "providers:\n  vertex: { project: my-project, location: us-east5 }\nretry: { max_retries: 0 }\n";
const token = { VERTEX_ACCESS_TOKEN: "ya29.static" };
const PUBLISHERS = "/v1/projects/my-project/locations/us-east5/publishers";

const open = (script: Script, environment: Readonly<Record<string, string>> = token) =>
  stage({ yaml, environment, script });
const once =
  (steps: readonly Step[]): Script =>
  () =>
    steps;

const messages = [{ role: "user", content: "hi" }];
const contents = [{ role: "user", parts: [{ text: "hi" }] }];
const claudeAnswer = jsonAnswer({
  id: "msg_vrtx_1",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5-20250929",
  content: [{ type: "text", text: "Hello" }],
  stop_reason: "end_turn",
  usage: { input_tokens: 7, output_tokens: 2 },
});
const geminiAnswer = jsonAnswer({
  candidates: [{ content: { role: "model", parts: [{ text: "Hello" }] }, finishReason: "STOP" }],
  usageMetadata: { promptTokenCount: 7, candidatesTokenCount: 2, totalTokenCount: 9 },
});
const claudeRequest = (more: object = {}): MemoryRequest => ({
  target: "/v1/messages",
  headers: { "anthropic-version": "2023-06-01", "anthropic-beta": "context-1m-2025-08-07" },
  body: { model: CLAUDE, max_tokens: 9, messages, ...more },
});

describe("a Messages client and a Claude model", () => {
  test("the body passes with the version in place of the model, which is in the path", async () => {
    const { ask, upstream, records } = open(once(claudeAnswer));
    const body = `{ "max_tokens": 9,\n "model": "${CLAUDE}", "messages": [{"role":"user","content":"hi"}], "n": 1.0 }`;
    const headers = { "content-type": "application/json", "anthropic-version": "2023-06-01" };
    const { reply } = await ask({ target: "/v1/messages", headers, body });
    assert.equal(reply.status, 200);
    const [call] = upstream.calls;
    assert.equal(call?.origin, "https://us-east5-aiplatform.googleapis.com");
    assert.equal(call?.path, `${PUBLISHERS}/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict`);
    assert.equal(call?.headers["authorization"], "Bearer ya29.static");
    assert.equal(call?.headers["anthropic-version"], undefined);
    assert.deepEqual(call?.json, { anthropic_version: "vertex-2023-10-16", max_tokens: 9, messages, n: 1 });
    // Whatever is not edited keeps its spelling.
    assert.match(call?.text ?? "", /"messages": \[\{"role":"user","content":"hi"\}\], "n": 1\.0/);
    const [attempt] = records[0]?.attempts ?? [];
    assert.deepEqual(attempt?.carry, { request: "verbatim", response: "verbatim" });
    assert.deepEqual(attempt?.edits, ["model: remove", "anthropic_version: vertex-2023-10-16"]);
  });

  test("streams are asked for in the path, and betas go along", async () => {
    const { ask, upstream } = open(once(sseAnswer(["event: message_stop\ndata: {}\n\n"])));
    await ask(claudeRequest({ stream: true }));
    assert.equal(
      upstream.calls[0]?.path,
      `${PUBLISHERS}/anthropic/models/claude-sonnet-4-5%4020250929:streamRawPredict`,
    );
    assert.equal(upstream.calls[0]?.headers["anthropic-beta"], "context-1m-2025-08-07");
  });

  test("a version that the body names already is put right, or left", async () => {
    const { ask, upstream, records } = open(once(claudeAnswer));
    await ask(claudeRequest({ anthropic_version: "vertex-2023-10-16" }));
    await ask(claudeRequest({ anthropic_version: "2023-06-01" }));
    assert.deepEqual(
      records.map((record) => record.attempts[0]?.edits),
      [["model: remove"], ["model: remove", "anthropic_version: vertex-2023-10-16"]],
    );
    for (const call of upstream.calls)
      assert.equal((call.json as JsonObject)["anthropic_version"], "vertex-2023-10-16");
  });
});

describe("clients of other formats", () => {
  test("a Chat client of Claude is translated, the version in the body", async () => {
    const { ask, upstream } = open(once(claudeAnswer));
    const { reply } = await ask({ body: { model: CLAUDE, messages } });
    assert.equal(reply.status, 200);
    const [call] = upstream.calls;
    assert.equal(call?.path, `${PUBLISHERS}/anthropic/models/claude-sonnet-4-5%4020250929:rawPredict`);
    assert.equal(call?.headers["anthropic-version"], undefined);
    const body = call?.json as JsonObject;
    assert.deepEqual([body["anthropic_version"], body["model"]], ["vertex-2023-10-16", undefined]);
  });

  test("a Gemini client of Claude is translated as well", async () => {
    const { ask, upstream } = open(once(claudeAnswer));
    const { reply } = await ask({ target: `/v1beta/models/${CLAUDE}:generateContent`, body: { contents } });
    assert.match(reply.text, /Hello/);
    assert.match(upstream.calls[0]?.path ?? "", /anthropic\/models\/.*:rawPredict$/);
  });

  test("a Messages client of Gemini too", async () => {
    const { ask, upstream } = open(once(geminiAnswer));
    const { reply } = await ask({ target: "/v1/messages", body: { model: GEMINI, max_tokens: 9, messages } });
    assert.match(reply.text, /Hello/);
    assert.equal(upstream.calls[0]?.path, `${PUBLISHERS}/google/models/${GEMINI}:generateContent`);
  });
});

describe("a Gemini client and a Gemini model", () => {
  const paths: readonly (readonly [string, string])[] = [
    ["generateContent", "generateContent"],
    ["streamGenerateContent?alt=sse", "streamGenerateContent?alt=sse"],
    ["streamGenerateContent", "streamGenerateContent"],
    ["countTokens", "countTokens"],
  ];
  for (const [method, expected] of paths) {
    test(`${method} passes untouched`, async () => {
      const { ask, upstream } = open(once(method === "countTokens" ? jsonAnswer({ totalTokens: 3 }) : geminiAnswer));
      const body = `{ "contents": [{"role":"user","parts":[{"text":"hi"}]}] }`;
      const headers = { "content-type": "application/json" };
      const { reply } = await ask({ target: `/v1beta/models/${GEMINI}:${method}`, headers, body });
      assert.equal(reply.status, 200);
      assert.equal(upstream.calls[0]?.path, `${PUBLISHERS}/google/models/${GEMINI}:${expected}`);
      assert.equal(upstream.calls[0]?.text, body);
    });
  }

  test("tokens of a Claude model are counted here: the endpoint is Gemini's", async () => {
    const { ask, upstream } = open(once([]));
    const { reply } = await ask({ target: `/v1beta/models/${CLAUDE}:countTokens`, body: { contents } });
    assert.equal(reply.headers["x-dragoman-estimated"], "true");
    assert.equal(upstream.calls.length, 0);
  });
});

describe("answers recorded from Vertex AI reach the official SDKs of all formats", () => {
  const all = (["anthropic-messages", "gemini"] as const).flatMap((dialect) =>
    fixtures(dialect)
      .filter(({ provider, response }) => provider === "vertex" && response.status === 200)
      .map((recording) => ({ dialect, recording })),
  );
  test("there are some", () => assert.ok(all.length >= 8));
  for (const { dialect, recording } of all) {
    const expected = expectedTurn(recording, dialect);
    // What is no answer in other formats has tests of its own, and so have arrays, which only Gemini's clients ask for.
    const isArray = recording.stream && recording.response.extension === "json";
    if (expected === undefined || isArray) continue;
    for (const client of clientDialectIds) {
      // Arguments in pieces pass untouched to Gemini's own clients, who asked for them and put them together.
      if (client === "gemini" && recording.name.includes("partial-arguments")) continue;
      test(`${recording.name} to ${client}`, async () => {
        const { response, stream } = recording;
        const type = response.extension === "sse" ? "text/event-stream" : "application/json";
        const played = open(once([{ headers: { "content-type": type } }, { data: response.body }, { end: true }]));
        const { user, ask } = loopClients[client];
        const model = dialect === "gemini" ? GEMINI : CLAUDE;
        const turn = await ask(gatewayFetch(played), model, [user("hi")], stream);
        assert.equal(turn.text, expected.text);
        assert.deepEqual(
          turn.calls.map((call) => [call.name, call.arguments]),
          expected.calls,
        );
      });
    }
  }
});

/** The text of a recording and its calls; undefined where it is none that a client of any format could take up. */
function expectedTurn({ response, stream }: Fixture, dialect: "anthropic-messages" | "gemini") {
  const options = { issuer: "vertex", candidates: 1, requestId: "r", createdAt: 0 };
  const { upstream } = dialects[dialect];
  const read = stream ? undefined : upstream.readResponse(parseJson(response.body.toString()) ?? null, options);
  if (read?.ok === false) return undefined;
  const whole =
    read?.value ??
    fold(
      decodeFrames({ upstream }, frameAll(response.extension === "sse" ? "sse" : "json-array", [response.body]).frames)
        .events,
    );
  const [candidate] = whole.candidates;
  const isAnswer = ["stop", "tool-calls", "length"].includes(candidate?.finish.reason ?? "");
  if (candidate === undefined || !isAnswer || candidate.blocks.some(({ type }) => type === "media")) return undefined;
  return {
    text: candidate.blocks.map((block) => (block.type === "text" ? block.text : "")).join(""),
    calls: candidate.blocks.flatMap((block): (readonly [string, Json | undefined])[] =>
      block.type === "tool-call" ? [[block.name, parseJson(block.argumentsText || "{}")]] : [],
    ),
  };
}

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const account = {
  VERTEX_JSON: JSON.stringify({
    type: "service_account",
    client_email: "gateway@example.iam.gserviceaccount.com",
    private_key: privateKey.export({ type: "pkcs8", format: "pem" }),
    token_uri: "https://oauth2.googleapis.com/token",
  }),
};
const accountYaml = `providers:\n  vertex: { project: my-project, location: us-east5, credential: "env::VERTEX_JSON" }\nretry: { max_retries: 0 }\n`;

/** Google's token endpoint and Vertex AI in one script: the first gives `token-1`, `token-2`… */
function google(vertex: (call: RecordedCall) => readonly Step[] = () => geminiAnswer, exchange?: readonly Step[]) {
  let given = 0;
  const script: Script = (call) => {
    if (call.origin !== "https://oauth2.googleapis.com") return vertex(call);
    given += 1;
    return exchange ?? jsonAnswer({ access_token: `token-${given}`, expires_in: 3600 });
  };
  return stage({ yaml: accountYaml, environment: account, script });
}

const geminiRequest: MemoryRequest = { target: `/v1beta/models/${GEMINI}:generateContent`, body: { contents } };
const origins = (calls: readonly RecordedCall[]) =>
  calls.map(({ origin }) => (origin.includes("oauth2") ? "token" : "model"));

describe("a service account", () => {
  test("gets an access token, which serves until it is about to expire", async () => {
    const { ask, upstream, clock } = google();
    await ask(geminiRequest);
    await ask(geminiRequest);
    assert.deepEqual(origins(upstream.calls), ["token", "model", "model"]);
    assert.equal(upstream.calls[2]?.headers["authorization"], "Bearer token-1");
    await clock.advance(3_600_000 - EARLY_REFRESH_MS);
    await ask(geminiRequest);
    // The next one is fetched beside the request, which does not wait for it.
    assert.equal(upstream.calls.filter(({ headers }) => headers["authorization"] === "Bearer token-1").length, 3);
    await ask(geminiRequest);
    assert.equal(upstream.calls.at(-1)?.headers["authorization"], "Bearer token-2");
    assert.equal(origins(upstream.calls).filter((each) => each === "token").length, 2);
  });

  test("gets one token for requests that come together", async () => {
    const { say, upstream, clock } = google();
    const clients = [say(geminiRequest), say(geminiRequest), say(claudeRequest())];
    await clock.advance(10);
    await Promise.all(clients.map(({ reply }) => reply.done));
    assert.deepEqual(origins(upstream.calls).sort(), ["model", "model", "model", "token"]);
  });

  test("gets another one when the provider does not take the first any more", async () => {
    const refused = jsonAnswer(
      { error: { code: 401, message: "Invalid credentials", status: "UNAUTHENTICATED" } },
      401,
    );
    const { ask, upstream } = google((call) =>
      call.headers["authorization"] === "Bearer token-1" ? refused : geminiAnswer,
    );
    const first = await ask(geminiRequest);
    assert.equal(first.reply.status, 502);
    assert.equal(first.reply.headers["x-dragoman-error-code"], "provider_rejected_managed_credential");
    const second = await ask(geminiRequest);
    assert.equal(second.reply.status, 200);
    assert.equal(upstream.calls.at(-1)?.headers["authorization"], "Bearer token-2");
  });

  test("that gets none is the operator's business, in the client's own format", async () => {
    const { ask, upstream, records } = google(undefined, jsonAnswer({ error: "invalid_grant" }, 400));
    const { reply } = await ask(claudeRequest());
    assert.equal(reply.status, 502);
    assert.match(reply.text, /"type":"api_error"/);
    assert.match(reply.text, /invalid_grant/);
    assert.deepEqual(origins(upstream.calls), ["token"]);
    assert.equal(records[0]?.attempts[0]?.failure?.code, "provider_rejected_managed_credential");
  });

  test("is not waited for by a client that has left; the token is there for the next one", async () => {
    const { say, ask, upstream, clock, records } = google(undefined, [
      { waitMs: 1000 },
      ...jsonAnswer({ access_token: "token-1", expires_in: 3600 }),
    ]);
    const { reply } = say(geminiRequest);
    await clock.advance(10);
    reply.leave();
    await clock.advance(0);
    assert.equal(records[0]?.end, "cancelled");
    await clock.advance(1000);
    assert.deepEqual(origins(upstream.calls), ["token"]);
    await ask(geminiRequest);
    assert.deepEqual(origins(upstream.calls), ["token", "model"]);
  });

  test("is not waited for longer than the client waits", async () => {
    const { ask, upstream } = google(undefined, [{ stall: true }]);
    const { reply } = await ask({ ...geminiRequest, headers: { "x-server-timeout": "2" } });
    assert.equal(reply.status, 504);
    assert.deepEqual(origins(upstream.calls), ["token"]);
  });

  test("is not spent where the caller brings a token", async () => {
    const { ask, upstream } = google();
    await ask({ ...geminiRequest, headers: { authorization: "Bearer ya29.callers-own" } });
    assert.deepEqual(origins(upstream.calls), ["model"]);
    assert.equal(upstream.calls[0]?.headers["authorization"], "Bearer ya29.callers-own");
  });
});
