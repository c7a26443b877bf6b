import assert from "node:assert/strict";
import { codexBuiltIn } from "./agents.ts";
import { sendText } from "./answer.ts";
import type { Case } from "./case.ts";
import { openaiResponses } from "./formats/openai-responses.ts";
import { play } from "./scene.ts";

const TEXT = "All is well.";
/** Five attempts to connect, which is what any answer but 426 costs, take more than half a minute. */
const DURATION_MS_MAX = 20_000;

/** Codex with its built-in provider asks for a WebSocket first. */
export const fallsBackToHttp: Case = {
  name: "codex gives up on a WebSocket at once and goes on over HTTP",
  agent: codexBuiltIn,
  run: async (installed) => {
    const outcome = await play({
      agent: codexBuiltIn,
      installed,
      format: openaiResponses,
      answer: () => (request, response) => sendText(openaiResponses, request, response, TEXT),
    });
    assert.deepEqual([outcome.exitCode, outcome.out.trim()], [0, TEXT], outcome.err);
    assert.match(outcome.err, /WebSocket/, "it has tried");
    assert.equal(outcome.records.length, 1);
    assert.ok(outcome.durationMs < DURATION_MS_MAX, `${outcome.durationMs} ms`);
    return `${(outcome.durationMs / 1000).toFixed(1)} s`;
  },
};
