import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import OpenAI from "openai";
import { serveGateway, type Served } from "../support/serve.ts";

/* The official OpenAI SDK as a user has it: only the base URL is ours. */

let served: Served;
before(async () => {
  served = await serveGateway();
});
after(async () => {
  await served.close();
  assert.deepEqual(served.bugs, []);
});

const client = (base = "/v1", options: object = {}) =>
  new OpenAI({ baseURL: `${served.url}${base}`, apiKey: "dragoman", maxRetries: 0, ...options });

const messages = [{ role: "user" as const, content: "hello there" }];
const weather = {
  type: "function" as const,
  function: {
    name: "get_weather",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

for (const base of ["", "/v1", "/api/v1"]) {
  test(`chat with the base URL ending in "${base}"`, async () => {
    const answer = await client(base).chat.completions.create({ model: "gpt-4o", messages });
    assert.match(answer.choices[0]?.message.content ?? "", /demo.*hello there/s);
    assert.equal(answer.choices[0]?.finish_reason, "stop");
    assert.ok((answer.usage?.total_tokens ?? 0) > 0);
  });

  test(`responses with the base URL ending in "${base}"`, async () => {
    const answer = await client(base).responses.create({ model: "gpt-4o", input: "hello there" });
    assert.match(answer.output_text, /demo.*hello there/s);
    assert.equal(answer.status, "completed");
  });
}

test("a chat stream through the strict helper", async () => {
  const stream = client().chat.completions.stream({
    model: "gpt-4o",
    messages,
    stream_options: { include_usage: true },
  });
  const final = await stream.finalChatCompletion();
  assert.match(final.choices[0]?.message.content ?? "", /hello there/);
  assert.ok((final.usage?.completion_tokens ?? 0) > 0);
});

test("usage chunks come only to who asked", async () => {
  const stream = await client().chat.completions.create({ model: "gpt-4o", messages, stream: true });
  for await (const chunk of stream) assert.ok(chunk.choices.length > 0 && !("usage" in chunk && chunk.usage));
});

test("several choices", async () => {
  const final = await client().chat.completions.stream({ model: "gpt-4o", messages, n: 3 }).finalChatCompletion();
  assert.deepEqual(
    final.choices.map((choice) => choice.index),
    [0, 1, 2],
  );
});

test("a tool loop in chat", async () => {
  const first = await client()
    .chat.completions.stream({ model: "demo::tools", messages, tools: [weather] })
    .finalChatCompletion();
  const [call] = first.choices[0]?.message.tool_calls ?? [];
  assert.equal(first.choices[0]?.finish_reason, "tool_calls");
  assert.ok(call !== undefined && call.type === "function");
  assert.deepEqual(JSON.parse(call.function.arguments), { city: "demo" });
  const second = await client().chat.completions.create({
    model: "demo::tools",
    tools: [weather],
    messages: [
      ...messages,
      { role: "assistant", tool_calls: [call] },
      { role: "tool", tool_call_id: call.id, content: "sunny" },
    ],
  });
  assert.match(second.choices[0]?.message.content ?? "", /sunny/);
});

test("a tool loop in responses, streamed", async () => {
  const tool = { type: "function" as const, strict: false, ...weather.function };
  const first = await client()
    .responses.stream({ model: "demo::tools", input: "hi", tools: [tool] })
    .finalResponse();
  const call = first.output.find((item) => item.type === "function_call");
  assert.ok(call !== undefined);
  const second = await client().responses.create({
    model: "demo::tools",
    tools: [tool],
    input: [
      { role: "user", content: "hi" },
      call,
      { type: "function_call_output", call_id: call.call_id, output: "sunny" },
    ],
  });
  assert.match(second.output_text, /sunny/);
});

test("reasoning in responses", async () => {
  const final = await client().responses.stream({ model: "demo::thinking", input: "hi" }).finalResponse();
  const reasoning = final.output.find((item) => item.type === "reasoning");
  assert.match(reasoning?.summary[0]?.text ?? "", /demo/);
});

test("embeddings, which the SDK asks for in base64", async () => {
  const answer = await client().embeddings.create({ model: "text-embedding-3-small", input: ["one", "two"] });
  assert.equal(answer.data.length, 2);
  assert.equal(answer.data[0]?.embedding.length, 256);
  const norm = answer.data[0]?.embedding.reduce((sum, value) => sum + value * value, 0) ?? 0;
  assert.ok(Math.abs(norm - 1) < 1e-3);
});

test("models", async () => {
  const ids = (await client().models.list()).data.map((model) => model.id);
  assert.ok(ids.includes("demo::echo"));
  assert.equal((await client().models.retrieve("demo::echo")).id, "demo::echo");
});

test("the request id is the one in the record", async () => {
  const answer = await client().chat.completions.create({ model: "gpt-4o", messages });
  assert.ok(served.records.some((record) => record.requestId === answer._request_id));
});

const failures: readonly {
  readonly name: string;
  readonly model: string;
  readonly error: new (...args: never[]) => Error;
  readonly status: number;
}[] = [
  { name: "a rate limit", model: "demo::fail-429", error: OpenAI.RateLimitError, status: 429 },
  { name: "a failing provider", model: "demo::fail-500", error: OpenAI.InternalServerError, status: 502 },
  { name: "an unknown provider", model: "x::m", error: OpenAI.NotFoundError, status: 404 },
];

for (const { name, model, error, status } of failures) {
  test(`${name} is the SDK's own ${error.name}`, async () => {
    for (const stream of [true, false]) {
      await assert.rejects(
        client().chat.completions.create({ model, messages, stream }),
        (thrown: InstanceType<typeof OpenAI.APIError>) => {
          assert.ok(thrown instanceof error, String(thrown));
          assert.equal(thrown.status, status);
          assert.ok(thrown.requestID?.startsWith("req_"));
          return true;
        },
      );
    }
  });
}

test("a bad request is a BadRequestError with the parameter", async () => {
  const broken = client().chat.completions.create({ model: "gpt-4o", messages: "hi" as unknown as typeof messages });
  await assert.rejects(broken, (thrown: InstanceType<typeof OpenAI.APIError>) => {
    assert.ok(thrown instanceof OpenAI.BadRequestError);
    assert.equal(thrown.param, "messages");
    return true;
  });
});

test("a stream that breaks off is an error, not a short answer", async () => {
  const stream = await client().chat.completions.create({ model: "demo::cut", messages, stream: true });
  await assert.rejects(async () => {
    for await (const _chunk of stream);
  }, /broke the connection/);
  const responses = await client().responses.create({ model: "demo::cut", input: "hi", stream: true });
  let failed = false;
  for await (const event of responses) failed ||= event.type === "response.failed";
  assert.ok(failed);
});

test("the SDK does not repeat what the gateway has repeated already", async () => {
  const before = served.records.length;
  await assert.rejects(client("/v1", { maxRetries: 2 }).chat.completions.create({ model: "demo::fail-500", messages }));
  const made = served.records.slice(before);
  assert.equal(made.length, 1);
  assert.equal(made[0]?.attempts.length, 3);
});

test("leaving a stream ends it at the provider", async () => {
  const stream = await client().chat.completions.create({ model: "demo::slow", messages, stream: true });
  for await (const _chunk of stream) break;
  const deadline = Date.now() + 5_000;
  while (!served.records.some((record) => record.end === "cancelled") && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.ok(served.records.some((record) => record.end === "cancelled"));
});
