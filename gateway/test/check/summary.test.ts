import assert from "node:assert/strict";
import { test } from "node:test";
import { unfold } from "../../src/canonical/unfold.ts";
import { dialects } from "../../src/dialects/index.ts";
import type { Json } from "../../src/lib/json.ts";
import { observe, observeSummary, openObservation } from "../../src/record/observe.ts";
import { fixtures } from "../support/corpus.ts";

/* The short cut for plain answers that pass untouched must give the record that reading them in full gives. */

/** False where there is no short cut. */
function isSummarisedAsRead(id: "openai-chat" | "anthropic-messages", body: Json): boolean {
  const { upstream } = dialects[id];
  const summary = upstream.summarise?.(body);
  if (summary === undefined) return false;
  const read = upstream.readResponse(body, { issuer: "x", candidates: 1, requestId: "req_1", createdAt: 1 });
  assert.ok(read.ok);
  const full = openObservation();
  for (const event of unfold(read.value)) observe(full, event, 5);
  const short = openObservation();
  observeSummary(short, summary, 5);
  assert.deepEqual({ ...short, losses: [] }, { ...full, losses: [] });
  return true;
}

/** Found by fuzzing: thinking that says nothing is no first token. */
for (const thinking of [{}, { thinking: "" }, { thinking: "", signature: "c2ln" }, { thinking: "Hm." }]) {
  test(`summary: a block of ${JSON.stringify(thinking)} is summarised as it is read`, () => {
    const usage = { input_tokens: 1, output_tokens: 1 };
    const content = [{ type: "thinking", ...thinking }];
    const body = { type: "message", role: "assistant", model: "m", content, stop_reason: "end_turn", usage };
    assert.ok(isSummarisedAsRead("anthropic-messages", body));
  });
}

for (const id of ["openai-chat", "anthropic-messages"] as const) {
  let summarised = 0;
  for (const fixture of fixtures(id)) {
    if (fixture.stream || fixture.response.extension !== "json" || fixture.response.status !== 200) continue;
    test(`summary: ${id}/${fixture.name} equals what reading it in full observes`, () => {
      const body = JSON.parse(fixture.response.body.toString("utf8"));
      if (isSummarisedAsRead(id, body)) summarised += 1;
    });
  }
  test(`summary: most of ${id}'s recorded answers take the short cut`, () =>
    assert.ok(summarised >= 8, String(summarised)));
}
