import type { CanonicalRequest, Effort, Output, Reasoning } from "../../canonical/request.ts";
import { asNumber, asObject, asString, compact, type Json, type JsonObject } from "../../lib/json.ts";
import { otherMembers } from "./read-blocks.ts";

/** A setting that was read, and the top-level members that hold what was not understood of it, for the request's extras. */
export type Setting<T> = { readonly value: T; readonly rest: JsonObject };

const modes: { readonly [type: string]: Reasoning["mode"] } = {
  adaptive: "auto",
  enabled: "budget",
  disabled: "off",
  between_tools: "between-tools",
};

const displays: { readonly [display: string]: NonNullable<Reasoning["visible"]> } = {
  summarized: "auto",
  omitted: "none",
  updates: "updates",
};

const efforts = { low: "low", medium: "medium", high: "high", xhigh: "xhigh", max: "max" } as const satisfies {
  readonly [effort: string]: Effort;
};

const bindings: { readonly [behavior: string]: NonNullable<Reasoning["binding"]> } = {
  error: "error",
  drop_block: "drop-block",
};

/** `thinking` and `output_config.effort`. */
export function readReasoning(thinking: Json | undefined, outputConfig: Json | undefined): Setting<Reasoning> {
  const wire = asObject(thinking) ?? {};
  const mode = lookUp(modes, wire["type"]);
  const visible = lookUp(displays, wire["display"]);
  const binding = lookUp(bindings, asObject(wire["block_binding"])?.["prefix_mismatch_behavior"]);
  const understood = [
    ...(mode === undefined ? [] : ["type"]),
    ...(visible === undefined ? [] : ["display"]),
    ...(binding === undefined ? [] : ["block_binding"]),
    "budget_tokens",
  ];
  const rest = otherMembers(wire, understood);
  return {
    value: compact({
      mode: mode ?? ("default" as const),
      effort: lookUp(efforts, asObject(outputConfig)?.["effort"]),
      budgetTokens: asNumber(wire["budget_tokens"]),
      visible,
      binding,
    }),
    rest: compact({ thinking: rest }),
  };
}

/** `output_config` besides the effort, and `output_format`, the older beta's spelling of its `format`. */
export function readOutput(outputConfig: Json | undefined, outputFormat: Json | undefined): Setting<Output> {
  const wire = asObject(outputConfig) ?? {};
  const format = readFormat(wire["format"]) ?? readFormat(outputFormat);
  const understood = [
    ...(lookUp(efforts, wire["effort"]) === undefined ? [] : ["effort"]),
    ...(readFormat(wire["format"]) === undefined ? [] : ["format"]),
    "task_budget",
  ];
  const unreadFormat = outputFormat !== undefined && readFormat(outputFormat) === undefined ? outputFormat : undefined;
  return {
    value: compact({ format, taskBudget: wire["task_budget"] }),
    rest: compact({ output_config: otherMembers(wire, understood), output_format: unreadFormat }),
  };
}

function readFormat(value: Json | undefined): Output["format"] {
  const wire = asObject(value);
  const schema = asObject(wire?.["schema"]);
  // The Messages API always holds the model to the schema.
  return wire?.["type"] === "json_schema" && schema !== undefined
    ? { type: "json-schema", schema, strict: true }
    : undefined;
}

/** `metadata`, of which the API knows `user_id` only. */
export function readIdentity(metadata: Json | undefined): Setting<CanonicalRequest["identity"]> {
  const wire = asObject(metadata) ?? {};
  return {
    value: compact({ endUser: asString(wire["user_id"]) }),
    rest: compact({ metadata: otherMembers(wire, ["user_id"]) }),
  };
}

const tiers: { readonly [tier: string]: NonNullable<CanonicalRequest["tier"]> } = {
  auto: "auto",
  standard_only: "default",
};

/** `service_tier`; the other words of the canonical list are not known to Anthropic. */
export function readTier(value: Json | undefined): Setting<CanonicalRequest["tier"]> {
  const tier = lookUp(tiers, value);
  return { value: tier, rest: tier === undefined ? compact({ service_tier: value }) : {} };
}

const speeds = { standard: "standard", fast: "fast" } as const;

/** `speed`, a beta on some models. */
export function readSpeed(value: Json | undefined): Setting<CanonicalRequest["speed"]> {
  const speed = lookUp<NonNullable<CanonicalRequest["speed"]>>(speeds, value);
  return { value: speed, rest: speed === undefined ? compact({ speed: value }) : {} };
}

function lookUp<T>(table: { readonly [key: string]: T }, key: Json | undefined): T | undefined {
  return typeof key === "string" && Object.hasOwn(table, key) ? table[key] : undefined;
}
