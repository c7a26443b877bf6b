import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import { asObject, type JsonObject } from "../../src/lib/json.ts";
import { gatewayFetch, type Fetch } from "../support/gateway-fetch.ts";
import { loopClients } from "../support/loop-clients.ts";
import { loopProviders, type LoopRequest } from "../support/loop-providers.ts";
import { stage, type Stage } from "../support/play.ts";
import { clientDialectIds } from "../support/streams.ts";

/*
 * A model that thinks and calls tools gets its own state back with every turn of a conversation, in whatever format the client
 * speaks; another model that takes over gets the conversation and none of the first one's state.
 */

const outputs = ["sunny", "20 degrees", "68 degrees"];
const calls = [
  { name: "lookup", arguments: { city: "Rome" } },
  { name: "convert", arguments: { city: 'Rom\u00e4 "1"' } },
  { name: "lookup", arguments: { city: "Oslo" } },
];

/** Recognisable wherever it turns up, and what a provider's state looks like: base64. */
function stateOf(provider: ClientDialectId, turn: number): string {
  return Buffer.from(`state of ${provider} after turn ${turn}`.padEnd(48, "!")).toString("base64");
}

/** A gateway before one provider of each format, which answer in turn with thoughts, state and a call. */
function openStage(stream: boolean): Stage {
  const rows = clientDialectIds.map(
    (id) => `  ${id}: { ${loopProviders[id].configuration}, base_url: "https://${id}.test", credential: "env::KEY" }\n`,
  );
  return stage({
    yaml: `providers:\n${rows.join("")}retry: { max_retries: 0 }\n`,
    environment: { KEY: "provider-key" },
    script: (call, index) => {
      const provider = providerAt(call.origin);
      const next = calls[index];
      const answer = { thought: `Turn ${index}.`, state: stateOf(provider, index) };
      const whole = next === undefined ? answer : { ...answer, call: { id: idOf(provider, index), ...next } };
      return loopProviders[provider].answer(whole, index, stream);
    },
  });
}

function providerAt(origin: string): ClientDialectId {
  const found = clientDialectIds.find((id) => origin === `https://${id}.test`);
  assert.ok(found !== undefined, origin);
  return found;
}

function idOf(provider: ClientDialectId, turn: number): string {
  return `${provider === "anthropic-messages" ? "toolu" : "call"}_${provider.replaceAll("-", "")}${turn}`;
}

/** Four requests: `providers[n]` answers the n-th. What each of them was sent. */
async function converse(
  client: ClientDialectId,
  providers: readonly ClientDialectId[],
  stream: boolean,
): Promise<{ readonly sent: readonly LoopRequest[]; readonly bodies: readonly JsonObject[] }> {
  const opened = openStage(stream);
  const fetch: Fetch = gatewayFetch(opened);
  const { user, result, ask } = loopClients[client];
  const history: JsonObject[] = [user("How is the weather?")];
  for (const [turn, provider] of providers.entries()) {
    const answer = await ask(fetch, loopProviders[provider].model, history, stream);
    const expected = calls[turn];
    assert.deepEqual(
      answer.calls.map(({ name, arguments: value }) => ({ name, arguments: value })),
      expected === undefined ? [] : [expected],
      `what the client is to call in turn ${turn}`,
    );
    if (expected === undefined) assert.equal(answer.text, "Done.");
    history.push(...answer.said, ...answer.calls.map((call) => result(call, outputs[turn] ?? "")));
  }
  const bodies = opened.upstream.calls.map(({ json }) => asObject(json) ?? {});
  return { bodies, sent: bodies.map((body, turn) => loopProviders[providers[turn] ?? client].read(body)) };
}

function checkPairs({ calls: sent, results }: LoopRequest, turn: number): void {
  const bare = sent.map(({ name, arguments: value }) => ({ name, arguments: value }));
  assert.deepEqual(bare, calls.slice(0, turn), "every call so far");
  assert.deepEqual(
    results.map(({ text }) => text),
    outputs.slice(0, turn),
    "every result so far",
  );
  assert.deepEqual(
    results.map(({ id }) => id),
    sent.map(({ id }) => id),
    "results belong to their calls",
  );
}

/** The states that a provider may see: its own. */
function ownStates(providers: readonly ClientDialectId[], turn: number): string[] {
  return providers
    .slice(0, turn)
    .flatMap((provider, index) => (provider === providers[turn] ? [stateOf(provider, index)] : []));
}

/** No trace of another provider's state, in an envelope or bare. */
function checkForeign(body: JsonObject, providers: readonly ClientDialectId[], turn: number): void {
  const text = JSON.stringify(body);
  for (const [index, provider] of providers.slice(0, turn).entries()) {
    if (provider === providers[turn]) continue;
    const state = stateOf(provider, index);
    for (const form of [state, Buffer.from(state).toString("base64url")]) {
      assert.ok(!text.includes(form), `${provider}'s state of turn ${index} reaches ${providers[turn]}`);
    }
  }
  assert.ok(!text.includes("dg1."), "no envelope reaches a provider");
  assert.ok(!text.includes("ZGcxL"), "no envelope reaches a provider in base64");
}

for (const stream of [false, true]) {
  describe(stream ? "streamed" : "in plain answers", () => {
    for (const client of clientDialectIds) {
      for (const provider of clientDialectIds) {
        test(`${client} > ${provider}: three tool turns, each with all that the model had thought`, async () => {
          const providers = [provider, provider, provider, provider];
          await check(client, providers, stream);
        });
        for (const other of clientDialectIds.filter((each) => each !== provider)) {
          test(`${client} > ${provider}, then ${other}, then ${provider} again: each with its own state only`, async () => {
            await check(client, [provider, provider, other, provider], stream);
          });
        }
      }
    }
  });
}

async function check(client: ClientDialectId, providers: readonly ClientDialectId[], stream: boolean): Promise<void> {
  const { sent, bodies } = await converse(client, providers, stream);
  assert.equal(sent.length, providers.length);
  for (const [turn, request] of sent.entries()) {
    checkPairs(request, turn);
    assert.deepEqual(request.states, ownStates(providers, turn), `turn ${turn} at ${providers[turn]}`);
    checkForeign(bodies[turn] ?? {}, providers, turn);
  }
}
