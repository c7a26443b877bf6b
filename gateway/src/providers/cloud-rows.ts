import type { ProviderKind } from "./provider.ts";

/*
 * Clouds that resell the models of others: an account is more than a key there, and what is known of it stands in the address
 * and in the signature. `{region}`, `{project}` and `{location}` are filled in from the configuration.
 */

const VERTEX_MODELS = "/v1/projects/{project}/locations/{location}/publishers";

export const cloudRows = {
  bedrock: {
    name: "Amazon Bedrock",
    baseUrl: "https://bedrock-runtime.{region}.amazonaws.com",
    settings: { region: { env: ["AWS_REGION", "AWS_DEFAULT_REGION"] } },
    dialects: ["bedrock-converse"],
    auth: { type: "sigv4", service: "bedrock", region: "{region}" },
    // AWS_ACCESS_KEY_ID comes with AWS_SECRET_ACCESS_KEY and maybe AWS_SESSION_TOKEN.
    credentialEnv: ["AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID"],
    sharedEnv: ["AWS_ACCESS_KEY_ID"],
    keyPrefixes: ["ABSK", "bedrock-api-key-", "AKIA", "ASIA"],
    models: [
      "us.anthropic.claude-opus-4-6-v1",
      "us.anthropic.claude-sonnet-4-6",
      "us.anthropic.claude-haiku-4-5-20251001-v1:0",
      "us.amazon.nova-2-lite-v1:0",
      "openai.gpt-oss-120b-1:0",
      "anthropic.*",
      "amazon.*",
      "meta.*",
      "mistral.*",
      "cohere.*",
      "ai21.*",
      "deepseek.*",
      "qwen.*",
      "openai.gpt-oss-*",
      "google.gemma-*",
      "minimax.*",
      "moonshot*",
      "nvidia.*",
      "writer.*",
      "global.*",
      "us.*",
      "us-gov.*",
      "eu.*",
      "apac.*",
      "au.*",
      "jp.*",
      "ca.*",
      "arn:aws*:bedrock:*",
    ],
    operations: [],
    traits: {},
  },
  vertex: {
    name: "Google Vertex AI",
    baseUrl: "https://{location}-aiplatform.googleapis.com",
    settings: {
      project: { env: ["GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "VERTEX_PROJECT"] },
      location: { env: ["GOOGLE_CLOUD_LOCATION", "VERTEX_LOCATION"], usual: "global" },
    },
    dialects: ["gemini", "anthropic-messages"],
    modelDialects: [
      { prefix: "claude-", dialects: ["anthropic-messages"] },
      { prefix: "", dialects: ["gemini"] },
    ],
    auth: { type: "google" },
    // The second is a path, to the file of a service account or of a signed-in user.
    credentialEnv: ["VERTEX_ACCESS_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"],
    sharedEnv: ["GOOGLE_APPLICATION_CREDENTIALS"],
    keyPrefixes: ["ya29."],
    models: ["gemini-3.8-flash", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-*", "claude-*"],
    operations: ["count-tokens-gemini"],
    traits: { anthropicBodyVersion: "vertex-2023-10-16" },
    paths: {
      "generate-content": `${VERTEX_MODELS}/google/models/{model}:{method}`,
      "count-tokens-gemini": `${VERTEX_MODELS}/google/models/{model}:countTokens`,
      messages: `${VERTEX_MODELS}/anthropic/models/{model}:{method}`,
    },
  },
} as const satisfies Record<string, ProviderKind>;
