import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Anthropic from "@anthropic-ai/sdk";
import { serveGateway, type Served } from "../support/serve.ts";

/* The official Anthropic SDK as a user has it: only the base URL is ours. */

let served: Served;
before(async () => {
  served = await serveGateway();
});
after(async () => {
  await served.close();
  assert.deepEqual(served.bugs, []);
});

const client = (base = "", options: object = {}) =>
  new Anthropic({ baseURL: `${served.url}${base}`, apiKey: "dragoman", maxRetries: 0, ...options });

const messages = [{ role: "user" as const, content: "hello there" }];
const weather = {
  name: "get_weather",
  input_schema: { type: "object" as const, properties: { city: { type: "string" } }, required: ["city"] },
};

for (const base of ["", "/v1", "/api/v1"]) {
  test(`messages with the base URL ending in "${base}"`, async () => {
    const answer = await client(base).messages.create({ model: "claude-sonnet-4-6", max_tokens: 100, messages });
    assert.ok(answer.content[0]?.type === "text" && answer.content[0].text.includes("hello there"));
    assert.equal(answer.stop_reason, "end_turn");
    assert.ok(answer.usage.input_tokens > 0 && answer.usage.output_tokens > 0);
    assert.ok(answer._request_id?.startsWith("req_"));
  });
}

test("a stream", async () => {
  const stream = client().messages.stream({ model: "claude-sonnet-4-6", max_tokens: 100, messages });
  let text = "";
  stream.on("text", (delta) => (text += delta));
  const final = await stream.finalMessage();
  assert.ok(final.content[0]?.type === "text" && final.content[0].text === text && text.includes("hello there"));
});

test("thinking", async () => {
  const final = await client().messages.stream({ model: "demo::thinking", max_tokens: 2000, messages }).finalMessage();
  assert.deepEqual(
    final.content.map((block) => block.type),
    ["thinking", "text"],
  );
});

test("a tool loop", async () => {
  const first = await client()
    .messages.stream({ model: "demo::tools", max_tokens: 100, messages, tools: [weather] })
    .finalMessage();
  const call = first.content.find((block) => block.type === "tool_use");
  assert.equal(first.stop_reason, "tool_use");
  assert.ok(call !== undefined);
  assert.deepEqual(call.input, { city: "demo" });
  const second = await client().messages.create({
    model: "demo::tools",
    max_tokens: 100,
    tools: [weather],
    messages: [
      ...messages,
      { role: "assistant", content: first.content as unknown as Anthropic.ContentBlockParam[] },
      { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: "sunny" }] },
    ],
  });
  assert.ok(second.content[0]?.type === "text" && second.content[0].text.includes("sunny"));
});

test("count_tokens", async () => {
  const counted = await client().messages.countTokens({ model: "claude-sonnet-4-6", messages });
  assert.ok(counted.input_tokens > 0);
});

test("models", async () => {
  const page = await client().models.list({ limit: 1000 });
  assert.ok(page.data.some((model) => model.id === "demo::echo"));
});

test("models, page by page, forwards and back", async () => {
  const all = (await client().models.list({ limit: 1000 })).data.map(({ id }) => id);
  assert.ok(all.length > 4);
  const first = await client().models.list({ limit: 2 });
  assert.deepEqual([first.data.map(({ id }) => id), first.has_more], [all.slice(0, 2), true]);
  const seen: string[] = [];
  for await (const model of client().models.list({ limit: 2 })) seen.push(model.id);
  assert.deepEqual(seen, all);
  const back: string[] = [];
  for await (const model of client().models.list({ limit: 2, before_id: all.at(-1) ?? "" })) back.push(model.id);
  assert.deepEqual(back.toSorted(), all.slice(0, -1).toSorted());
});

const failures: readonly {
  readonly name: string;
  readonly model: string;
  readonly error: new (...args: never[]) => Error;
  readonly status: number;
}[] = [
  { name: "a rate limit", model: "demo::fail-429", error: Anthropic.RateLimitError, status: 429 },
  { name: "a failing provider", model: "demo::fail-500", error: Anthropic.InternalServerError, status: 502 },
  { name: "an unknown provider", model: "x::m", error: Anthropic.NotFoundError, status: 404 },
];

for (const { name, model, error, status } of failures) {
  test(`${name} is the SDK's own ${error.name}`, async () => {
    for (const stream of [true, false]) {
      await assert.rejects(
        client().messages.create({ model, max_tokens: 10, messages, stream }),
        (thrown: InstanceType<typeof Anthropic.APIError>) => {
          assert.ok(thrown instanceof error, String(thrown));
          assert.equal(thrown.status, status);
          assert.ok(thrown.requestID?.startsWith("req_"));
          return true;
        },
      );
    }
  });
}

test("a stream that breaks off is an error, not a short answer", async () => {
  await assert.rejects(client().messages.stream({ model: "demo::cut", max_tokens: 10, messages }).finalMessage());
});

test("a missing max_tokens is a 400 that names it", async () => {
  const broken = client().messages.create({
    model: "any",
    messages,
  } as unknown as Anthropic.MessageCreateParamsNonStreaming);
  await assert.rejects(broken, (thrown: InstanceType<typeof Anthropic.APIError>) => {
    assert.ok(thrown instanceof Anthropic.BadRequestError);
    assert.match(thrown.message, /max_tokens/);
    return true;
  });
});
