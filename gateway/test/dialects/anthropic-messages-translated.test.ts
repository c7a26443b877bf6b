import Anthropic from "@anthropic-ai/sdk";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block } from "../../src/canonical/block.ts";
import type { CanonicalEvent } from "../../src/canonical/event.ts";
import { fold } from "../../src/canonical/fold.ts";
import { dialects } from "../../src/dialects/index.ts";
import { sseFramer } from "../../src/framing/sse.ts";
import { parseJson, type Json } from "../../src/lib/json.ts";
import { checkWire, decoderOptions, encodeEvents } from "../support/anthropic-messages.ts";
import { fixtures, type Fixture } from "../support/corpus.ts";

/** Text and tool calls: what must arrive whichever provider answered. */
type Told = { readonly text: string; readonly tools: readonly (readonly [name: string, input: Json | undefined])[] };

for (const id of ["openai-chat", "openai-responses", "gemini"] as const) {
  describe(`the official Anthropic SDK reads recorded ${id} streams`, () => {
    const streams = fixtures(id).filter(({ response }) => response.extension === "sse" && response.status === 200);
    for (const fixture of streams) {
      test(fixture.name, async () => {
        const events = decode(id, fixture);
        const wire = encodeEvents(events);
        const last = checkWire(wire).at(-1);
        if (last?.type === "error") {
          await assert.rejects(toldBySdk(wire), (error) => error instanceof Anthropic.APIError);
        } else {
          assert.deepEqual(await toldBySdk(wire), toldByUs(fold(events).candidates[0]?.blocks ?? []));
        }
      });
    }
  });
}

function decode(id: "openai-chat" | "openai-responses" | "gemini", fixture: Fixture): CanonicalEvent[] {
  const framer = sseFramer();
  const decoder = dialects[id].upstream.decoder(decoderOptions);
  const frames = [...framer.push(fixture.response.body), ...framer.end().frames];
  const events = frames.flatMap(({ payload }) => (payload === undefined ? [] : (decoder.step(payload) ?? [])));
  return [...events, ...decoder.end().events];
}

async function toldBySdk(wire: string): Promise<Told> {
  const answer = () => Promise.resolve(new Response(wire, { headers: { "content-type": "text/event-stream" } }));
  const client = new Anthropic({
    apiKey: "test",
    baseURL: "http://gateway.test",
    maxRetries: 0,
    logLevel: "off",
    fetch: answer,
  });
  const params = { model: "claude-test", max_tokens: 10, messages: [{ role: "user" as const, content: "hi" }] };
  const { content } = await client.messages.stream(params).finalMessage();
  return {
    text: content.map((block) => (block.type === "text" ? block.text : "")).join(""),
    tools: content.flatMap((block) => (block.type === "tool_use" ? [[block.name, block.input as Json] as const] : [])),
  };
}

function toldByUs(blocks: readonly Block[]): Told {
  return {
    text: blocks.map(textOf).join(""),
    tools: blocks.flatMap((block) => {
      // A Messages client cannot have declared a built-in tool of another format, and is not told to run one.
      if (block.type !== "tool-call" || block.kind === "builtin") return [];
      const input = block.kind === "custom" ? { input: block.argumentsText } : parseJson(block.argumentsText || "{}");
      return [[block.name, input] as const];
    }),
  };
}

function textOf(block: Block): string {
  if (block.type === "text" || block.type === "refusal") return block.text;
  return block.type === "media" ? (block.transcript ?? "") : "";
}
