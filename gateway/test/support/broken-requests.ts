import type { ClientDialectId } from "../../src/canonical/dialect-id.ts";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { asObject, type Json } from "../../src/lib/json.ts";
import { seededRandom } from "./random.ts";
import { readBody, readFixtures } from "./requests.ts";

const ROUNDS = 400;
const BODY_CHARACTERS_MAX = 20_000;
const junk: readonly [Json, ...Json[]] = [null, "", " ", "x", 0, -1, 1.5, true, [], {}, [null], [{}], { type: "text" }];

/** Recorded requests of a format with junk in places, as far as they are read at all; each for one of `models`. */
export function* brokenRequests(
  dialect: ClientDialectId,
  models: readonly string[],
): Generator<{ readonly request: CanonicalRequest; readonly model: string }> {
  const random = seededRandom(7);
  const bodies = readFixtures(dialect).filter(({ body }) => JSON.stringify(body).length < BODY_CHARACTERS_MAX);
  for (let round = 0; round < ROUNDS; round += 1) {
    const body = bodies[random.below(bodies.length)]?.body ?? {};
    const request = readBody(dialect, asObject(mutated(body, random)) ?? {});
    if (request !== undefined) yield { request, model: models[random.below(models.length)] ?? "" };
  }
}

/** The value with junk in about one place of its tree. */
function mutated(value: Json, random: ReturnType<typeof seededRandom>): Json {
  if (random.below(40) === 0) return random.pick(junk);
  if (Array.isArray(value)) return value.map((each) => mutated(each, random));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, mutated(each ?? null, random)] as const));
}
