import assert from "node:assert/strict";
import { test } from "node:test";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { anthropicMessages } from "../../src/dialects/anthropic-messages/index.ts";
import type { ClientDialect } from "../../src/dialects/dialect.ts";
import { gemini } from "../../src/dialects/gemini/index.ts";
import { openaiChat } from "../../src/dialects/openai-chat/index.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import { wireRequest } from "../../src/dialects/wire-request.ts";
import { scanObject } from "../../src/framing/json-scan.ts";
import { adaptSchema } from "../../src/translation/json-schema.ts";
import { mapToolCallIds } from "../../src/translation/tool-ids.ts";
import { mapToolNames } from "../../src/translation/tool-names.ts";
import { pairToolResults } from "../../src/translation/tool-pairing.ts";
import { fixtures } from "../support/corpus.ts";
import { schemaTargets } from "./json-schema-rows.ts";
import { schemaProblems } from "./schema-check.ts";

const dialects: Record<ClientDialectId, ClientDialect> = {
  "anthropic-messages": anthropicMessages.client,
  gemini: gemini.client,
  "openai-chat": openaiChat.client,
  "openai-responses": openaiResponses.client,
};

type Recorded = { readonly name: string; readonly request: CanonicalRequest };

/** Every recorded request that its own dialect can read. */
function recordedRequests(): Recorded[] {
  return Object.values(dialects).flatMap((dialect) =>
    fixtures(dialect.id).flatMap(({ name, request }) => {
      if (request === null) return [];
      const raw = Buffer.from(JSON.stringify(request.body));
      const scan = scanObject(raw);
      if (!scan.ok) return [];
      const wire = wireRequest({
        path: request.path,
        pathModel: "m",
        query: new URLSearchParams(),
        headers: request.headers,
        raw,
        scan: scan.value,
      });
      const read = dialect.readRequest(wire);
      return read.ok ? [{ name: `${dialect.id}/${name}`, request: read.value }] : [];
    }),
  );
}

const recorded = recordedRequests();
test("recorded: enough requests to say something", () => {
  assert.ok(recorded.length > 100, String(recorded.length));
});

test("recorded: conversations that providers accepted need no repairs", () => {
  for (const { name, request } of recorded) {
    const paired = pairToolResults(request.turns);
    assert.deepEqual(paired.losses, [], name);
    paired.turns.forEach((turn, index) => assert.equal(turn, request.turns[index], name));
  }
});

test("recorded: the ids and names of a format's own provider stay as they are", () => {
  for (const { name, request } of recorded) {
    if (request.source !== "anthropic-messages") continue;
    const rule = { valid: /^[a-zA-Z0-9_-]+$/, lengthMax: 64, prefix: "toolu_" };
    assert.deepEqual(mapToolCallIds(request.turns, rule), request.turns, name);
    assert.equal(mapToolNames(request, { pattern: /[A-Za-z0-9_-]/, lengthMax: 128 }).restored.size, 0, name);
  }
});

test("recorded: every tool's schema is good for every target, and permissive ones get it as it was", () => {
  for (const { name, request } of recorded) {
    for (const tool of request.tools) {
      if (tool.type !== "function" || tool.schema === undefined) continue;
      for (const target of schemaTargets) {
        const { schema, losses } = adaptSchema(tool.schema, target);
        assert.deepEqual(schemaProblems(schema, target), [], `${name} ${tool.name} ${target}`);
        if (target === "anthropic" || target === "openai") assert.deepEqual(losses, [], `${name} ${tool.name}`);
      }
    }
  }
});
