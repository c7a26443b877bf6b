import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { describe, test } from "node:test";
import { failure } from "../../src/canonical/failure.ts";
import { SPOOL_MEMORY_BYTES_MAX } from "../../src/relay/spool.ts";
import { formBody, formHeaders, type FormPart } from "../support/form.ts";
import type { MemoryRequest } from "../support/memory-reply.ts";
import { gatewayKey } from "../support/keys.ts";
import { jsonAnswer } from "../support/memory-transport.ts";
import { stage, type Stage } from "../support/play.ts";

/* Forms on their way: what waits, what is changed, and what never arrives whole. */

const yaml = `
server: { upload_bytes_max: 8000000 }
providers:
  openai: { credential: "env::OPENAI_API_KEY", models: [whisper-1] }
  local: { kind: openai-compatible, base_url: "http://127.0.0.1:8000/v1", credential: none, models: [m, {id: alias, upstream_id: "org/a-much-longer-name"}] }
`;

const open = (more = ""): Stage =>
  stage({
    yaml: yaml + more,
    environment: { OPENAI_API_KEY: "sk-proj-managed" },
    script: () => jsonAnswer({ text: "hi" }),
  });

const transcribe = (body: Uint8Array, more: Partial<MemoryRequest> = {}): MemoryRequest => ({
  target: "/v1/audio/transcriptions",
  ...more,
  headers: { ...formHeaders, ...more.headers },
  body,
});

const sound = (bytes: number): FormPart => ({
  name: "file",
  filename: "speech ä.wav",
  type: "audio/wav",
  value: Buffer.alloc(bytes, "\r\n--sound"),
});
const others: FormPart[] = [
  { name: "timestamp_granularities[]", value: "word" },
  { name: "timestamp_granularities[]", value: "segment" },
  { name: "prompt", value: "Grüße,\r\nund so" },
];

describe("a form whose model stands", () => {
  const orders: readonly { readonly where: string; readonly parts: (model: string) => FormPart[] }[] = [
    { where: "first", parts: (model) => [{ name: "model", value: model }, sound(5_000), ...others] },
    { where: "last", parts: (model) => [sound(5_000), ...others, { name: "model", value: model }] },
    { where: "in the middle", parts: (model) => [...others, { name: "model", value: model }, sound(5_000)] },
  ];
  for (const { where, parts } of orders) {
    for (const pieceBytes of [1, 7, 4_096, undefined]) {
      test(`${where} arrives with nothing but the name changed, read ${pieceBytes ?? "all"} bytes at a time`, async () => {
        const { ask, upstream, records } = open();
        const { reply } = await ask(
          transcribe(formBody(parts("alias")), pieceBytes === undefined ? {} : { pieceBytes }),
        );
        assert.equal(reply.status, 200, reply.text);
        const [call] = upstream.calls;
        const expected = formBody(parts("org/a-much-longer-name"));
        assert.ok(call?.bytes.equals(expected));
        assert.equal(call?.headers["content-type"], formHeaders["content-type"]);
        assert.equal(call?.body !== undefined && "read" in call.body ? call.body.bytes : 0, expected.length);
        assert.deepEqual(records[0]?.attempts[0]?.edits, ["model: org/a-much-longer-name"]);
        assert.equal(records[0]?.requestBytes, formBody(parts("alias")).length);
        assert.equal(records[0]?.model, "alias");
      });
    }
  }

  test("behind a file that does not fit the memory waits in a file that leaves nothing behind", async () => {
    const { say, upstream } = open();
    const parts = (model: string) => [sound(SPOOL_MEMORY_BYTES_MAX * 3), { name: "model", value: model }];
    // Files take their own time, whatever the clock says.
    await say(transcribe(formBody(parts("alias")), { pieceBytes: 65_536 })).reply.done;
    assert.ok(upstream.calls[0]?.bytes.equals(formBody(parts("org/a-much-longer-name"))));
    const left = readdirSync(tmpdir()).filter((name) => name.startsWith(`dragoman-${process.pid}-`));
    assert.deepEqual(left, []);
  });

  test("behind the file is not waited for when the header says the provider", async () => {
    const { ask, upstream, records } = open();
    const parts = (model: string) => [sound(5_000), { name: "model", value: model }];
    const { reply } = await ask(transcribe(formBody(parts("alias")), { headers: { "x-genai-provider": "local" } }));
    assert.equal(reply.status, 200, reply.text);
    const [call] = upstream.calls;
    assert.ok(call?.bytes.equals(formBody(parts("org/a-much-longer-name"))));
    // Sent before its length could be known.
    assert.equal(call?.body !== undefined && "read" in call.body ? call.body.bytes : 0, undefined);
    assert.equal(records[0]?.model, "alias");
    assert.equal(records[0]?.upstreamModel, "org/a-much-longer-name");
    assert.equal(records[0]?.attempts[0]?.model, "org/a-much-longer-name");
    assert.deepEqual(records[0]?.attempts[0]?.edits, ["model: org/a-much-longer-name"]);
  });

  test("in chunks is sent in chunks", async () => {
    const { ask, upstream } = open();
    const body = formBody([{ name: "model", value: "m" }, sound(100)]);
    await ask(transcribe(body, { headers: { "transfer-encoding": "chunked" } }));
    const sent = upstream.calls[0]?.body;
    assert.equal(sent !== undefined && "read" in sent ? sent.bytes : 0, undefined);
  });

  test("with a prefix loses the prefix", async () => {
    const { ask, upstream } = open();
    await ask(transcribe(formBody([sound(10), { name: "model", value: "openai::whisper-1" }])));
    assert.equal(upstream.calls[0]?.origin, "https://api.openai.com");
    assert.ok(upstream.calls[0]?.bytes.equals(formBody([sound(10), { name: "model", value: "whisper-1" }])));
  });
});

type Refusal = { readonly name: string; readonly body: Uint8Array; readonly code: string; readonly status?: number };

const whole = formBody([{ name: "model", value: "m" }, sound(3_000)]);
const refusals: readonly Refusal[] = [
  { name: "no model", body: formBody([sound(10)]), code: "missing_parameter" },
  {
    name: "an unknown model",
    body: formBody([sound(10), { name: "model", value: "nobody" }]),
    code: "model_not_found",
    status: 404,
  },
  {
    name: "two models",
    body: formBody([{ name: "model", value: "m" }, sound(10), { name: "model", value: "alias" }]),
    code: "duplicate_key",
  },
  {
    name: "two models that are the same",
    body: formBody([
      { name: "model", value: "m" },
      { name: "model", value: "m" },
    ]),
    code: "duplicate_key",
  },
  {
    name: "a model that is a file",
    body: formBody([{ name: "model", value: "m", filename: "m.txt" }]),
    code: "invalid_form",
  },
  {
    name: "a model of a kilobyte",
    body: formBody([{ name: "model", value: "m".repeat(1_024) }]),
    code: "invalid_parameter",
  },
  {
    name: "a model that is not UTF-8",
    body: formBody([{ name: "model", value: Buffer.from([0xff, 0xfe]) }]),
    code: "invalid_utf8",
  },
  { name: "half a form", body: whole.subarray(0, 2_000), code: "invalid_form" },
  { name: "a form without its last boundary", body: whole.subarray(0, whole.length - 10), code: "invalid_form" },
  {
    name: "a form of another boundary",
    body: formBody([{ name: "model", value: "m" }], "other"),
    code: "invalid_form",
  },
  { name: "JSON called a form", body: Buffer.from('{"model":"m"}'), code: "invalid_form" },
  { name: "nothing", body: Buffer.alloc(0), code: "invalid_form" },
  {
    name: "an upload above the limit",
    body: formBody([{ name: "model", value: "m" }, sound(8_000_001)]),
    code: "body_too_large",
    status: 413,
  },
];

for (const { name, body, code, status = 400 } of refusals) {
  for (const header of [undefined, "local"]) {
    test(`${name} is refused with ${code}, and no provider gets a whole form${header === undefined ? "" : " (sent early)"}`, async () => {
      const { ask, upstream, records } = open();
      const headers: Record<string, string> = header === undefined ? {} : { "x-genai-provider": header };
      const { reply } = await ask(transcribe(body, { pieceBytes: 500_000, headers }));
      assert.equal(reply.headers["x-dragoman-error-code"], code, reply.text);
      assert.equal(reply.status, status);
      assert.equal(upstream.calls.length, 0);
      assert.equal(records.length, 1);
    });
  }
}

test("a content type that is no form is told what is taken", async () => {
  const { ask } = open();
  const { reply } = await ask({
    target: "/v1/audio/transcriptions",
    headers: { "content-type": "text/plain" },
    body: "hi",
  });
  assert.equal(reply.headers["x-dragoman-error-code"], "invalid_form");
  assert.match(reply.text, /multipart\/form-data/);
});

test("an endpoint for forms takes JSON too", async () => {
  const { ask, upstream } = open();
  const body = { model: "alias", prompt: "x", images: [{ file_id: "file-1" }] };
  await ask({ target: "/v1/images/edits", body });
  assert.deepEqual(upstream.calls[0]?.json, { ...body, model: "org/a-much-longer-name" });
});

test("a field called model means nothing in a file's upload", async () => {
  const { ask, upstream } = open();
  const body = formBody([{ name: "model", value: "a" }, { name: "model", value: "b" }, sound(10)]);
  const { reply } = await ask({ target: "/v1/files", headers: { ...formHeaders, "x-genai-provider": "local" }, body });
  assert.equal(reply.status, 200, reply.text);
  assert.ok(upstream.calls[0]?.bytes.equals(body));
});

test("a client that leaves half way is cancelled, and the provider never gets the end", async () => {
  for (const header of [{}, { "x-genai-provider": "local" }]) {
    const { ask, upstream, records } = open();
    const gone = failure("client_closed", "The client closed the connection.");
    const { reply } = await ask(transcribe(whole.subarray(0, 1_000), { bodyFailure: gone, headers: header }));
    assert.ok(reply.destroyed);
    assert.equal(upstream.calls.length, 0);
    assert.equal(records[0]?.end, "cancelled");
  }
});

test("a model that the key may not use is refused, also when the form is on its way already", async () => {
  const { yaml: keys, authorization } = gatewayKey(["whisper-*"]);
  for (const header of [{}, { "x-genai-provider": "local" }]) {
    const { ask, upstream } = open(keys);
    const headers = { authorization, ...header };
    const { reply } = await ask(transcribe(formBody([sound(5_000), { name: "model", value: "m" }]), { headers }));
    assert.equal(reply.status, 403, reply.text);
    assert.equal(reply.headers["x-dragoman-error-code"], "model_not_allowed");
    assert.equal(upstream.calls.length, 0);
  }
});

test("a provider that cannot be reached is tried once more by nobody, and the form is not lost half way", async () => {
  const { ask, upstream, records } = stage({
    yaml,
    environment: { OPENAI_API_KEY: "sk-proj-managed" },
    script: () => [{ error: { kind: "refused", sent: false } }],
  });
  const { reply } = await ask(transcribe(whole));
  assert.equal(reply.status, 502);
  assert.equal(upstream.calls.length, 1);
  assert.equal(records[0]?.failure?.code, "provider_unreachable");
});
