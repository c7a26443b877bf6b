import type { CanonicalRequest } from "../canonical/request.ts";
import { stableDigest } from "../lib/hash.ts";
import { compact } from "../lib/json.ts";
import type { RestoredTool } from "./restore-plan.ts";

/** What a target takes as a tool's name. */
export type ToolNameRule = {
  /** Matches one allowed character; without `g`. */
  readonly pattern: RegExp;
  /** Matches an allowed first character, where that is a narrower choice. Names that begin otherwise get a `_` in front. */
  readonly first?: RegExp;
  readonly lengthMax: number;
  /** Targets that have custom tools get them as they are; to others they are sent as functions. Default: as functions. */
  readonly customTools?: "native" | "functions";
};

/** Both ways between a client's names and those of the target. */
export type ToolNames = {
  /** The name under which the target knows a tool; also for calls in the history, and for tools that nothing declares. */
  sent(name: string, namespace?: string): string;
  /** The way back, by the name as sent: only what has to be changed. */
  readonly restored: ReadonlyMap<string, RestoredTool>;
};

/** Names as the target takes them; a tool of a namespace is `namespace__name`. Different tools never get the same name. */
export function mapToolNames(request: CanonicalRequest, rule: ToolNameRule): ToolNames {
  const declared = declaredTools(request);
  const state: NameState = { rule, byKey: new Map(), taken: new Set(), namespaces: namespacesOf(declared) };
  // Good names of declared tools stay, whatever others are bent into.
  for (const { name, namespace } of declared) {
    const flat = flatName(name, namespace);
    const isGood = bent(rule, flat) === flat && flat.length <= rule.lengthMax;
    if (isGood && !state.taken.has(flat)) assign(state, keyOf(name, namespace), flat);
  }
  const sent = (name: string, namespace?: string) => sentName(state, name, namespace);
  const restored = new Map<string, RestoredTool>();
  for (const tool of [...declared, ...calledTools(request, state)]) {
    const { name, namespace, kind } = tool;
    const as = sent(name, namespace);
    const isWrapped = kind === "custom" && rule.customTools !== "native";
    if ((as !== name || namespace !== undefined || isWrapped) && !restored.has(as)) restored.set(as, tool);
  }
  return { sent, restored };
}

type NameState = {
  readonly rule: ToolNameRule;
  /** Sent names by `keyOf`. */
  readonly byKey: Map<string, string>;
  readonly taken: Set<string>;
  /** Where declared tools are that a model may call without their namespace. */
  readonly namespaces: ReadonlyMap<string, string>;
};

/** Tools of the request, then those that turns bring along. */
function declaredTools(request: CanonicalRequest): RestoredTool[] {
  const added = request.turns.flatMap((turn) => turn.toolsFromHere?.add ?? []);
  return [...request.tools, ...added].flatMap((tool) =>
    tool.type === "builtin" ? [] : [{ ...compact({ name: tool.name, namespace: tool.namespace }), kind: tool.type }],
  );
}

/** Tools that the history calls, in order, so that a growing conversation names them the same. Declared ones may be among them. */
function calledTools(request: CanonicalRequest, { byKey, namespaces }: NameState): RestoredTool[] {
  const calls = request.turns.flatMap((turn) => turn.blocks.filter((block) => block.type === "tool-call"));
  return calls.flatMap(({ name, namespace, kind }) => {
    const isDeclared = byKey.has(keyOf(name, namespace)) || (namespace === undefined && namespaces.has(name));
    return isDeclared ? [] : [{ ...compact({ name, namespace }), kind: kind === "custom" ? kind : "function" }];
  });
}

/** The first namespace of each name that no tool without one has. */
function namespacesOf(declared: readonly RestoredTool[]): ReadonlyMap<string, string> {
  const namespaces = new Map<string, string>();
  for (const { name, namespace } of declared) {
    if (namespace !== undefined && !namespaces.has(name)) namespaces.set(name, namespace);
  }
  for (const { name, namespace } of declared) {
    if (namespace === undefined) namespaces.delete(name);
  }
  return namespaces;
}

function sentName(state: NameState, name: string, namespace: string | undefined): string {
  const within = namespace ?? state.namespaces.get(name);
  const key = keyOf(name, within);
  return state.byKey.get(key) ?? assign(state, key, freeName(state, flatName(name, within)));
}

function assign(state: NameState, key: string, sent: string): string {
  state.byKey.set(key, sent);
  state.taken.add(sent);
  return sent;
}

const HASH_LENGTH = 8;

function freeName(state: NameState, flat: string): string {
  const { rule, taken } = state;
  const plain = bent(rule, flat);
  if (plain.length <= rule.lengthMax && !taken.has(plain)) return plain;
  const head = plain.slice(0, rule.lengthMax - HASH_LENGTH - 1);
  for (let count = 0; ; count += 1) {
    const digest = stableDigest(count === 0 ? flat : `${flat}#${count}`).slice(-HASH_LENGTH);
    const name = `${head}_${digest}`;
    if (!taken.has(name)) return name;
  }
}

/** The name with `_` for what the target does not allow; maybe too long. */
function bent({ pattern, first }: ToolNameRule, flat: string): string {
  const allowed = Array.from(flat, (character) => (pattern.test(character) ? character : "_")).join("");
  const isGood = allowed !== "" && (first === undefined || first.test(allowed.slice(0, 1)));
  return isGood ? allowed : `_${allowed}`;
}

function flatName(name: string, namespace: string | undefined): string {
  return namespace === undefined ? name : `${namespace}__${name}`;
}

function keyOf(name: string, namespace: string | undefined): string {
  return JSON.stringify([namespace ?? null, name]);
}
