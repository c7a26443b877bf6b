import { failure, type Failure } from "../canonical/failure.ts";
import type { JsonObject } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { modelsShape, writeModel, writeModels, type ListedModel } from "./models.ts";
import type { LocalOperationId, Match } from "./table.ts";

export type LocalAnswer = { readonly contentType: string; readonly body: string };

export type LocalFacts = {
  readonly version: string;
  /** What this caller may see. */
  readonly models: () => readonly ListedModel[];
  readonly headers: { readonly [name: string]: string | undefined };
  readonly query: URLSearchParams;
};

/** Answers an operation that needs no provider. */
export function answerLocally(match: Match, id: LocalOperationId, facts: LocalFacts): Result<LocalAnswer, Failure> {
  switch (id) {
    case "health":
      return ok(json({ status: "ok", version: facts.version }));
    case "ready":
      return ok(json({ status: "ready", version: facts.version }));
    case "metrics":
      return fail(failure("operation_unavailable", "This version has no metrics yet."));
    case "welcome":
      return ok({ contentType: "text/plain; charset=utf-8", body: welcome(facts.version) });
    case "models":
      return ok(json(writeModels(facts.models(), modelsShape(match.version, facts.query, facts.headers), facts.query)));
    case "model":
      return oneModel(match, facts);
    default:
      return id satisfies never;
  }
}

function oneModel(match: Match, facts: LocalFacts): Result<LocalAnswer, Failure> {
  const found = facts.models().find((model) => model.id === match.subject);
  if (found !== undefined) return ok(json(writeModel(found, modelsShape(match.version, facts.query, facts.headers))));
  const message = `The model "${match.subject}" is not configured here. GET /v1/models lists what there is.`;
  return fail(failure("model_not_found", message, { param: "model" }));
}

function json(body: JsonObject): LocalAnswer {
  return { contentType: "application/json; charset=utf-8", body: JSON.stringify(body) };
}

function welcome(version: string): string {
  return [
    `Dragoman ${version} is running.`,
    "",
    "Point an SDK at this address: OpenAI Chat and Responses, Anthropic Messages and Gemini are all spoken here.",
    "GET /v1/models lists the models, GET /health says that it lives.",
    "",
  ].join("\n");
}
