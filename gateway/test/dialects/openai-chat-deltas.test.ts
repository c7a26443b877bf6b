import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { fold } from "../../src/canonical/fold.ts";
import { readUsage } from "../../src/dialects/openai-chat/usage.ts";
import type { Json } from "../../src/lib/json.ts";
import { fixture } from "../support/corpus.ts";
import { checkEvents } from "../support/events.ts";
import { chunk, decodeStream, sse, toolCall, wireUsage } from "../support/openai-chat.ts";

describe("quirks of tool calls in streams", () => {
  const rows: readonly {
    readonly name: string;
    readonly deltas: readonly Json[];
    readonly calls: readonly string[];
  }[] = [
    {
      name: "parts by index",
      deltas: [[toolCall(0, "a", "f", "")], [args(0, '{"x"')], [args(0, ":1}")]],
      calls: ['a f {"x":1}'],
    },
    {
      name: "interleaved indices",
      deltas: [
        [toolCall(0, "a", "f", ""), toolCall(1, "b", "g", "")],
        [args(0, '{"x":'), args(1, '{"y":')],
        [args(1, "2}"), args(0, "1}")],
      ],
      calls: ['a f {"x":1}', 'b g {"y":2}'],
    },
    {
      name: "no index: whole calls in one delta",
      deltas: [[without(toolCall(0, "a", "f", "{}"), "index"), without(toolCall(0, "b", "g", "{}"), "index")]],
      calls: ["a f {}", "b g {}"],
    },
    {
      name: "no index and an empty id: the same function twice",
      deltas: [
        [without(toolCall(0, "", "f", '{"x":1}'), "index")],
        [without(toolCall(0, "", "f", '{"x":2}'), "index")],
      ],
      calls: ['made f {"x":1}', 'made f {"x":2}'],
    },
    {
      name: "no index, arguments in pieces by id",
      deltas: [
        [{ id: "a", function: { name: "f", arguments: '{"x"' } }],
        [{ id: "a", function: { arguments: ":1}" } }],
      ],
      calls: ['a f {"x":1}'],
    },
    {
      name: "id, type and name repeated in every delta",
      deltas: [[toolCall(0, "a", "f", "")], [toolCall(0, "a", "f", '{"x"')], [toolCall(0, "a", "f", ":1}")]],
      calls: ['a f {"x":1}'],
    },
    {
      name: "the same index for back-to-back calls",
      deltas: [[toolCall(0, "a", "f", '{"x":1}')], [toolCall(0, "b", "g", '{"y":2}')]],
      calls: ['a f {"x":1}', 'b g {"y":2}'],
    },
    {
      name: "the same index for calls of one function without arguments",
      deltas: [[toolCall(0, "a", "f", "")], [toolCall(0, "b", "f", "{}")]],
      calls: ["a f ", "b f {}"],
    },
    {
      name: "null arguments before the first piece",
      deltas: [[{ index: 0, id: "a", type: "function", function: { name: "f", arguments: null } }], [args(0, "{}")]],
      calls: ["a f {}"],
    },
    {
      name: "arguments as an object",
      deltas: [[{ index: 0, id: "a", function: { name: "f", arguments: { x: 1 } } }]],
      calls: ['a f {"x":1}'],
    },
    {
      name: "a name in two pieces",
      deltas: [[toolCall(0, "a", "get_", "")], [{ index: 0, function: { name: "weather" } }], [args(0, "{}")]],
      calls: ["a get_weather {}"],
    },
    {
      name: "arguments before the name",
      deltas: [
        [{ index: 0, id: "a", function: { arguments: '{"x"' } }],
        [{ index: 0, function: { name: "f", arguments: ":1}" } }],
      ],
      calls: ['a f {"x":1}'],
    },
    { name: "no arguments at all", deltas: [[toolCall(0, "a", "f", "")]], calls: ["a f "] },
    {
      name: "every call named call_0",
      deltas: [[toolCall(0, "call_0", "f", "{}"), toolCall(1, "call_0", "g", "{}")]],
      calls: ["call_0 f {}", "call_0_2 g {}"],
    },
    {
      name: "an empty custom member beside a function",
      deltas: [[{ ...(toolCall(0, "a", "f", "{}") as object), custom: { name: "", input: "" } }]],
      calls: ["a f {}"],
    },
    {
      name: "a custom tool",
      deltas: [
        [{ index: 0, id: "a", type: "custom", custom: { name: "patch", input: "*** " } }],
        [{ index: 0, custom: { input: "Begin" } }],
      ],
      calls: ["a patch *** Begin"],
    },
  ];
  for (const { name, deltas, calls } of rows) {
    test(name, () => {
      const chunks = deltas.map((each) => chunk({ tool_calls: each }));
      const { events } = decodeStream(sse(...chunks, chunk({}, { finish_reason: "stop" }), "[DONE]"));
      assert.equal(checkEvents(events), undefined);
      const { candidates } = fold(events);
      assert.deepEqual(candidates[0]?.blocks.map(callText), calls);
      assert.equal(candidates[0]?.finish.reason, "tool-calls", "a call overrides the finish reason");
    });
  }

  test("ids that a provider leaves out are the same every time the same answer is read", () => {
    const stream = sse(chunk({ tool_calls: [toolCall(0, "", "f", "{}")] }, { finish_reason: "tool_calls" }));
    const ids = [1, 2].map(() => fold(decodeStream(stream).events).candidates[0]?.blocks[0]);
    assert.deepEqual(ids[0], ids[1]);
  });

  test("length and content filter are not overridden by tool calls", () => {
    for (const [native, reason] of [
      ["length", "length"],
      ["content_filter", "content-filter"],
    ] as const) {
      const { events } = decodeStream(
        sse(chunk({ tool_calls: [toolCall(0, "a", "f", '{"x')] }, { finish_reason: native })),
      );
      assert.equal(fold(events).candidates[0]?.finish.reason, reason);
    }
  });
});

describe("what a delta may hold", () => {
  const rows: readonly { readonly name: string; readonly deltas: readonly Json[]; readonly blocks: readonly Json[] }[] =
    [
      {
        name: "reasoning_content, then text",
        deltas: [{ reasoning_content: "Hm" }, { content: "Hi" }],
        blocks: [reasoning("Hm"), { type: "text", text: "Hi" }],
      },
      {
        name: "reasoning twice, as text and in details, is read once",
        deltas: [{ reasoning: "Hm", reasoning_details: [{ type: "reasoning.text", text: "Hm", index: 0 }] }],
        blocks: [reasoning("Hm")],
      },
      {
        name: "reasoning in details only",
        deltas: [{ reasoning_details: [{ type: "reasoning.text", text: "Hm" }] }],
        blocks: [reasoning("Hm")],
      },
      {
        name: "a summary in details",
        deltas: [{ reasoning: "Sum", reasoning_details: [{ type: "reasoning.summary", summary: "Sum" }] }],
        blocks: [{ type: "reasoning", summary: ["Sum"] }],
      },
      {
        name: "a Claude signature after the reasoning",
        deltas: [
          { reasoning: "Hm" },
          { reasoning_details: [{ type: "reasoning.text", signature: "c2ln", format: "anthropic-claude-v1" }] },
        ],
        blocks: [
          {
            ...(reasoning("Hm") as object),
            opaque: {
              issuer: { provider: "test-provider", family: "openai-chat" },
              kind: "anthropic.signature",
              value: "c2ln",
            },
          },
        ],
      },
      {
        name: "Mistral's parts",
        deltas: [
          {
            content: [
              { type: "thinking", thinking: [{ type: "text", text: "Hm" }] },
              { type: "text", text: "Hi" },
            ],
          },
        ],
        blocks: [reasoning("Hm"), { type: "text", text: "Hi" }],
      },
      {
        name: "a refusal in pieces",
        deltas: [{ refusal: "I " }, { refusal: "cannot" }],
        blocks: [{ type: "refusal", text: "I cannot" }],
      },
      {
        name: "empty and null members",
        deltas: [{ content: "", refusal: "", tool_calls: null, reasoning: null }, { content: "Hi" }],
        blocks: [{ type: "text", text: "Hi" }],
      },
      {
        name: "an annotation",
        deltas: [
          {
            content: "Hi",
            annotations: [
              {
                type: "url_citation",
                url_citation: { url: "https://a.test", title: "A", start_index: 0, end_index: 2 },
              },
            ],
          },
        ],
        blocks: [
          {
            type: "text",
            text: "Hi",
            citations: [{ type: "url", url: "https://a.test", title: "A", start: 0, end: 2 }],
          },
        ],
      },
      {
        name: "a picture",
        deltas: [{ images: [{ type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }],
        blocks: [{ type: "media", kind: "image", source: { by: "base64", data: "AAAA" }, mimeType: "image/png" }],
      },
      {
        name: "audio in pieces, its end last",
        deltas: [
          { audio: { id: "audio_1", transcript: "Hi" } },
          { audio: { data: "AAAA" } },
          { audio: { expires_at: 9 } },
        ],
        blocks: [
          {
            type: "media",
            kind: "audio",
            source: { by: "base64", data: "AAAA" },
            transcript: "Hi",
            expiresAt: 9,
            extras: { "openai-chat": { id: "audio_1" } },
          },
        ],
      },
      {
        name: "the deprecated function_call",
        deltas: [{ function_call: { name: "f", arguments: "" } }, { function_call: { arguments: "{}" } }],
        blocks: ["call"],
      },
    ];
  for (const { name, deltas, blocks } of rows) {
    test(name, () => {
      const { events } = decodeStream(
        sse(...deltas.map((delta) => chunk(delta)), chunk({}, { finish_reason: "stop" })),
      );
      assert.equal(checkEvents(events), undefined);
      const read = fold(events).candidates[0]?.blocks.map((block) => (block.type === "tool-call" ? "call" : block));
      assert.deepEqual(read, blocks);
    });
  }

  test("log probabilities ride on the text, also where a token is only a piece of a character", () => {
    const token = (text: string) => ({ token: text, logprob: -0.5, bytes: [240], top_logprobs: [] });
    const first = chunk({ content: "" }, { logprobs: { content: [token("\\xf0")], refusal: null } });
    const second = chunk({ content: "😀" }, { logprobs: { content: [token("😀")], refusal: null } });
    const block = fold(decodeStream(sse(first, second, "[DONE]")).events).candidates[0]?.blocks[0];
    assert.equal(block?.type === "text" ? block.logprobs?.length : undefined, 2);
  });

  test("Azure's first chunk without id and model does not name the answer", () => {
    const { events } = decodeStream(
      sse({ choices: [], id: "", model: "", prompt_filter_results: [] }, chunk({ content: "Hi" }), "[DONE]"),
    );
    const [first] = events;
    assert.deepEqual(first, { type: "start", id: "chatcmpl-1", model: "test-model", createdAt: 1_700_000_001 });
  });

  test("an answer without id and date gets those of the request", () => {
    const { events } = decodeStream(fixture("openai-chat", "snowflake-stream-no-finish").response.body);
    const [first] = events;
    assert.deepEqual(first, {
      type: "start",
      id: "chatcmpl-TEST",
      model: "claude-sonnet-4-6",
      createdAt: 1_700_000_000,
    });
  });
});

describe("usage", () => {
  const rows: readonly {
    readonly name: string;
    readonly wire: Json;
    readonly counts: readonly [input: number, read: number, write: number, output: number, reasoning?: number];
  }[] = [
    {
      name: "OpenAI",
      wire: {
        ...wireUsage(100, 20),
        prompt_tokens_details: { cached_tokens: 75, cache_write_tokens: 5 },
        completion_tokens_details: { reasoning_tokens: 8 },
      },
      counts: [100, 75, 5, 20, 8],
    },
    { name: "embeddings", wire: { prompt_tokens: 8, total_tokens: 8 }, counts: [8, 0, 0, 0] },
    { name: "a total alone", wire: { total_tokens: 8 }, counts: [8, 0, 0, 0] },
    {
      name: "cached beside the prompt",
      wire: { ...wireUsage(10, 2), prompt_tokens_details: { cached_tokens: 90 } },
      counts: [100, 90, 0, 2],
    },
    {
      name: "cached beside the prompt, told by the total",
      wire: { prompt_tokens: 50, completion_tokens: 2, total_tokens: 92, prompt_tokens_details: { cached_tokens: 40 } },
      counts: [90, 40, 0, 2],
    },
    {
      name: "DeepSeek",
      wire: { ...wireUsage(100, 2), prompt_cache_hit_tokens: 64, prompt_cache_miss_tokens: 36 },
      counts: [100, 64, 0, 2],
    },
    { name: "Moonshot", wire: { ...wireUsage(100, 2), cached_tokens: 64 }, counts: [100, 64, 0, 2] },
    {
      name: "xAI: reasoning beside the completion",
      wire: {
        prompt_tokens: 100,
        completion_tokens: 2,
        total_tokens: 112,
        completion_tokens_details: { reasoning_tokens: 10 },
      },
      counts: [100, 0, 0, 12, 10],
    },
    {
      name: "Gemini: thoughts in the total only",
      wire: { prompt_tokens: 35, completion_tokens: 12, total_tokens: 109 },
      counts: [35, 0, 0, 74, 62],
    },
    {
      name: "written and read at once",
      wire: { ...wireUsage(100, 2), prompt_tokens_details: { cached_tokens: 90, cache_write_tokens: 90 } },
      counts: [100, 90, 10, 2],
    },
    {
      name: "more reasoning than output",
      wire: { ...wireUsage(10, 5), completion_tokens_details: { reasoning_tokens: 7 } },
      counts: [10, 0, 0, 5, 5],
    },
  ];
  for (const { name, wire, counts } of rows) {
    test(name, () => {
      const read = readUsage(wire);
      assert.ok(read !== undefined);
      const { inputTotal, cacheRead, cacheWrite, outputTotal, reasoning } = read;
      const [input, cached, written, output, thought] = counts;
      assert.deepEqual(
        [inputTotal, cacheRead, cacheWrite, outputTotal, reasoning],
        [input, cached, written, output, thought],
      );
    });
  }

  test("what counts nothing is no usage", () => {
    for (const wire of [null, {}, "12", [], { prompt_tokens: "7" }]) assert.equal(readUsage(wire), undefined);
  });

  test("in every chunk, in x_groq, on the choice: the last value counts", () => {
    const places: readonly Json[] = [
      { usage: wireUsage(10, 3) },
      { x_groq: { usage: wireUsage(10, 3) } },
      { choices: [{ index: 0, delta: {}, finish_reason: "stop", usage: wireUsage(10, 3) }] },
    ];
    for (const place of places) {
      const stream = sse(
        chunk({ content: "Hi" }, { usage: wireUsage(10, 1) }),
        { ...(chunk({}, { finish_reason: "stop" }) as object), ...(place as object) },
        "[DONE]",
      );
      assert.equal(fold(decodeStream(stream).events).usage?.outputTotal, 3);
    }
  });
});

function args(index: number, text: string): Json {
  return { index, function: { arguments: text } };
}

function without(value: Json, key: string): Json {
  return Object.fromEntries(Object.entries(value as object).filter(([each]) => each !== key));
}

function reasoning(text: string): Json {
  return { type: "reasoning", summary: [], raw: [text] };
}

function callText(block: Block): string {
  if (block.type !== "tool-call") return block.type;
  const id = /^call_[0-9a-z]{13}$/.test(block.id) ? "made" : block.id;
  return `${id} ${block.name} ${block.argumentsText}`;
}
