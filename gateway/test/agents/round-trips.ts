import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { asArray, asObject } from "../../src/lib/json.ts";
import type { Answer, UpstreamRequest } from "../support/upstream.ts";
import { agents, type AgentCli } from "./agents.ts";
import { bodyOf, sendEvents } from "./answer.ts";
import type { Case } from "./case.ts";
import { formats } from "./formats/index.ts";
import type { Format } from "./formats/format.ts";
import { play, PROVIDER_KEY, type Outcome } from "./scene.ts";

/** Every agent with a model of every format: the model asks for a file, gets it, and says what is in it. */
export const roundTrips: readonly Case[] = agents.flatMap((agent) =>
  formats.map((format) => ({
    name: `${agent.id} reads a file for a model behind ${format.dialect}`,
    agent,
    run: (installed: string) => roundTrip(agent, format, installed),
  })),
);

const CALL_ID = "call_scripted_1";

async function roundTrip(agent: AgentCli, format: Format, installed: string): Promise<string> {
  const word = `cobalt-${randomBytes(4).toString("hex")}`;
  const outcome = await play({
    agent,
    installed,
    format,
    notes: `The word is ${word}.\n`,
    answer: (workingFolder) => readThenTell(agent, format, join(workingFolder, "notes.txt"), word),
  });
  assert.equal(outcome.exitCode, 0, outcome.err);
  assert.equal(outcome.out.trim(), `The file says: ${word}`);
  assert.doesNotMatch(outcome.err, /Model metadata/, "Codex takes the gateway's list of models");
  assert.deepEqual(outcome.outside, [], "nothing is asked of the world outside");
  checkProvider(agent, format, word, outcome.provider);
  checkRecords(agent, format, outcome);
  return `${outcome.records.length} requests, ${(outcome.durationMs / 1000).toFixed(1)} s`;
}

/** The model's part. It can only tell the word if it has been sent it. */
function readThenTell(agent: AgentCli, format: Format, path: string, word: string): Answer {
  return (request, response) => {
    const { results } = format.readTurn(bodyOf(request));
    const known = results.some(({ text }) => text.includes(word));
    const call = { id: CALL_ID, ...agent.readFile(path) };
    return sendEvents(response, known ? format.textStream(`The file says: ${word}`) : format.callStream(call));
  };
}

/** The second request must hold the call as it was made, and its result under the call's own id. */
function checkProvider(agent: AgentCli, format: Format, word: string, requests: readonly UpstreamRequest[]): void {
  assert.equal(requests.length, 2);
  for (const request of requests) {
    // What passes through untouched is the client's own business.
    if (agent.dialect !== format.dialect) assert.deepEqual(format.brokenRules(bodyOf(request)), []);
    assert.ok(format.isStreamed(request.target, bodyOf(request)), "the answer is asked for as a stream");
    assert.ok(JSON.stringify(request.headers).includes(PROVIDER_KEY), "the provider's key is sent");
    assert.doesNotMatch(JSON.stringify(request.headers) + request.text, /dgm_/, "the gateway's key is not");
  }
  const [first, second] = requests.map((request) => format.readTurn(bodyOf(request)));
  const { name, arguments: input } = agent.readFile("");
  assert.ok(first?.tools.includes(name) === true, `${name} is among the tools`);
  assert.deepEqual([first?.calls, first?.results], [[], []]);
  const [call, ...moreCalls] = second?.calls ?? [];
  const [result, ...moreResults] = second?.results ?? [];
  assert.deepEqual([moreCalls, moreResults], [[], []]);
  assert.equal(call?.name, name);
  assert.deepEqual(Object.keys(call.arguments), Object.keys(input));
  assert.equal(result?.callId, call.id);
  // A Gemini provider gave no id; what the client made up may be sent or not.
  if (format.dialect !== "gemini") assert.equal(call.id, CALL_ID);
  assert.ok(result.text.includes(word), result.text);
}

function checkRecords(agent: AgentCli, format: Format, { records }: Outcome): void {
  const carried = agent.dialect === format.dialect ? "verbatim" : "translate";
  assert.equal(records.length, 2);
  for (const record of records) {
    assert.partialDeepStrictEqual(record, { agent: agent.id, dialect: agent.dialect, status: 200, end: "complete" });
    const [attempt, ...others] = asArray(record["attempts"]) ?? [];
    assert.deepEqual(others, []);
    assert.deepEqual(asObject(attempt)?.["carry"], { request: carried, response: carried });
  }
}
