import type { Failure } from "../../canonical/failure.ts";
import type { Json } from "../../lib/json.ts";
import type { ErrorAnswer, WrittenError } from "../dialect.ts";
import { readInBandOpenAiError, readOpenAiError, writeOpenAiError } from "../openai-errors.ts";
import { jsonText } from "./json-text.ts";

/** An HTTP answer of a Chat provider that is not a success. */
export function readError(answer: ErrorAnswer): Failure {
  return readOpenAiError(answer, "openai-chat");
}

/** The value of an `error` member in a 200 answer, plain or streamed. */
export function readInBandError(error: Json): Failure {
  return readInBandOpenAiError(error, "openai-chat");
}

/** The same for every client: no agent CLI speaks Chat, and SDKs get the plain table. */
export function writeError(failure: Failure): WrittenError {
  return writeOpenAiError(failure);
}

/** A failure after the stream has begun. SDKs throw on a truthy `error`; no `[DONE]` follows it. */
export function failureFrame(failure: Failure): string {
  return `data: ${jsonText(writeOpenAiError(failure).body)}\n\n`;
}
