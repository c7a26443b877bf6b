import type { ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts";
import { asObject, asString, compact, type JsonObject } from "../../lib/json.ts";
import { dropped } from "../../translation/limits.ts";
import { NO_RESULT_TEXT } from "../../translation/tool-pairing.ts";
import { nativeCall } from "./encoder-calls.ts";
import { keepsIds, pushAnswer, pushInput, writeId, type ItemState } from "./item-state.ts";
import { writeToolOutput } from "./write-content.ts";
import { lose, loseMark, ownExtras } from "./writing.ts";

/** A call of the model's. A built-in one of this API is the item that it was. */
export function writeCall(state: ItemState, block: ToolCallBlock, path: string): void {
  const { writing } = state;
  const { isNative } = writing;
  loseMark(writing, block.cache);
  const native = nativeCall(block);
  if (native !== undefined) return pushAnswer(state, withCallId(native, block.id));
  const isDirect = block.caller === undefined || asString(asObject(block.caller)?.["type"]) === "direct";
  if (!isNative && !isDirect) lose(writing, dropped(`${path}.caller`));
  if (block.toolset !== undefined) lose(writing, dropped(`${path}.toolset`));
  const isCustom = block.kind === "custom";
  pushAnswer(state, {
    type: isCustom ? "custom_tool_call" : "function_call",
    ...writeId(state, block.itemId, isCustom ? "ctc_" : "fc_", path, keepsIds(state)),
    call_id: block.id,
    name: writing.nameOf(block.name),
    [isCustom ? "input" : "arguments"]: block.argumentsText,
    ...(isNative
      ? compact({ namespace: block.namespace, caller: block.caller, async: block.async, status: block.status })
      : {}),
  });
}

function withCallId(item: JsonObject, callId: string): JsonObject {
  return item["call_id"] === undefined ? item : { ...item, call_id: callId };
}

/** What came of a call. */
export function writeResult(state: ItemState, block: ToolResultBlock, path: string): void {
  const { writing } = state;
  const native = asObject(ownExtras(block.extras)?.["item"]);
  if (native !== undefined) return pushInput(state, withCallId(native, block.callId));
  if (block.scheduling !== undefined) lose(writing, dropped(`${path}.scheduling`));
  if (block.willContinue === true) lose(writing, dropped(`${path}.willContinue`));
  const output = writeToolOutput(writing, block, path);
  if (block.kind === "builtin") return pushInput(state, missingOutput(block));
  pushInput(state, {
    type: block.kind === "custom" ? "custom_tool_call_output" : "function_call_output",
    call_id: block.callId,
    output,
    ...(writing.isNative ? compact({ name: block.name, status: block.status }) : {}),
  });
}

/** The output of a built-in call that was interrupted: the only ones without an item of their own. */
function missingOutput({ name, callId }: ToolResultBlock): JsonObject {
  const call_id = callId;
  switch (name) {
    case "apply_patch":
      return { type: "apply_patch_call_output", call_id, status: "failed", output: NO_RESULT_TEXT };
    case "shell":
      return {
        type: "shell_call_output",
        call_id,
        output: [{ stdout: "", stderr: NO_RESULT_TEXT, outcome: { type: "exit", exit_code: 1 } }],
      };
    case "computer":
      // Nothing but a screenshot is an answer here; one pixel says that there was nothing to see.
      return {
        type: "computer_call_output",
        call_id,
        output: { type: "computer_screenshot", image_url: BLANK_IMAGE },
      };
    default:
      // A local shell's output names its call in `id`.
      return { type: "local_shell_call_output", id: callId, output: NO_RESULT_TEXT };
  }
}

const BLANK_IMAGE =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";
