import type { Provider } from "../providers/provider.ts";

/** The whole configuration, parsed once and never changed: a reload makes a new one. Secrets are `Secret`, units in names. */
export type Config = {
  /** Digest of the text it came from; "built-in" where there is no file. */
  readonly version: string;
  /** Absolute path of the file, undefined without one. */
  readonly file: string | undefined;
  readonly server: ServerConfig;
  /** In file order: the first that lists a model wins. The demo, when on, is last. */
  readonly providers: readonly Provider[];
  readonly demo: DemoConfig;
  readonly keys: readonly GatewayKey[];
  readonly requireKeys: boolean;
  /** The gateway whose literal behaviour is followed where ours differs. */
  readonly compatibility: "none" | "to11";
  readonly errors: { readonly dialect: "auto" | "plain" };
  readonly translation: { readonly strict: boolean };
  readonly retry: RetryConfig;
  readonly log: LogConfig;
  /** Problems that do not stop the gateway, for `dragoman check` and the first-run screen. */
  readonly warnings: readonly string[];
};

export type ServerConfig = {
  readonly host: string;
  readonly port: number;
  readonly workers: number;
  readonly bodyBytesMax: number;
  readonly uploadBytesMax: number;
  /** Origins that browsers may call from; empty: CORS is off. */
  readonly corsOrigins: readonly string[];
  /** How long running requests may take after SIGTERM. */
  readonly drainMs: number;
  /** Serve callers who bring their own credential on a non-loopback address without keys. */
  readonly allowAnonymous: boolean;
};

/** `catchAll`: the demo answers every model name, because no provider is configured. `enabled`: `demo::…` works. */
export type DemoConfig = { readonly enabled: boolean; readonly catchAll: boolean };

export type GatewayKey = {
  readonly name: string;
  readonly id: string;
  /** Salted SHA-256 of the secret part, both as lower-case hexadecimal. */
  readonly salt: string;
  readonly digest: string;
  readonly project: string;
  /** Patterns over resolved models and written addresses alike; `*` is everything. */
  readonly models: readonly string[];
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  readonly revoked: boolean;
  /** A loss in translation refuses its requests. */
  readonly strict: boolean;
};

export type RetryConfig = {
  readonly maxRetries: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
};

export type LogConfig = {
  /** `auto`: text on a terminal, JSON lines elsewhere. */
  readonly format: "auto" | "text" | "json" | "none";
  /** JSON lines are appended here too, when set. */
  readonly file: string | undefined;
};

/** Where the current snapshot is asked for; a request keeps the one it started with. */
export interface ConfigSource {
  current(): Config;
}
