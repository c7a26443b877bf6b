import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ApiError, GoogleGenAI } from "@google/genai";
import { serveGateway, type Served } from "../support/serve.ts";

/* The official Google GenAI SDK as a user has it: only the base URL is ours. */

let served: Served;
before(async () => {
  served = await serveGateway();
});
after(async () => {
  await served.close();
  assert.deepEqual(served.bugs, []);
});

const client = (base = "") => new GoogleGenAI({ apiKey: "dragoman", httpOptions: { baseUrl: `${served.url}${base}` } });

for (const base of ["", "/v1", "/api/v1"]) {
  test(`generateContent with the base URL ending in "${base}"`, async () => {
    const answer = await client(base).models.generateContent({ model: "gemini-2.5-flash", contents: "hello there" });
    assert.match(answer.text ?? "", /demo.*hello there/s);
    assert.equal(answer.candidates?.[0]?.finishReason, "STOP");
    assert.ok((answer.usageMetadata?.totalTokenCount ?? 0) > 0);
  });
}

test("a stream", async () => {
  let text = "";
  let chunks = 0;
  for await (const chunk of await client().models.generateContentStream({
    model: "gemini-2.5-flash",
    contents: "hello there",
  })) {
    text += chunk.text ?? "";
    chunks += 1;
  }
  assert.match(text, /hello there/);
  assert.ok(chunks > 5);
});

test("a tool loop", async () => {
  const config = {
    tools: [
      {
        functionDeclarations: [
          {
            name: "get_weather",
            parametersJsonSchema: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
          },
        ],
      },
    ],
  };
  const first = await client().models.generateContent({ model: "demo::tools", contents: "hi", config });
  const [call] = first.functionCalls ?? [];
  assert.equal(call?.name, "get_weather");
  assert.deepEqual(call?.args, { city: "demo" });
  const second = await client().models.generateContent({
    model: "demo::tools",
    config,
    contents: [
      { role: "user", parts: [{ text: "hi" }] },
      { role: "model", parts: [{ functionCall: { name: "get_weather", args: { city: "demo" } } }] },
      { role: "user", parts: [{ functionResponse: { name: "get_weather", response: { output: "sunny" } } }] },
    ],
  });
  assert.match(second.text ?? "", /sunny/);
});

test("thoughts come to who asked for them", async () => {
  const asked = await client().models.generateContent({
    model: "demo::thinking",
    contents: "hi",
    config: { thinkingConfig: { includeThoughts: true } },
  });
  assert.ok(asked.candidates?.[0]?.content?.parts?.some((part) => part.thought === true));
  const unasked = await client().models.generateContent({ model: "demo::thinking", contents: "hi" });
  assert.ok(!unasked.candidates?.[0]?.content?.parts?.some((part) => part.thought === true));
});

test("countTokens, embedContent, models", async () => {
  assert.ok(((await client().models.countTokens({ model: "gemini-2.5-flash", contents: "hi" })).totalTokens ?? 0) > 0);
  const embedded = await client().models.embedContent({ model: "gemini-embedding-001", contents: ["one", "two"] });
  assert.equal(embedded.embeddings?.length, 2);
  assert.equal(embedded.embeddings?.[0]?.values?.length, 256);
  const names: (string | undefined)[] = [];
  for await (const model of await client().models.list()) names.push(model.name);
  assert.ok(names.includes("models/demo::echo"));
});

for (const { model, status } of [
  { model: "demo::fail-429", status: 429 },
  { model: "demo::fail-500", status: 502 },
  { model: "x::m", status: 404 },
]) {
  test(`${model} is the SDK's own ApiError with status ${status}`, async () => {
    await assert.rejects(client().models.generateContent({ model, contents: "hi" }), (thrown: ApiError) => {
      assert.ok(thrown instanceof ApiError);
      assert.equal(thrown.status, status);
      return true;
    });
  });
}

test("a stream that breaks off is an error, not a short answer", async () => {
  const stream = await client().models.generateContentStream({ model: "demo::cut", contents: "hi" });
  await assert.rejects(async () => {
    for await (const _chunk of stream);
  }, ApiError);
});

test("a stream without alt=sse is one JSON array", async () => {
  const answer = await fetch(`${served.url}/v1beta/models/any:streamGenerateContent`, {
    method: "POST",
    body: JSON.stringify({ contents: [{ parts: [{ text: "hi" }] }] }),
  });
  const chunks = (await answer.json()) as { candidates: { content: { parts: { text: string }[] } }[] }[];
  assert.match(chunks.map((chunk) => chunk.candidates[0]?.content.parts[0]?.text ?? "").join(""), /You said: hi/);
});
