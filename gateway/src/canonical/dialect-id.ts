/** The wire formats of conversation. `canonical` is our own, spoken by the demo provider only. */
export const dialectIds = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini",
  "bedrock-converse",
  "canonical",
] as const;
export type DialectId = (typeof dialectIds)[number];

/** The four formats that clients may speak to us. */
export type ClientDialectId = "openai-chat" | "openai-responses" | "anthropic-messages" | "gemini";
