import type { LocalServers } from "../config/providers.ts";
import { asArray, asObject, asString, parseJson } from "../lib/json.ts";
import { catalog } from "../providers/catalog.ts";
import type { Fetch } from "./gateway-client.ts";

/** Servers of models that people run on their own machine, always at the same address. */
const known = ["ollama", "lmstudio"] as const;

/** The machine itself answers at once or not at all; one that hangs must not hold up the start. */
const WAIT_MS = 300;
const LIST_CHARACTERS_MAX = 1_000_000;
const MODELS_MAX = 200;

/** Model servers that run on this machine, and what they serve. One without a model is left out. */
export async function findLocalServers(fetch: Fetch): Promise<LocalServers> {
  const found = await Promise.all(known.map(async (id) => [id, await modelsAt(fetch, catalog[id].baseUrl)] as const));
  return Object.fromEntries(found.filter(([, models]) => models.length > 0));
}

async function modelsAt(fetch: Fetch, baseUrl: string): Promise<readonly string[]> {
  try {
    const answer = await fetch(`${baseUrl}/models`, { signal: AbortSignal.timeout(WAIT_MS), redirect: "error" });
    if (!answer.ok || Number(answer.headers.get("content-length") ?? 0) > LIST_CHARACTERS_MAX) return [];
    const list = asArray(asObject(parseJson(await answer.text()))?.["data"]) ?? [];
    return list.flatMap((model) => asString(asObject(model)?.["id"]) ?? []).slice(0, MODELS_MAX);
  } catch {
    return []; // Nobody is there, which is how it usually is.
  }
}
