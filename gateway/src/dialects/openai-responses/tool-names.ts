import { asArray, asObject, asString, type JsonObject } from "../../lib/json.ts";
import type { Echo } from "../dialect.ts";
import { ADDITIONAL_TOOLS } from "./head.ts";

/** How a call must be written to the client that declared the tool. */
export type DeclaredTool = { readonly name: string; readonly namespace?: string; readonly isCustom: boolean };

/**
 * Providers without namespaces and custom tools are told of `namespace__name` and of functions with one text argument. Their
 * calls come back under those names; this finds what the client had declared.
 */
export function declaredTools(echo: Echo): ReadonlyMap<string, DeclaredTool> {
  const tools = new Map<string, DeclaredTool>();
  for (const list of [echo["tools"], echo[ADDITIONAL_TOOLS]]) {
    for (const tool of asArray(list) ?? []) declare(tools, asObject(tool) ?? {});
  }
  return tools;
}

function declare(tools: Map<string, DeclaredTool>, tool: JsonObject): void {
  const name = asString(tool["name"]);
  if (name === undefined) return;
  if (tool["type"] !== "namespace") {
    if (isNamed(tool)) tools.set(name, { name, isCustom: tool["type"] === "custom" });
    return;
  }
  for (const child of asArray(tool["tools"])?.map(asObject) ?? []) {
    const childName = asString(child?.["name"]);
    if (child === undefined || childName === undefined || !isNamed(child)) continue;
    const declared = { name: childName, namespace: name, isCustom: child["type"] === "custom" };
    tools.set(`${name}__${childName}`, declared);
    // A model may leave the namespace out; a tool of that very name goes first.
    if (!tools.has(childName)) tools.set(childName, declared);
  }
}

function isNamed(tool: JsonObject): boolean {
  return tool["type"] === "function" || tool["type"] === "custom";
}
