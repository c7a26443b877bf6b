import type { ToolCallBlock } from "../canonical/block.ts";
import type { CanonicalRequest, Tool } from "../canonical/request.ts";
import { compact } from "../lib/json.ts";

/**
 * Anthropic refuses a history with tool calls where no tools are declared. Clients leave them out when they want no further
 * calls, so that is what is asked for, with the least that can be said of each tool, in order of first appearance.
 */
export function withDeclaredTools(request: CanonicalRequest): CanonicalRequest {
  const isDeclared = request.tools.length > 0 || request.turns.some((turn) => turn.toolsFromHere !== undefined);
  if (isDeclared) return request;
  const tools = new Map<string, Tool>();
  for (const turn of request.turns) {
    for (const block of turn.blocks) {
      if (block.type !== "tool-call") continue;
      const key = JSON.stringify([block.namespace ?? "", block.name]);
      if (!tools.has(key)) tools.set(key, declarationOf(block));
    }
  }
  return tools.size === 0 ? request : { ...request, tools: [...tools.values()], toolChoice: { type: "none" } };
}

function declarationOf({ name, namespace, kind }: ToolCallBlock): Tool {
  if (kind === "custom") return compact({ type: "custom" as const, name, namespace });
  return compact({ type: "function" as const, name, namespace, schema: { type: "object" } });
}
