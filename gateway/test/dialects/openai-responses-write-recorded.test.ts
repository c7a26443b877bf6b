import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import type { Failure } from "../../src/canonical/failure.ts";
import type { CanonicalRequest, Effort } from "../../src/canonical/request.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { WrittenRequest } from "../../src/dialects/dialect.ts";
import { modelFacts, nearestEffort, type ModelFacts } from "../../src/dialects/openai-responses/models.ts";
import { writeRequest } from "../../src/dialects/openai-responses/write-request.ts";
import { asObject, asString, parseJson, type Json, type JsonObject } from "../../src/lib/json.ts";
import type { Result } from "../../src/lib/result.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";
import { requestOf } from "../support/openai-responses.ts";
import { seededRandom, type Random } from "../support/random.ts";
import { brokenRules } from "../support/responses-rules.ts";
import { inputOf, said, target, wires, write, type Source } from "../support/responses-write.ts";

const sources: readonly Source[] = ["openai-chat", "openai-responses", "anthropic-messages", "gemini"];

function recorded(source: Source): { readonly name: string; readonly request: CanonicalRequest }[] {
  return fixtures(source).flatMap((fixture) => {
    const request = readRecorded(source, fixture);
    return request?.ok === true ? [{ name: fixture.name, request: request.value }] : [];
  });
}

function readRecorded(source: Source, { request }: Fixture): Result<CanonicalRequest, Failure> | undefined {
  const body = asObject(request?.body);
  return body === undefined ? undefined : dialects[source].client.readRequest(wires[source](body));
}

/** Recorded requests that this API cannot be asked. */
const unwritable: { readonly [name: string]: RegExp } = {
  "openai-chat/openai-plain-n2": /`n` is 2/,
  "openai-chat/openai-status-401": /`n` is 2/,
  "openai-chat/openai-stream-n2": /`n` is 2/,
  "openai-chat/openai-stream-n2-tools": /`n` is 2/,
};

describe("recorded requests", () => {
  for (const source of sources) {
    for (const { name, request } of recorded(source)) {
      test(`${source}: ${name}`, () => {
        for (const model of ["gpt-5.6-sol", "gpt-4o"]) {
          const written = writeRequest(request, target(model));
          const expected = unwritable[`${source}/${name}`];
          if (expected !== undefined) {
            assert.match(written.ok ? "" : written.error.message, expected);
            return;
          }
          assert.ok(written.ok, written.ok ? "" : written.error.message);
          if (source !== "openai-responses") assert.deepEqual(brokenRules(written.value.body), []);
          assert.deepEqual(silentlyLost(request, written.value), []);
          assert.equal(JSON.stringify(writeRequest(request, target(model))), JSON.stringify(written));
        }
      });
    }
  }
});

/** Blocks and tools whose content is neither in the body nor named by a loss. */
function silentlyLost(request: CanonicalRequest, { body, losses, restore }: WrittenRequest): string[] {
  const text = JSON.stringify(body);
  const told = (path: string) => losses.some((loss) => loss.path === path || loss.path.startsWith(`${path}.`));
  const has = (content: string) => text.includes(JSON.stringify(content).slice(1, -1));
  const lost = request.turns.flatMap((turn, index) =>
    turn.blocks.flatMap((block, position) => {
      const path = `turns[${index}].blocks[${position}]`;
      return told(path) || contents(block).every(has) ? [] : [path];
    }),
  );
  const sent = new Map([...(restore?.tools ?? [])].map(([as, { name }]) => [name, as]));
  const tools = request.tools.flatMap((each, index) => {
    const name = each.type === "builtin" ? undefined : (sent.get(each.name) ?? each.name);
    return told(`tools[${index}]`) || name === undefined || has(name) ? [] : [`tools[${index}]`];
  });
  const instructions = request.instructions.flatMap((each) => (has(each.text) ? [] : [each.text]));
  return [...lost, ...tools, ...instructions];
}

function contents(block: Block): string[] {
  switch (block.type) {
    case "text":
    case "refusal":
      return [block.text];
    case "tool-call":
      return block.kind === "builtin" ? [] : [block.argumentsText];
    case "tool-result":
      return block.kind === "builtin" ? [] : block.content.flatMap(contents);
    case "media":
      return block.source.by === "base64" ? [block.source.data] : block.source.by === "url" ? [block.source.url] : [];
    case "reasoning":
      return [
        asString(asObject(parseJson(block.opaque?.value ?? ""))?.["encrypted_content"]) ?? block.raw?.join("") ?? "",
      ];
    case "server-tool":
    case "search-result":
    case "code":
    case "compaction":
    case "opaque":
      return [];
  }
}

describe("this format's own requests", () => {
  for (const { name, request } of recorded("openai-responses")) {
    test(`${name} reads the same after it was written`, () => {
      const written = writeRequest(request, target(request.model));
      assert.ok(written.ok);
      const again = dialects["openai-responses"].client.readRequest(requestOf(written.value.body));
      assert.ok(again.ok);
      assert.deepEqual(withoutLost(again.value), withoutLost(request));
      assert.deepEqual(
        written.value.losses.filter(({ reason }) => reason !== "repaired"),
        [],
      );
    });
  }

  test("a conversation of every kind of item", () => {
    const body = {
      model: "gpt-5.6-sol",
      instructions: "Be brief.",
      input: [
        {
          type: "message",
          role: "developer",
          content: [{ type: "input_text", text: "d", prompt_cache_breakpoint: { mode: "explicit" } }],
        },
        {
          type: "message",
          role: "user",
          content: [
            { type: "input_image", image_url: "data:image/png;base64,AAAA", detail: "low" },
            { type: "input_file", file_id: "file-1" },
          ],
        },
        { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" },
        { type: "custom_tool_call", call_id: "c1", name: "apply_patch", input: "*** Begin" },
        { type: "custom_tool_call_output", call_id: "c1", output: "ok" },
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "q" } },
        {
          type: "message",
          role: "assistant",
          content: [
            { type: "output_text", text: "So" },
            { type: "refusal", refusal: "no" },
          ],
          phase: "commentary",
        },
        {
          type: "local_shell_call",
          id: "lsh_1",
          call_id: "c2",
          action: { type: "exec", command: ["ls"] },
          status: "completed",
        },
        { type: "local_shell_call_output", id: "c2", output: "x" },
        { type: "compaction", id: "cmp_1", encrypted_content: "x" },
        { type: "configuration_update", reasoning: { effort: "low" }, text: { format: { type: "text" } } },
        {
          type: "additional_tools",
          role: "developer",
          tools: [{ type: "function", name: "late", parameters: null, strict: null }],
        },
        { type: "message", role: "user", content: [{ type: "input_text", text: "On." }] },
      ],
      tools: [
        { type: "function", name: "f", parameters: { type: "object" } },
        {
          type: "namespace",
          name: "ns",
          description: "A space.",
          tools: [
            { type: "function", name: "f", parameters: { type: "object" }, strict: true, defer_loading: true },
            { type: "custom", name: "g" },
          ],
        },
        { type: "web_search_preview", search_context_size: "low" },
        { type: "mcp", server_label: "s", server_url: "https://s", require_approval: "never" },
      ],
      tool_choice: { type: "web_search_preview" },
      parallel_tool_calls: true,
      reasoning: { effort: "minimal", summary: null },
      text: { format: { type: "text" }, verbosity: "low" },
      max_output_tokens: 5,
      temperature: 0.2,
      top_logprobs: 3,
      prompt_cache_key: "k",
      prompt_cache_options: { mode: "explicit", ttl: "12h" },
      metadata: { a: "b" },
      service_tier: "flex",
      max_tool_calls: 3,
      previous_response_id: "resp_1",
      store: true,
      background: false,
      context_management: [{ type: "compaction", compact_threshold: 1000 }],
      include: ["web_search_call.results"],
      truncation: "auto",
      prompt: { id: "pmpt_1" },
    };
    const written = write("openai-responses", body, target("gpt-5.6-sol"));
    assert.deepEqual(written.body, body);
    assert.deepEqual(written.losses, []);
    assert.equal(written.restore, undefined);
  });

  test("results of calls that the provider has kept are left alone", () => {
    const output = { type: "function_call_output", call_id: "c", output: "4" };
    const written = write("openai-responses", { input: [output], previous_response_id: "resp_1" });
    assert.deepEqual(inputOf(written), [output]);
    assert.deepEqual(written.losses, []);
  });

  test("a call whose result may come later is not answered for the client", () => {
    const call = { type: "function_call", call_id: "c", name: "f", arguments: "{}", async: true };
    const user = { type: "message", role: "user", content: [{ type: "input_text", text: "Meanwhile?" }] };
    assert.deepEqual(inputOf(write("openai-responses", { input: [call, user] })), [call, user]);
  });

  test("ids of ours and Claude's reasoning do not go to OpenAI", () => {
    const opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature" as const, value: "EqQB" };
    const foreign = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: sealOpaque(opaque) };
    const message = { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "4" }] };
    const written = write("openai-responses", { input: [{ role: "user", content: "?" }, foreign, message] });
    assert.doesNotMatch(JSON.stringify(written.body), /dg1|rs_1|msg_1/);
    assert.deepEqual(said(written.losses), [
      "opaque-not-portable turns[1].blocks[0]",
      "repaired turns[1].blocks[1].id",
    ]);
  });
});

/** Ids that went with a `repaired` loss are not compared, and neither is where an item stood among the others. */
function withoutLost(request: CanonicalRequest): Json {
  return JSON.parse(
    JSON.stringify(request, (key, value: unknown) =>
      key === "boundary" || key === "itemId" || key === "id" ? undefined : value,
    ),
  );
}

describe("models", () => {
  const rows: readonly (readonly [string, Effort, Effort, ModelFacts["samples"], boolean])[] = [
    ["gpt-4o-2024-08-06", "low", "low", "always", false],
    ["gpt-4.1-mini", "low", "low", "always", false],
    ["gpt-5-chat-latest", "low", "low", "always", false],
    ["gpt-5-mini", "none", "minimal", "never", false],
    ["openai/gpt-5-nano", "max", "high", "never", false],
    ["gpt-5-pro", "low", "high", "never", false],
    ["gpt-5.1", "minimal", "low", "without-reasoning", false],
    ["gpt-5.1-codex-max", "max", "xhigh", "never", false],
    ["gpt-5.2-chat-latest", "high", "medium", "never", false],
    ["gpt-5.4-mini", "none", "none", "without-reasoning", false],
    ["gpt-5.5-2026-04-23", "max", "xhigh", "without-reasoning", false],
    ["gpt-5.6-luna", "max", "max", "without-reasoning", true],
    ["gpt-5.10", "max", "max", "without-reasoning", true],
    ["gpt-6.1-sol", "minimal", "low", "without-reasoning", true],
    ["o3-mini", "none", "low", "never", false],
    ["o4-mini-deep-research", "high", "medium", "never", false],
    ["openai.gpt-oss-20b", "xhigh", "high", "always", false],
    ["grok-4", "max", "max", "always", false],
  ];
  for (const [model, asked, sent, samples, marks] of rows) {
    test(`${model}: ${asked} is ${sent}`, () => {
      const facts = modelFacts(model);
      assert.deepEqual([nearestEffort(facts, asked), facts.samples, facts.cacheBreakpoints], [sent, samples, marks]);
    });
  }
});

/** Turns of Anthropic's, in order: calls answered in any order, twice or not at all, reasoning of ours and of others, instructions. */
function conversation(random: Random): JsonObject[] {
  const chance = (share: number) => random.next() < share;
  const item = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
  const opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
  const messages: JsonObject[] = [{ role: "user", content: "Hi" }];
  for (let count = 0; count < 4; count += 1) {
    const ids = [`t${count}`, random.pick(["same", `u.${count}`]), "x".repeat(80)].slice(0, random.below(4));
    const thinking = { type: "thinking", thinking: "", signature: random.pick([sealOpaque(opaque), "EqQB"]) };
    messages.push({
      role: "assistant",
      content: [
        ...(chance(0.5) ? [thinking] : []),
        ...(chance(0.5) ? [{ type: "text", text: "Well" }] : []),
        ...ids.map((id) => ({ type: "tool_use", id, name: "f", input: {} })),
      ],
    });
    const results = ids.flatMap((id) => (chance(0.8) ? [{ type: "tool_result", tool_use_id: id, content: id }] : []));
    const more = [
      ...results.slice(chance(0.2) ? 0 : results.length),
      ...(chance(0.2) ? [{ type: "tool_result", tool_use_id: "lost" }] : []),
    ];
    const text = chance(0.5) ? [{ type: "text", text: "And" }] : [];
    messages.push({ role: "user", content: [...(chance(0.2) ? text : []), ...results.toReversed(), ...more, ...text] });
    if (chance(0.2)) messages.push({ role: "system", content: "Mind this." });
  }
  return messages;
}

describe("a growing conversation", () => {
  test("made up of anything: sound, and always the beginning of what comes next", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 150; round += 1) {
      const messages = conversation(random);
      let before: JsonObject[] = [];
      for (let length = 1; length <= messages.length; length += 1) {
        const written = write("anthropic-messages", { messages: messages.slice(0, length), tools: [{ name: "f" }] });
        const items = inputOf(written);
        assert.deepEqual(items.slice(0, before.length), before, `round ${round}, message ${length}`);
        assert.deepEqual(brokenRules(written.body), [], `round ${round}, message ${length}`);
        before = items;
      }
    }
  });

  for (const source of sources) {
    test(`${source}: what was sent is sent again, with more behind it`, () => {
      let compared = 0;
      for (const { name, request } of recorded(source)) {
        for (let length = 1; length < request.turns.length; length += 1) {
          if (request.turns[length]?.role === "assistant" && request.turns[length - 1]?.role === "assistant") continue;
          const short = writeRequest({ ...request, turns: request.turns.slice(0, length) }, target("gpt-5.6-sol"));
          const long = writeRequest({ ...request, turns: request.turns.slice(0, length + 1) }, target("gpt-5.6-sol"));
          if (!short.ok || !long.ok) continue;
          const [before, after] = [inputOf(short.value), inputOf(long.value)];
          assert.deepEqual(after.slice(0, before.length), before, `${name}, turn ${length}`);
          compared += 1;
        }
      }
      assert.ok(compared > 0);
    });
  }
});
