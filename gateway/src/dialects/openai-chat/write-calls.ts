import type { Block, Opaque, ToolCallBlock, ToolResultBlock } from "../../canonical/block.ts";
import { stableDigest } from "../../lib/hash.ts";
import type { JsonObject } from "../../lib/json.ts";
import { wrapInput } from "../../translation/custom-tools.ts";
import { dropped, emulated, notPortable } from "../../translation/limits.ts";
import { textOfDocument } from "../../translation/media.ts";
import { isReadableBy } from "../../translation/is-readable-by.ts";
import { textOf, textPart, writeContent, writePart, writeParts } from "./write-parts.ts";
import { lose, mark, type Writing } from "./writing.ts";

/** `tool_calls` of an assistant message: calls of functions and custom tools, which the client carries out. */
export function writeCalls(writing: Writing, blocks: readonly Block[], path: string): JsonObject[] {
  const calls = blocks.flatMap((block, index) =>
    block.type === "tool-call" && block.kind !== "builtin" ? [writeCall(writing, block, `${path}[${index}]`)] : [],
  );
  const [first, ...rest] = calls;
  if (first === undefined || first["extra_content"] !== undefined || !wantsSignature(writing)) return calls;
  lose(writing, emulated(path, "a stand-in for the signature of the first call"));
  return [{ ...first, extra_content: { google: { thought_signature: SIGNATURE_STAND_IN } } }, ...rest];
}

/** What Google documents for calls that another model made: the first of a turn is refused without a signature. */
const SIGNATURE_STAND_IN = "skip_thought_signature_validator";

function wantsSignature({ target, isNative }: Writing): boolean {
  return !isNative && target.options.kind === "gemini" && /^gemini-[3-9]/.test(target.model);
}

function writeCall(writing: Writing, call: ToolCallBlock, path: string): JsonObject {
  const name = writing.names.sent(call.name, call.namespace);
  const id = writeCallId(writing, call.id);
  const signature = call.signature === undefined ? {} : writeSignature(writing, call.signature, `${path}.signature`);
  if (call.kind === "custom" && writing.customNames.has(name)) {
    return { id, type: "custom", custom: { name, input: call.argumentsText }, ...signature };
  }
  // The exact text otherwise, also where it is not JSON: the model wrote it.
  const text = call.kind === "custom" ? wrapInput(call.argumentsText) : call.argumentsText || "{}";
  return { id, type: "function", function: { name, arguments: text }, ...signature };
}

/** Ids are short enough by now; Mistral wants nine letters or digits, neither more nor less. */
function writeCallId(writing: Writing, id: string): string {
  const length = writing.target.vendor.toolCallIdLength;
  if (length === undefined || writing.isNative || (id.length === length && /^[A-Za-z0-9]*$/.test(id))) return id;
  return stableDigest(id).slice(-length);
}

/**
 * Google's field for Gemini's signature. OpenRouter keeps it among the details of the reasoning (`write-reasoning.ts`). A bare
 * value of a Chat client goes to Gemini's models wherever they are served.
 */
function writeSignature(writing: Writing, signature: Opaque, path: string): JsonObject {
  const { vendor, options, model } = writing.target;
  const isGemini = signature.kind === "gemini.thought-signature";
  const isReadable = isGemini && isReadableBy(signature, options.issuer, options.kind);
  if (isReadable && vendor.replay?.as === "reasoning_details") return {};
  const isOwn = writing.isNative && signature.issuer.provider === "gemini" && model.startsWith("gemini");
  if (isGemini && (isReadable || isOwn)) return { extra_content: { google: { thought_signature: signature.value } } };
  lose(writing, notPortable(path));
  return {};
}

/** A result and where it stands, for losses. */
export type PlacedResult = { readonly result: ToolResultBlock; readonly path: string };

/**
 * One `tool` message for each result. They hold text alone, so that other content follows in a user message behind the last of
 * them, each with a line that says whose it is.
 */
export function writeResults(writing: Writing, results: readonly PlacedResult[]): JsonObject[] {
  const attachments: JsonObject[] = [];
  const messages = results.map((placed) => writeResult(writing, placed, attachments));
  return attachments.length === 0 ? messages : [...messages, { role: "user", content: attachments }];
}

function writeResult(writing: Writing, { result, path }: PlacedResult, attachments: JsonObject[]): JsonObject {
  const id = writeCallId(writing, result.callId);
  if (result.scheduling !== undefined) lose(writing, dropped(`${path}.scheduling`));
  if (result.willContinue === true) lose(writing, dropped(`${path}.willContinue`));
  const parts = writing.isNative
    ? writeParts(writing, result.content, `${path}.content`)
    : writeResultTexts(writing, { result, path }, id, attachments);
  const last = parts.length - 1;
  const marked = parts.map((part, index) => (index === last ? mark(writing, part, result.cache) : part));
  return {
    role: "tool",
    tool_call_id: id,
    content: joinTexts(writing, marked),
    ...result.extras?.["openai-chat"],
  };
}

/** The texts of a tool message are one; a Chat client's own stay apart, and a cache mark needs a part to stand on. */
function joinTexts(writing: Writing, parts: readonly JsonObject[]): string | JsonObject[] {
  const texts = parts.flatMap((part) => (typeof part["text"] === "string" ? [part["text"]] : []));
  const isMarked = parts.some((part) => Object.keys(part).length > 2);
  return writing.isNative || isMarked ? writeContent(writing, parts, "\n") : texts.join("\n");
}

const ERROR_PREFIX = "[tool error]";

function writeResultTexts(
  writing: Writing,
  { result, path }: PlacedResult,
  id: string,
  attachments: JsonObject[],
): JsonObject[] {
  const texts: JsonObject[] = [];
  const attached: JsonObject[] = [];
  let count = 0;
  result.content.forEach((block, index) => {
    const at = `${path}.content[${index}]`;
    const parts = writePart(writing, block, at);
    if (block.type !== "media" || parts.length === 0 || textOfDocument(block) !== undefined) {
      texts.push(...parts);
      return;
    }
    count += 1;
    attached.push(...parts);
    texts.push(textPart(`[${block.kind} ${count} of call ${id} follows]`));
    lose(writing, emulated(at, `${block.kind} in a user message`));
  });
  if (attached.length > 0) attachments.push(textPart(`Attachments of tool call ${id}:`), ...attached);
  return result.isError === true ? withErrorPrefix(texts) : texts;
}

/** Chat has no word for failed calls. */
function withErrorPrefix([first, ...rest]: readonly JsonObject[]): JsonObject[] {
  if (first === undefined || first["text"] === "") return [textPart(ERROR_PREFIX), ...rest];
  // In place: a cache mark knows the part by its identity.
  first["text"] = `${ERROR_PREFIX} ${textOf(first)}`;
  return [first, ...rest];
}
