import type { Config } from "../config/config.ts";
import type { ClientDialect } from "../dialects/dialect.ts";
import type { WireRequest } from "../dialects/wire-request.ts";
import { authorise, type Caller } from "../limits/identify.ts";
import { ok, type Result } from "../lib/result.ts";
import type { Failure } from "../canonical/failure.ts";
import { countAnswers, estimateTokens, isCounting } from "../operations/count-tokens.ts";
import { answerLocally } from "../operations/local.ts";
import type { ListedModel } from "../operations/models.ts";
import type { Match } from "../operations/table.ts";
import { listModels } from "../routing/resolve.ts";
import type { Answer } from "./attempt.ts";
import { identityHeaders } from "./compatibility.ts";
import { settle, type Exchange } from "./exchange-state.ts";
import { refuse } from "./refuse.ts";

/** Answers what needs no provider, and settles. Probes are not recorded as calls, and need no `caller`. */
export function respondLocally(
  exchange: Exchange,
  dialect: ClientDialect,
  match: Match,
  query: URLSearchParams,
  caller: Caller | undefined,
): void {
  const { operation } = match;
  if (operation.kind !== "local") throw new Error(`${operation.id} is not answered locally`);
  const answer = answerLocally(match, operation.id, {
    version: exchange.deps.version,
    models: () => (caller === undefined ? [] : visibleModels(exchange.config, caller)),
    headers: exchange.request.headers,
    query,
  });
  if (!answer.ok) {
    refuse(exchange, dialect, answer.error);
    return;
  }
  const { body, contentType } = answer.value;
  exchange.reply.send(200, { "content-type": contentType, ...identityHeaders(exchange) }, body);
  const bytes = Buffer.byteLength(body);
  settle(exchange, {
    status: 200,
    end: "complete",
    failure: undefined,
    bytes,
    firstByteMs: undefined,
    unreadableFrames: 0,
  });
}

function visibleModels(config: Config, caller: Caller): readonly ListedModel[] {
  return listModels(config).filter(({ id, resolution }) => authorise(caller, resolution, id) === undefined);
}

/** A prompt's tokens where the provider cannot count them: an estimate, and called one. */
export function countLocally(id: string, wire: WireRequest): Result<Answer, Failure> {
  if (!isCounting(id)) throw new Error(`${id} does not count tokens`);
  const tree = wire.tree();
  if (!tree.ok) return tree;
  const body = JSON.stringify(countAnswers[id](estimateTokens(tree.value)));
  return ok({
    kind: "plain",
    status: 200,
    headers: { "x-dragoman-estimated": "true" },
    credential: "none",
    body,
    contentType: "application/json; charset=utf-8",
  });
}
