import type { CanonicalResponse } from "../../canonical/response.ts";
import type { Json, JsonObject } from "../../lib/json.ts";
import type { ClientContext } from "../dialect.ts";
import { writeFinish } from "./finish.ts";
import { writeMessageId } from "./identifiers.ts";
import { writeUsage } from "./usage.ts";
import { writeBlocks } from "./write-blocks.ts";

/** A plain answer, every key present. Messages clients cannot ask for several candidates and get the first. */
export function writeResponse(response: CanonicalResponse, client: ClientContext): JsonObject {
  const candidate = response.candidates.find(({ index }) => index === 0);
  const content = writeBlocks(candidate?.blocks ?? []);
  const hasToolCall = content.some((block) => block["type"] === "tool_use");
  const finish = candidate?.finish ?? promptBlockFinish(response);
  return {
    ...writeMessage(response, client, candidate?.meta?.container ?? null),
    content,
    // An answer that ended in an error is reported as one before it gets here; the word for "ended" is what is left.
    ...(writeFinish(finish, hasToolCall, client.echo) ?? {
      stop_reason: "end_turn",
      stop_sequence: null,
      stop_details: null,
    }),
    usage: writeUsage(response.usage),
    ...response.extras["anthropic-messages"],
  };
}

/** A message without content, end and usage: what `message_start` says too. */
export function writeMessage(
  answer: { readonly id: string; readonly model: string },
  client: ClientContext,
  container: Json,
): JsonObject {
  return {
    id: writeMessageId(answer.id, client.requestId),
    type: "message",
    role: "assistant",
    model: answer.model === "" ? client.head.model : answer.model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container,
    diagnostics: null,
  };
}

function promptBlockFinish(response: CanonicalResponse): Parameters<typeof writeFinish>[0] {
  const { promptBlock } = response;
  if (promptBlock === undefined) return { reason: "other", native: "" };
  const message = promptBlock.message ?? `The provider blocked the prompt: ${promptBlock.reason}.`;
  return { reason: "content-filter", native: promptBlock.reason, message };
}
