import assert from "node:assert/strict";
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { after, before, describe, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI, { toFile } from "openai";
import { serveGateway, type Served } from "../support/serve.ts";
import { startUpstream, type Upstream, type UpstreamRequest } from "../support/upstream.ts";

/* The official SDKs and everything besides conversations: against the demo, and against a provider on a real socket. */

const folder = mkdtempSync(join(tmpdir(), "relayed-sdk-"));
const sound = join(folder, "speech.wav");
writeFileSync(sound, Buffer.alloc(200_000, "sound\r\n--"));

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
  rmSync(folder, { recursive: true });
});

describe("the demo", () => {
  let served: Served;
  let openai: OpenAI;
  before(async () => {
    served = await serveGateway();
    closers.push(served.close);
    openai = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: "dragoman", maxRetries: 0 });
  });
  after(() => assert.deepEqual(served.bugs, []));

  test("files: made, listed, looked at, read and removed", async () => {
    const made = await openai.files.create({ file: createReadStream(sound), purpose: "user_data" });
    assert.equal(made.filename, "speech.wav");
    assert.equal(made.bytes, 200_000);
    const ids: string[] = [];
    for await (const file of openai.files.list()) ids.push(file.id);
    assert.deepEqual(ids, [made.id]);
    assert.equal((await openai.files.retrieve(made.id)).id, made.id);
    const content = Buffer.from(await (await openai.files.content(made.id)).arrayBuffer());
    assert.ok(content.equals(readFileSync(sound)));
    assert.equal((await openai.files.delete(made.id)).deleted, true);
    await assert.rejects(openai.files.retrieve(made.id), OpenAI.NotFoundError);
  });

  test("pictures, made and edited", async () => {
    const made = await openai.images.generate({ model: "gpt-image-1", prompt: "a dot", n: 2 });
    assert.equal(made.data?.length, 2);
    const png = Buffer.from(made.data?.[0]?.b64_json ?? "", "base64");
    assert.equal(png.toString("latin1", 1, 4), "PNG");
    const image = await toFile(png, "dot.png", { type: "image/png" });
    const edited = await openai.images.edit({ image: [image, image], prompt: "another dot", model: "gpt-image-1" });
    assert.equal(edited.data?.length, 1);
  });

  test("pictures as events", async () => {
    const stream = await openai.images.generate({
      model: "gpt-image-1",
      prompt: "a dot",
      stream: true,
      partial_images: 1,
    });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    assert.deepEqual(types, ["image_generation.partial_image", "image_generation.completed"]);
  });

  test("speech into a file that is a WAV", async () => {
    const answer = await openai.audio.speech.create({
      model: "tts-1",
      voice: "alloy",
      input: "hello",
      response_format: "wav",
    });
    assert.equal(answer.headers.get("content-type"), "audio/wav");
    const target = join(folder, "answer.wav");
    await pipeline(Readable.fromWeb(answer.body as ReadableStream), createWriteStream(target));
    const wav = readFileSync(target);
    assert.equal(wav.toString("latin1", 0, 4) + wav.toString("latin1", 8, 12), "RIFFWAVE");
    assert.equal(wav.readUInt32LE(4), wav.length - 8);
    assert.equal(wav.readUInt32LE(40), wav.length - 44);
  });

  test("a transcription whose model stands behind the file, in every shape", async () => {
    const file = () => createReadStream(sound);
    const plain = await openai.audio.transcriptions.create({ file: file(), language: "en", model: "whisper-1" });
    assert.match(plain.text, /speech\.wav of 200000 bytes/);
    const text = await openai.audio.transcriptions.create({
      file: file(),
      response_format: "text",
      model: "whisper-1",
    });
    assert.match(String(text), /speech\.wav/);
    const verbose = await openai.audio.transcriptions.create({
      file: file(),
      response_format: "verbose_json",
      model: "whisper-1",
    });
    assert.equal(verbose.duration, 1);
    const stream = await openai.audio.transcriptions.create({ file: file(), stream: true, model: "gpt-4o-transcribe" });
    let heard = "";
    let done = "";
    for await (const event of stream) {
      if (event.type === "transcript.text.delta") heard += event.delta;
      if (event.type === "transcript.text.done") done = event.text;
    }
    assert.ok(heard !== "" && heard === done);
    assert.match((await openai.audio.translations.create({ file: file(), model: "whisper-1" })).text, /speech\.wav/);
  });

  test("moderations, with and without a model", async () => {
    const flagged = await openai.moderations.create({ model: "omni-moderation-latest", input: ["flag me", "hello"] });
    assert.deepEqual(
      flagged.results.map((result) => result.flagged),
      [true, false],
    );
    assert.equal((await openai.moderations.create({ input: "hello" })).results.length, 1);
  });

  test("legacy completions, whole and as events", async () => {
    const whole = await openai.completions.create({ model: "gpt-3.5-turbo-instruct", prompt: "say it" });
    assert.match(whole.choices[0]?.text ?? "", /say it/);
    let text = "";
    for await (const chunk of await openai.completions.create({ model: "x", prompt: "say it", stream: true })) {
      text += chunk.choices[0]?.text ?? "";
    }
    assert.equal(text, whole.choices[0]?.text);
  });

  test("embeddings by the demo's own name", async () => {
    const answer = await openai.embeddings.create({ model: "demo::embedding", input: "one", encoding_format: "float" });
    assert.equal(answer.data[0]?.embedding.length, 256);
  });

  test("Gemini's embeddings, one and several, and its token counts", async () => {
    const gemini = new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: served.url } });
    const answer = await gemini.models.embedContent({ model: "gemini-embedding-001", contents: ["one", "two"] });
    assert.deepEqual(
      answer.embeddings?.map(({ values }) => values?.length),
      [256, 256],
    );
    const counted = await gemini.models.countTokens({ model: "gemini-2.5-flash", contents: "hello there" });
    assert.ok((counted.totalTokens ?? 0) > 0);
  });

  test("Anthropic's and Responses' token counts", async () => {
    const anthropic = new Anthropic({ baseURL: served.url, apiKey: "dragoman", maxRetries: 0 });
    const messages = [{ role: "user" as const, content: "hello there" }];
    assert.ok((await anthropic.messages.countTokens({ model: "claude-sonnet-4-6", messages })).input_tokens > 0);
    assert.ok((await openai.responses.inputTokens.count({ model: "gpt-4o", input: "hello there" })).input_tokens > 0);
  });
});

/** What a provider answers, by method and path; everything else is a 404 of its own. */
const answers: Readonly<Record<string, { readonly type: string; readonly body: string | Buffer }>> = {
  "POST /v1/embeddings": json({
    object: "list",
    data: [{ object: "embedding", index: 0, embedding: "AACAPwAAAEA=" }],
    model: "e",
    usage: { prompt_tokens: 1, total_tokens: 1 },
  }),
  "POST /v1/audio/transcriptions": json({ text: "heard", usage: { type: "duration", seconds: 3 } }),
  "POST /v1/audio/speech": { type: "audio/mpeg", body: Buffer.alloc(300_000, 7) },
  "POST /v1/files": json({ id: "file-1", object: "file" }),
  "GET /v1/files/file-1/content": { type: "application/jsonl", body: '{"a":1}\n{"b":2}\n' },
  "POST /v1/batches": json({ id: "batch_1", object: "batch", status: "validating" }),
  "POST /v1/batches/batch_1/cancel": json({ id: "batch_1", object: "batch", status: "cancelling" }),
  "GET /v1/responses/resp_1": json({ id: "resp_1", object: "response", output: [], status: "completed" }),
  "GET /v1/responses/resp_1/input_items": json({ object: "list", data: [{ id: "msg_1" }], has_more: false }),
  "DELETE /v1/responses/resp_1": json({ id: "resp_1", object: "response", deleted: true }),
  "POST /v1/responses/resp_1/cancel": json({ id: "resp_1", object: "response", status: "cancelled" }),
  "POST /v1/responses/input_tokens": json({ object: "response.input_tokens", input_tokens: 11 }),
  "POST /v1/messages/count_tokens": json({ input_tokens: 12 }),
  "POST /v1/messages/batches": json({ id: "msgbatch_1", type: "message_batch", processing_status: "in_progress" }),
  "POST /v1beta/models/gemini-2.5-flash:countTokens": json({ totalTokens: 13 }),
  "POST /v1beta/models/gemini-embedding-001:batchEmbedContents": json({ embeddings: [{ values: [1, 2] }] }),
};

function json(body: object): { readonly type: string; readonly body: string } {
  return { type: "application/json", body: JSON.stringify(body) };
}

describe("a provider", () => {
  let upstream: Upstream;
  let served: Served;
  let openai: OpenAI;
  let anthropic: Anthropic;
  let gemini: GoogleGenAI;
  before(async () => {
    upstream = await startUpstream((request, response) => {
      const path = /^[^?]*/.exec(request.target)?.[0] ?? "";
      const answer = answers[`${request.method} ${path}`];
      response.writeHead(answer === undefined ? 404 : 200, { "content-type": answer?.type ?? "application/json" });
      response.end(answer?.body ?? JSON.stringify({ error: { message: `nothing at ${path}`, type: "not_found" } }));
    });
    served = await serveGateway(
      `providers:
  openai: { base_url: "${upstream.origin}/v1", credential: "env::OPENAI_API_KEY", models: ["*", { id: listener, upstream_id: gpt-4o-transcribe }] }
  anthropic: { base_url: "${upstream.origin}", credential: "env::ANTHROPIC_API_KEY" }
  gemini: { base_url: "${upstream.origin}", credential: "env::GEMINI_API_KEY" }`,
      { OPENAI_API_KEY: "sk-proj-managed", ANTHROPIC_API_KEY: "sk-ant-managed", GEMINI_API_KEY: "AIzaManaged" },
    );
    closers.push(served.close, upstream.close);
    openai = new OpenAI({ baseURL: `${served.url}/v1`, apiKey: "dragoman", maxRetries: 0 });
    anthropic = new Anthropic({ baseURL: served.url, apiKey: "dragoman", maxRetries: 0 });
    gemini = new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: served.url } });
  });
  after(() => assert.deepEqual(served.bugs, []));

  const last = (): UpstreamRequest => upstream.requests.at(-1) ?? assert.fail("the provider was not called");

  test("embeddings: the SDK's base64 passes", async () => {
    const answer = await openai.embeddings.create({ model: "text-embedding-3-small", input: "x" });
    assert.deepEqual([...(answer.data[0]?.embedding ?? [])], [1, 2]);
    assert.equal(last().headers["authorization"], "Bearer sk-proj-managed");
  });

  test("a transcription whose model stands behind the file arrives with the provider's name and its length", async () => {
    const heard = await openai.audio.transcriptions.create({
      file: createReadStream(sound),
      prompt: "ä",
      model: "listener",
    });
    assert.equal(heard.text, "heard");
    const { text, headers, body } = last();
    assert.match(text, /name="model"\r\n\r\ngpt-4o-transcribe\r\n/);
    assert.match(text, /filename="speech\.wav"/);
    assert.ok(body.includes(readFileSync(sound)));
    assert.match(String(headers["content-type"]), /^multipart\/form-data; boundary=/);
    assert.equal(served.records.at(-1)?.usage?.audioSeconds, 3);
  });

  test("speech comes whole", async () => {
    const answer = await openai.audio.speech.create({ model: "tts-1", voice: "alloy", input: "hello" });
    assert.equal((await answer.arrayBuffer()).byteLength, 300_000);
    assert.equal(last().headers["accept"], "application/octet-stream");
  });

  test("files and batches", async () => {
    const file = await openai.files.create({ file: createReadStream(sound), purpose: "batch" });
    assert.equal(file.id, "file-1");
    const content = await openai.files.content("file-1");
    assert.equal(await content.text(), '{"a":1}\n{"b":2}\n');
    const batch = await openai.batches.create({
      input_file_id: "file-1",
      endpoint: "/v1/embeddings",
      completion_window: "24h",
    });
    assert.equal(batch.id, "batch_1");
    assert.equal((await openai.batches.cancel("batch_1")).status, "cancelling");
    await assert.rejects(openai.batches.retrieve("batch_2"), OpenAI.NotFoundError);
  });

  test("stored responses", async () => {
    assert.equal((await openai.responses.retrieve("resp_1")).id, "resp_1");
    assert.equal((await openai.responses.inputItems.list("resp_1", { limit: 5, order: "asc" })).data.length, 1);
    assert.equal(last().target, "/v1/responses/resp_1/input_items?limit=5&order=asc");
    assert.equal((await openai.responses.cancel("resp_1")).status, "cancelled");
    await openai.responses.delete("resp_1");
    assert.equal((await openai.responses.inputTokens.count({ model: "gpt-4o", input: "x" })).input_tokens, 11);
  });

  test("Anthropic's token counts and batches, and its files where it has none of that id", async () => {
    const messages = [{ role: "user" as const, content: "hello" }];
    const counted = await anthropic.messages.countTokens({ model: "claude-sonnet-4-6", messages });
    assert.equal(counted.input_tokens, 12);
    assert.equal(last().headers["x-api-key"], "sk-ant-managed");
    const batch = await anthropic.messages.batches.create({
      requests: [{ custom_id: "a", params: { model: "claude-sonnet-4-6", max_tokens: 5, messages } }],
    });
    assert.equal(batch.id, "msgbatch_1");
    await assert.rejects(anthropic.messages.batches.retrieve("msgbatch_2"), Anthropic.NotFoundError);
  });

  test("Gemini's token counts and embeddings", async () => {
    const counted = await gemini.models.countTokens({ model: "gemini-2.5-flash", contents: "hello" });
    assert.equal(counted.totalTokens, 13);
    assert.equal(last().headers["x-goog-api-key"], "AIzaManaged");
    const embedded = await gemini.models.embedContent({ model: "gemini-embedding-001", contents: "hello" });
    assert.deepEqual(embedded.embeddings?.[0]?.values, [1, 2]);
  });

  test("an Anthropic model without embeddings is the SDK's BadRequestError", async () => {
    const refused = openai.embeddings.create({ model: "claude-sonnet-4-6", input: "x" });
    await assert.rejects(
      refused,
      (thrown) => thrown instanceof OpenAI.BadRequestError && /anthropic.*embeddings/.test(thrown.message),
    );
  });
});
