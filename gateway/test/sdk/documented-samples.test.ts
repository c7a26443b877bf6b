import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { GoogleGenAI } from "@google/genai";
import OpenAI from "openai";
import { asArray, asObject, asString, parseJson, type JsonObject } from "../../src/lib/json.ts";
import { createKey } from "../../src/limits/keys.ts";
import { startUpstream, type Upstream } from "../support/upstream.ts";
import { serveGateway, type Served } from "../support/serve.ts";

/*
 * The samples of the documentation, as users copy them: only addresses and keys are this test's. Their Python twins are in
 * test/python.
 */

const { text: key, id, hash } = createKey();
const model = "claude-sonnet-4-6";
const hello = [{ role: "user" as const, content: "hello there" }];

/** One transparent pixel, and the smallest document that has a page. */
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
const pdf = Buffer.from(
  "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
).toString("base64");

const answer = {
  id: "msg_01",
  type: "message",
  role: "assistant",
  model,
  content: [{ type: "text", text: "I see it." }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 12, output_tokens: 4 },
};

let keyed: Served;
let provider: Upstream;
let translating: Served;
before(async () => {
  keyed = await serveGateway(`require_keys: true\nkeys: [{ name: docs, id: "${id}", hash: "${hash}" }]\n`);
  provider = await startUpstream((request, response) => {
    const body = request.target.includes("count_tokens") ? { input_tokens: 5 } : answer;
    response.setHeader("content-type", "application/json").end(JSON.stringify(body));
  });
  const anthropic = `{ base_url: "${provider.origin}", credential: "env::PROVIDER_KEY", models: [${model}] }`;
  translating = await serveGateway(`providers:\n  anthropic: ${anthropic}\n`, { PROVIDER_KEY: "sk-ant-managed" });
});
after(async () => {
  await Promise.all([keyed.close(), translating.close()]);
  await provider.close();
  assert.deepEqual([...keyed.bugs, ...translating.bugs], []);
});

/** The body that the provider got last. */
function asked(): JsonObject {
  return asObject(parseJson(provider.requests.at(-1)?.text ?? "")) ?? {};
}

function textOf(message: Anthropic.Message): string {
  return message.content.map((block) => (block.type === "text" ? block.text : "")).join("");
}

test("Anthropic SDK: a base URL ending in /v1, with the headers of to11", async () => {
  const client = new Anthropic({
    baseURL: `${keyed.url}/v1`,
    apiKey: "dragoman",
    defaultHeaders: { "x-to11-authorization": `Bearer ${key}`, "x-to11-project-id": "default" },
  });
  const message = await client.messages.create({ model: "demo::echo", max_tokens: 100, messages: hello });
  assert.match(textOf(message), /hello there/);
  const streamed = client.messages.stream({ model: "demo::echo", max_tokens: 100, messages: hello });
  assert.match(await streamed.finalText(), /hello there/);
  assert.deepEqual([...new Set(keyed.records.map(({ project }) => project))], ["default"]);
});

test("Anthropic SDK: another project than the key's is forbidden", async () => {
  const headers = { "x-to11-authorization": `Bearer ${key}`, "x-to11-project-id": "elsewhere" };
  const client = new Anthropic({ baseURL: `${keyed.url}/v1`, apiKey: "dragoman", defaultHeaders: headers });
  await assert.rejects(
    client.messages.create({ model: "demo::echo", max_tokens: 9, messages: hello }),
    Anthropic.PermissionDeniedError,
  );
});

test("Anthropic SDK: the host root, and the key in x-api-key", async () => {
  const client = new Anthropic({ baseURL: keyed.url, apiKey: null, defaultHeaders: { "x-api-key": key } });
  const message = await client.messages.create({ model: "demo::echo", max_tokens: 100, messages: hello });
  assert.match(textOf(message), /hello there/);
});

test("OpenAI SDK: a model of Anthropic by its vendor's name", async () => {
  const client = new OpenAI({ baseURL: `${translating.url}/v1`, apiKey: "dragoman" });
  const completion = await client.chat.completions.create({
    model: `anthropic/${model}`,
    messages: [{ role: "system", content: "Be brief." }, ...hello],
  });
  assert.equal(completion.choices[0]?.message.content, "I see it.");
  assert.deepEqual([completion.usage?.prompt_tokens, completion.usage?.completion_tokens], [12, 4]);
  assert.equal(asked()["model"], model);
  assert.match(JSON.stringify(asked()["system"]), /Be brief\./);
  assert.equal(provider.requests.at(-1)?.headers["x-api-key"], "sk-ant-managed");
});

/** Media type and data of what the provider was shown, in order. */
function shown(): (readonly (string | undefined)[])[] {
  const [message] = asArray(asked()["messages"]) ?? [];
  const blocks = asArray(asObject(message)?.["content"]) ?? [];
  return blocks.flatMap((block) => {
    const source = asObject(asObject(block)?.["source"]);
    return source === undefined ? [] : [[asString(source["media_type"]), asString(source["data"])]];
  });
}

const media: Readonly<Record<string, () => Promise<string | null | undefined>>> = {
  "the Anthropic SDK": async () => {
    const message = await new Anthropic({ baseURL: translating.url, apiKey: "dragoman" }).messages.create({
      model,
      max_tokens: 50,
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "base64", media_type: "image/png", data: png } },
            { type: "document", source: { type: "base64", media_type: "application/pdf", data: pdf } },
            { type: "text", text: "What is this?" },
          ],
        },
      ],
    });
    return textOf(message);
  },
  "the OpenAI SDK in chat": async () => {
    const completion = await new OpenAI({
      baseURL: `${translating.url}/v1`,
      apiKey: "dragoman",
    }).chat.completions.create({
      model,
      messages: [
        {
          role: "user",
          content: [
            { type: "image_url", image_url: { url: `data:image/png;base64,${png}` } },
            { type: "file", file: { filename: "page.pdf", file_data: `data:application/pdf;base64,${pdf}` } },
            { type: "text", text: "What is this?" },
          ],
        },
      ],
    });
    return completion.choices[0]?.message.content;
  },
  "the OpenAI SDK in responses": async () => {
    const response = await new OpenAI({ baseURL: `${translating.url}/v1`, apiKey: "dragoman" }).responses.create({
      model,
      input: [
        {
          role: "user",
          content: [
            { type: "input_image", image_url: `data:image/png;base64,${png}`, detail: "auto" },
            { type: "input_file", filename: "page.pdf", file_data: `data:application/pdf;base64,${pdf}` },
            { type: "input_text", text: "What is this?" },
          ],
        },
      ],
    });
    return response.output_text;
  },
  "the GenAI SDK": async () => {
    const client = new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: translating.url } });
    const contents = [
      { inlineData: { mimeType: "image/png", data: png } },
      { inlineData: { mimeType: "application/pdf", data: pdf } },
      { text: "What is this?" },
    ];
    return (await client.models.generateContent({ model, contents: [{ role: "user", parts: contents }] })).text;
  },
};
for (const [sdk, ask] of Object.entries(media)) {
  test(`a picture and a document from ${sdk} reach an Anthropic model`, async () => {
    assert.equal(await ask(), "I see it.");
    assert.deepEqual(shown(), [
      ["image/png", png],
      ["application/pdf", pdf],
    ]);
  });
}

test("count_tokens is the provider's own where it counts", async () => {
  const client = new Anthropic({ baseURL: translating.url, apiKey: "dragoman" });
  assert.equal((await client.messages.countTokens({ model, messages: hello })).input_tokens, 5);
});

test("embeddings of an Anthropic model are refused", async () => {
  const client = new OpenAI({ baseURL: `${translating.url}/v1`, apiKey: "dragoman" });
  await assert.rejects(client.embeddings.create({ model, input: "one" }), OpenAI.BadRequestError);
});

test("without a gateway key where one is needed: one request, the SDK's own error", async () => {
  const before = keyed.records.length;
  const anthropic = new Anthropic({ baseURL: keyed.url, apiKey: "dragoman", maxRetries: 2 });
  await assert.rejects(
    anthropic.messages.create({ model: "demo::echo", max_tokens: 9, messages: hello }),
    Anthropic.AuthenticationError,
  );
  const openai = new OpenAI({ baseURL: `${keyed.url}/v1`, apiKey: "dragoman", maxRetries: 2 });
  await assert.rejects(
    openai.chat.completions.create({ model: "demo::echo", messages: hello }),
    OpenAI.AuthenticationError,
  );
  assert.equal(keyed.records.length - before, 2);
});

/** What `curl` sends. */
function curl(path: string, headers: Readonly<Record<string, string>>): Promise<Response> {
  return fetch(`${keyed.url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ model: "demo::echo", max_tokens: 64, messages: hello }),
  });
}

test("curl with x-api-key and anthropic-version", async () => {
  for (const path of ["/v1/messages", "/v1/v1/messages", "/api/v1/messages"]) {
    const made = await curl(path, { "x-api-key": key, "anthropic-version": "2023-06-01" });
    assert.equal(made.status, 200, path);
    assert.match(await made.text(), /^\{.*"type":"message".*hello there/s);
  }
});

const places = {
  authorization: `Bearer ${key}`,
  "x-api-key": key,
  "x-goog-api-key": key,
  "api-key": key,
  "x-to11-authorization": `Bearer ${key}`,
  "x-dragoman-authorization": `Bearer ${key}`,
};
for (const [name, value] of Object.entries(places)) {
  test(`curl with the key in ${name}`, async () => {
    const made = await curl("/v1/chat/completions", { [name]: value });
    assert.equal(made.status, 200);
    assert.match(await made.text(), /hello there/);
  });
}
