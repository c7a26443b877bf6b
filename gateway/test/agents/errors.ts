import assert from "node:assert/strict";
import type { FailureCode } from "../../src/canonical/failure.ts";
import { asObject } from "../../src/lib/json.ts";
import { createKey } from "../../src/limits/keys.ts";
import type { Answer } from "../support/upstream.ts";
import { agents, type AgentCli } from "./agents.ts";
import { sendError, sendHalf, sendText } from "./answer.ts";
import type { Case } from "./case.ts";
import type { ErrorResponse, Format } from "./formats/format.ts";
import { formats } from "./formats/index.ts";
import { play, type Outcome, type Scene } from "./scene.ts";

/** What an agent makes of an error: how often it asks in all, how it ends, and what it shows. */
type Reaction = { readonly requests: number; readonly exitCode: number; readonly shows: RegExp };

type Situation = {
  readonly name: string;
  /** The gateway refuses by itself, in the same words whatever the provider. */
  readonly own?: true;
  readonly scene: (format: Format) => Pick<Scene, "answer" | "key" | "model">;
  /** What the gateway says in its record of the first request. */
  readonly code: FailureCode;
  readonly reactions: Readonly<Record<AgentCli["id"], Reaction>>;
};

const WELL = "All is well again.";
const CUT_SHORT = "As far as anybody can tell, the answer to this goes on for a while.";

const recovers: Reaction = { requests: 2, exitCode: 0, shows: /^All is well again\.$/m };
const stops = (shows: RegExp, requests = 1): Reaction => ({ requests, exitCode: 1, shows });

const situations: readonly Situation[] = [
  {
    name: "a gateway key that does not exist",
    own: true,
    scene: () => ({ key: createKey().text, answer: () => neverAsked }),
    code: "invalid_gateway_key",
    reactions: {
      "claude-code": stops(/^Failed to authenticate\. API Error: 401 The gateway key is not valid\./m),
      // It might get another key meanwhile, from a command that makes them.
      codex: stops(/^ERROR: unexpected status 401 Unauthorized: The gateway key is not valid\./m, 6),
      "gemini-cli": stops(/The gateway key is not valid\./),
    },
  },
  {
    name: "a model that does not exist",
    own: true,
    scene: () => ({ model: "no-such-model", answer: () => neverAsked }),
    code: "model_not_found",
    reactions: {
      // The second one without streaming. The words are its own.
      "claude-code": stops(/^There's an issue with the selected model \(no-such-model\)\./m, 2),
      codex: stops(/^ERROR: The model "no-such-model" is not configured here\./m),
      "gemini-cli": stops(/The model "no-such-model" is not configured here\./),
    },
  },
  {
    name: "a provider that refuses the gateway's key",
    scene: ({ errors }) => ({ answer: () => always(errors["wrong-key"]) }),
    code: "provider_rejected_managed_credential",
    reactions: {
      "claude-code": stops(/^API Error: 502 The provider refused the gateway's own credential/m),
      codex: stops(/^ERROR: The provider refused the gateway's own credential/m),
      "gemini-cli": stops(/The provider refused the gateway's own credential/),
    },
  },
  {
    name: "a rate limit for a second",
    scene: (format) => ({ answer: () => untilWell(format, format.rateLimit(1)) }),
    code: "provider_rate_limited",
    reactions: { "claude-code": recovers, codex: recovers, "gemini-cli": recovers },
  },
  {
    name: "a rate limit for an hour",
    scene: ({ rateLimit }) => ({ answer: () => always(rateLimit(3600)) }),
    code: "provider_rate_limited",
    reactions: {
      "claude-code": stops(/^API Error: Request rejected \(429\) · .*: scripted\./m),
      codex: stops(/^ERROR: You’ve hit your usage limit\. Try again at \w/m),
      "gemini-cli": stops(/TerminalQuotaError: .*: scripted\./),
    },
  },
  {
    name: "a provider that fails as often as the gateway asks",
    scene: (format) => ({ answer: () => untilWell(format, format.errors["server-error"]) }),
    code: "provider_error",
    reactions: {
      "claude-code": stops(/^API Error: 502 .*: scripted\./m),
      codex: recovers,
      "gemini-cli": recovers,
    },
  },
  {
    name: "a provider that is overloaded",
    scene: (format) => ({ answer: () => untilWell(format, format.errors.overloaded) }),
    code: "provider_overloaded",
    reactions: { "claude-code": recovers, codex: recovers, "gemini-cli": recovers },
  },
  {
    name: "a stream that breaks off",
    scene: (format) => ({ answer: () => cutOnce(format) }),
    code: "provider_interrupted",
    reactions: {
      "claude-code": recovers,
      codex: recovers,
      "gemini-cli": stops(/^As far as anybody can tell[^]*other side closed/m),
    },
  },
  {
    name: "a context that is too long",
    scene: ({ errors }) => ({ answer: () => always(errors["context-length"]) }),
    code: "context_length_exceeded",
    reactions: {
      "claude-code": stops(/^Prompt is too long/m),
      codex: stops(/^ERROR: Codex ran out of room in the model's context window\./m),
      "gemini-cli": stops(/The input token count \(\d+\) exceeds|input exceeds the context window/),
    },
  },
];

/** Beside its own format, one that has to be translated for each agent. */
const foreign: Readonly<Record<AgentCli["id"], Format["dialect"]>> = {
  "claude-code": "openai-chat",
  codex: "anthropic-messages",
  "gemini-cli": "openai-responses",
};

/** Every agent in every situation: none repeats what is hopeless, all repeat what passes, and all show something that helps. */
export const errorCases: readonly Case[] = agents.flatMap((agent) =>
  situations.flatMap((situation) =>
    formatsOf(agent, situation).map((format) => ({
      name: `${agent.id} and ${situation.name}${situation.own === true ? "" : `, behind ${format.dialect}`}`,
      agent,
      run: (installed: string) => meet(agent, situation, format, installed),
    })),
  ),
);

function formatsOf(agent: AgentCli, { own }: Situation): readonly Format[] {
  const wanted = own === true ? [agent.dialect] : [agent.dialect, foreign[agent.id]];
  return formats.filter(({ dialect }) => wanted.includes(dialect));
}

async function meet(agent: AgentCli, situation: Situation, format: Format, installed: string): Promise<string> {
  const outcome = await play({ agent, installed, format, ...situation.scene(format) });
  const { requests, exitCode, shows } = situation.reactions[agent.id];
  const shown = lineOf(`${outcome.out}\n${outcome.err}`, shows);
  assert.ok(shown !== undefined, `shows something else: ${describe(outcome)}`);
  assert.equal(outcome.exitCode, exitCode, describe(outcome));
  assert.equal(outcome.records.length, requests, describe(outcome));
  assert.equal(asObject(outcome.records[0]?.["failure"])?.["code"], situation.code);
  return `${requests} ${requests === 1 ? "request" : "requests"}, exit ${exitCode}: ${shown}`;
}

/** The line in which the pattern begins to match, or undefined where it does not. */
function lineOf(text: string, pattern: RegExp): string | undefined {
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const start = text.lastIndexOf("\n", found.index) + 1;
  return text.slice(start).split("\n", 1)[0];
}

function describe({ exitCode, records, out, err }: Outcome): string {
  const statuses = records.map(({ status }) => JSON.stringify(status)).join(", ");
  return `exit code ${exitCode ?? "none"} after ${records.length} requests (${statuses})\n${out}\n${err.slice(-2000)}`;
}

const neverAsked: Answer = (_request, response) => {
  response.writeHead(418).end("the gateway should have refused this by itself");
};

function always(error: ErrorResponse): Answer {
  return (_request, response) => sendError(response, error);
}

/** How often the gateway asks the same provider before it tells the client. */
const ATTEMPTS = 3;

/** Fails as often as the gateway asks for one request, and is well when the agent asks again. */
function untilWell(format: Format, error: ErrorResponse): Answer {
  let asked = 0;
  return (request, response) => {
    asked += 1;
    return asked > ATTEMPTS ? sendText(format, request, response, WELL) : sendError(response, error);
  };
}

function cutOnce(format: Format): Answer {
  let asked = 0;
  return (request, response) => {
    asked += 1;
    return asked > 1 ? sendText(format, request, response, WELL) : sendHalf(format, response, CUT_SHORT);
  };
}
