import type { DialectId } from "../canonical/dialect-id.ts";
import type { Secret } from "../lib/secret.ts";
import type { OperationId, RelayedOperation } from "./operations.ts";

export type { OperationId } from "./operations.ts";

/** How a credential is put on a request. */
export type AuthScheme =
  | { readonly type: "bearer" }
  | { readonly type: "header"; readonly name: string }
  | { readonly type: "query"; readonly name: string }
  /** AWS's signature over the whole request, or a Bedrock API key as Bearer. */
  | { readonly type: "sigv4"; readonly service: "bedrock"; readonly region: string }
  /** An access token of Google's as Bearer, or a credential that such tokens are fetched for. */
  | { readonly type: "google" }
  | { readonly type: "none" };

/** Typed deviations from a dialect that providers of it have. A dialect or the carry implements each; a provider only sets them. */
export type Traits = {
  /** Which key carries the output limit in OpenAI Chat. Default: as the client wrote it. */
  readonly maxTokensField?: "max_tokens" | "max_completion_tokens";
  /** Whether `stream_options.include_usage` is accepted in OpenAI Chat. Default true. */
  readonly streamUsage?: boolean;
  /** Top-level request keys that the provider refuses and that can be left out without changing the answer's meaning. */
  readonly dropKeys?: readonly string[];
  /** How JSON formats of the Chat surface reach a Messages API: its own structured output, or a forced tool. Default: not at all. */
  readonly structuredOutput?: "native" | "tool";
  /** The version of a Messages API whose body names the version instead of the model; the model is in the path. */
  readonly anthropicBodyVersion?: "vertex-2023-10-16";
};

/** What has to be known of an account beside its credential. */
export type ProviderSetting = "region" | "project" | "location";

/** The dialects of a family of models, where a provider does not speak all of its own for each. The first prefix that fits counts. */
export type ModelDialects = readonly { readonly prefix: string; readonly dialects: readonly DialectId[] }[];

export type OperationPaths = { readonly [O in OperationId]?: string };
export type OperationAuth = { readonly [O in OperationId]?: AuthScheme };

/** A row of the catalogue: what is known of a vendor without any configuration. */
export type ProviderKind = {
  readonly name: string;
  /** As the vendor's SDK takes it; absent where only the user can know it. */
  readonly baseUrl?: string;
  /** Where the API begins on a host whose URL is given without a path. */
  readonly basePath?: string;
  /** Settings that stand in `{…}` of its base URL, paths and scheme, and the variables that usually hold them. */
  readonly settings?: {
    readonly [S in ProviderSetting]?: { readonly env: readonly string[]; readonly usual?: string };
  };
  readonly dialects: readonly DialectId[];
  readonly modelDialects?: ModelDialects;
  readonly auth: AuthScheme;
  /** Environment variables that hold its key, in order of preference. */
  readonly credentialEnv: readonly string[];
  /** Those of them that machines have for other purposes too: they do not switch the provider on by themselves. */
  readonly sharedEnv?: readonly string[];
  /** Shapes of its keys (`sk-ant-`): a credential of this shape never goes to another vendor. */
  readonly keyPrefixes: readonly string[];
  /** Model ids and family patterns (`claude-*`) used when the configuration lists none. */
  readonly models: readonly string[];
  /** Relayed operations that it has, besides chat. */
  readonly operations: readonly OperationId[];
  readonly traits: Traits;
  /** Where its paths differ from the usual ones (`urls.ts`); `{model}` is filled in. */
  readonly paths?: OperationPaths;
  /** Where an operation wants its credential otherwise than `auth` says. */
  readonly operationAuth?: OperationAuth;
  /** Headers that its API needs on every request (`anthropic-version` where the client sent none). */
  readonly headers?: { readonly [name: string]: string };
};

/** What clients call a model, and what is sent upstream. */
export type ModelEntry = {
  /** An exact id, or a pattern with `*` (and the character class of `o[0-9]*`). */
  readonly id: string;
  readonly upstreamId?: string;
  readonly timeoutMs?: number;
};

/** A configured provider, resolved against the catalogue; immutable. */
export type Provider = {
  readonly id: string;
  readonly kind: string;
  /** No trailing slash. `canonical://demo` for the built-in demo. */
  readonly baseUrl: string;
  readonly basePath?: string;
  readonly dialects: readonly DialectId[];
  readonly modelDialects?: ModelDialects;
  readonly auth: AuthScheme;
  /** Managed credentials; empty for `none`, and for a provider whose callers bring their own. */
  readonly credentials: readonly Secret[];
  readonly models: readonly ModelEntry[];
  readonly operations: readonly OperationId[];
  readonly traits: Traits;
  readonly paths?: OperationPaths;
  readonly operationAuth?: OperationAuth;
  readonly headers: { readonly [name: string]: string };
  readonly timeouts: {
    readonly connectMs: number;
    /** Wait for the first byte of the answer; the two defaults differ by whether the answer streams. */
    readonly firstByteStreamMs: number;
    readonly firstBytePlainMs: number;
    readonly idleMs: number;
    readonly totalMs: number;
  };
};

/**
 * Whether a relayed operation can be sent there. Lists of operations are the vendor's; which APIs of it are used is the
 * configuration's to say. The demo answers in every format, and its own is none of them.
 */
export function offers(provider: Provider, { id, surface }: RelayedOperation): boolean {
  if (!provider.operations.includes(id)) return false;
  return surface === "openai-chat" || provider.dialects.includes(surface) || provider.dialects.includes("canonical");
}

/** The dialects in which a provider has a model. */
export function dialectsOf({ dialects, modelDialects }: Provider, model: string): readonly DialectId[] {
  return modelDialects?.find(({ prefix }) => model.startsWith(prefix))?.dialects ?? dialects;
}
