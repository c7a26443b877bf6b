import type { Environment } from "../../config/interpolate.ts";
import type { JsonObject } from "../../lib/json.ts";
import type { TestCall } from "../gateway-client.ts";
import type { GatewayKey } from "../gateway-key.ts";
import type { SettingsFile } from "../settings/settings.ts";

/** What the settings of a client follow from. */
export type ClientFacts = {
  /** The gateway's root, without version and trailing slash. */
  readonly url: string;
  readonly key: GatewayKey;
  /** The model to use for everything; undefined: the client's own choice. */
  readonly model: string | undefined;
  /** Models that the gateway lists. */
  readonly models: readonly string[];
  readonly environment: Environment;
  readonly home: string;
  readonly platform: string;
  /** Text of a settings file, "" where there is none or it cannot be read. */
  readonly readText: (file: string) => string;
  /** Names in a folder; none where there is no such folder. */
  readonly namesIn: (folder: string) => readonly string[];
};

/** How one run of a client differs from running it by hand. */
export type Launch = {
  /** Arguments in front of the user's own. Never a secret: every process of the machine can read them. */
  readonly args: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  /** Variables that would lead the client past the gateway. */
  readonly unset: readonly string[];
  /** Settings that live as long as the client runs. */
  readonly files: readonly { readonly file: string; readonly settings: JsonObject }[];
  /** Links that stand beside them, to what the client is to find as always. */
  readonly links: readonly { readonly link: string; readonly target: string }[];
};

/** An agent CLI that the gateway knows how to set up; what each needs was recorded, see docs/clients.md. */
export type Client = {
  readonly id: string;
  readonly aliases: readonly string[];
  /** For people. */
  readonly name: string;
  readonly program: string;
  /** The command that installs it. */
  readonly install: string;
  /** The model of the test call, where neither the user nor the gateway names one. */
  readonly usualModel: string;
  /** `folder` is where temporary settings may be put. */
  readonly launch: (facts: ClientFacts, folder: string) => Launch;
  /** Its settings files, each with every setting that `connect` may write. */
  readonly settings: (facts: ClientFacts) => readonly SettingsFile[];
  /** Things a person has to know or do, in sentences. */
  readonly notes: (facts: ClientFacts) => readonly string[];
  readonly testCall: (model: string, key: string) => TestCall;
};

export const TEST_PROMPT = "Answer with one word: ok";
