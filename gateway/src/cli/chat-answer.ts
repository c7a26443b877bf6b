import { framers } from "../framing/framers.ts";
import { asArray, asObject, asString, parseJson } from "../lib/json.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import { causeOf, errorMessage, type Fetch, type ReachedGateway } from "./gateway-client.ts";
import { keyText } from "./gateway-key.ts";

export type ChatMessage = { readonly role: "user" | "assistant"; readonly content: string };

export type ChatRequest = {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly signal: AbortSignal;
};

/** What a chunk of a chat stream says to a reader of text. */
export type ChatChunk =
  | { readonly kind: "text"; readonly text: string }
  /** The model has finished; `why` is set where that was not its own decision. */
  | { readonly kind: "finish"; readonly text: string; readonly why: string | undefined }
  | { readonly kind: "error"; readonly message: string }
  | { readonly kind: "nothing" };

/**
 * Asks over /v1/chat/completions and hands every piece of text to `onText` as it comes. Answers with the whole text; fails
 * with a sentence, also for an answer that broke off after its beginning.
 */
export async function streamChat(
  fetch: Fetch,
  gateway: ReachedGateway,
  request: ChatRequest,
  onText: (text: string) => void,
): Promise<Result<string, string>> {
  const { model, messages, signal } = request;
  try {
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${keyText(gateway.key)}` },
      body: JSON.stringify({ model, messages, stream: true }),
      redirect: "error",
      signal,
    });
    if (!answer.ok || answer.body === null) return fail(errorMessage(parseJson(await answer.text()), answer.status));
    return await readAnswer(answer.body, onText);
  } catch (error) {
    return fail(signal.aborted ? "stopped" : causeOf(error));
  }
}

async function readAnswer(
  body: AsyncIterable<Uint8Array>,
  onText: (text: string) => void,
): Promise<Result<string, string>> {
  const framer = framers.sse();
  let whole = "";
  let isFinished = false;
  for await (const bytes of body) {
    for (const { payload } of framer.push(bytes)) {
      const chunk = readChatChunk(payload?.data ?? "");
      if (chunk.kind === "error") return fail(chunk.message);
      if (chunk.kind === "nothing") continue;
      isFinished ||= chunk.kind === "finish";
      whole += chunk.text;
      if (chunk.text !== "") onText(chunk.text);
      if (chunk.kind === "finish" && chunk.why !== undefined) return fail(chunk.why);
    }
  }
  return isFinished ? ok(whole) : fail("the answer broke off");
}

/** Pure: one `data:` of the stream. Anything that is no text of the first choice is nothing to a reader. */
export function readChatChunk(data: string): ChatChunk {
  const chunk = asObject(parseJson(data));
  if (chunk === undefined) return { kind: "nothing" };
  const error = asObject(chunk["error"]);
  if (error !== undefined)
    return { kind: "error", message: asString(error["message"]) ?? "the stream ended with an error" };
  const choice = asObject(asArray(chunk["choices"])?.[0]);
  const text = asString(asObject(choice?.["delta"])?.["content"]) ?? "";
  const finish = asString(choice?.["finish_reason"]);
  if (finish === undefined) return text === "" ? { kind: "nothing" } : { kind: "text", text };
  return {
    kind: "finish",
    text,
    why: finish === "stop" ? undefined : (unusualEnds[finish] ?? `the model ended with ${finish}`),
  };
}

const unusualEnds: Readonly<Record<string, string>> = {
  length: "the model reached its output limit",
  content_filter: "the provider's content filter ended the answer",
};
