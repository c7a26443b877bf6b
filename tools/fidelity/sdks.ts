import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import { anthropicMessagesSdk } from "./sdk-anthropic-messages.ts";
import { geminiSdk } from "./sdk-gemini.ts";
import { openaiChatSdk } from "./sdk-openai-chat.ts";
import { openaiResponsesSdk } from "./sdk-openai-responses.ts";
import type { Sdk } from "./sdk.ts";

/** The official SDK of each format. */
export const sdks = {
  "openai-chat": openaiChatSdk,
  "openai-responses": openaiResponsesSdk,
  "anthropic-messages": anthropicMessagesSdk,
  gemini: geminiSdk,
} as const satisfies Readonly<Record<ClientDialectId, Sdk>>;
