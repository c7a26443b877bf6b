import type { Provider } from "./provider.ts";

export const DEMO_PROVIDER_ID = "demo";

const conversations = ["echo", "tools", "thinking", "slow", "fail-429", "fail-500", "cut", "stall"];
/** Names to ask for besides conversations, where only listed models are reached; which one makes no difference. */
const others = ["embedding", "image", "speech", "transcription", "moderation", "rerank", "completion"];

/**
 * The built-in provider that answers offline, in every client format through the ordinary translation. Its dialect is the
 * canonical one and its transport is `demo/transport.ts`; to the rest of the gateway it is a provider like any other.
 */
export const demoProvider: Provider = {
  id: DEMO_PROVIDER_ID,
  kind: DEMO_PROVIDER_ID,
  baseUrl: "canonical://demo",
  dialects: ["canonical"],
  auth: { type: "none" },
  credentials: [],
  models: [...conversations, ...others].map((id) => ({ id })),
  operations: [
    "embeddings",
    "embed-content",
    "batch-embed-contents",
    "moderations",
    "rerank",
    "completions",
    "image-generations",
    "image-edits",
    "speech",
    "transcriptions",
    "translations",
    "files",
  ],
  traits: {},
  headers: {},
  timeouts: {
    connectMs: 5_000,
    firstByteStreamMs: 120_000,
    firstBytePlainMs: 600_000,
    idleMs: 300_000,
    totalMs: 1_800_000,
  },
};
