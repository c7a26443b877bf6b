import type { DialectId } from "../canonical/dialect-id.ts";
import { failure, type Failure } from "../canonical/failure.ts";
import type { Config } from "../config/config.ts";
import { demoProvider } from "../providers/demo.ts";
import { catalog } from "../providers/catalog.ts";
import { dialectsOf, type ModelEntry, type Provider } from "../providers/provider.ts";
import { fail, ok, type Result } from "../lib/result.ts";

/** What a request asks for, before it is known what that is. */
export type Address = {
  /** The `model` field as the client wrote it. */
  readonly model: string;
  /** The `x-genai-provider` header, "" without one: a provider's id, else a kind. */
  readonly providerHeader: string;
  /** The dialect the client speaks; decides between providers that list the same model. */
  readonly dialect: DialectId;
  /** Only chat reaches models that a provider's list leaves out. */
  readonly chat: boolean;
};

/** A provider model (layer 1). Routes and functions (layers 2 and 3) will be further members of this union. */
export type Resolution = {
  readonly layer: "provider";
  readonly provider: Provider;
  /** What is sent upstream. */
  readonly upstreamModel: string;
  /** `provider::model`, the written form that names exactly this; keys' patterns match it and the bare id. */
  readonly address: string;
  readonly modelId: string;
  readonly timeoutMs: number | undefined;
};

/** By how a model is asked for, and by its name. */
type Remembered = { readonly asked: Map<string, Map<string, Resolution>>; count: number };

const resolutions = new WeakMap<Config, Remembered>();
const RESOLUTIONS_MAX = 10_000;
const KEY_CHARACTERS_MAX = 512;

/**
 * Finds what a model name means: explicit prefix first, then provider models in file order, then the demo. Pure; what was
 * found once is remembered for as long as the snapshot lives.
 */
export function resolve(config: Config, address: Address): Result<Resolution, Failure> {
  const { dialect, chat, providerHeader, model } = address;
  // The usual way to ask has a name that need not be made.
  const asked = chat && providerHeader === "" ? dialect : `${dialect} ${chat} ${providerHeader}`;
  const remembered = resolutions.get(config)?.asked.get(asked)?.get(model);
  if (remembered !== undefined) return ok(remembered);
  const found = find(config, address);
  if (found.ok && asked.length + model.length <= KEY_CHARACTERS_MAX) remember(config, asked, model, found.value);
  return found;
}

function remember(config: Config, asked: string, model: string, resolution: Resolution): void {
  const known = resolutions.get(config) ?? { asked: new Map(), count: 0 };
  if (known.count >= RESOLUTIONS_MAX) return;
  known.count += 1;
  resolutions.set(config, known);
  known.asked.set(asked, (known.asked.get(asked) ?? new Map<string, Resolution>()).set(model, resolution));
}

function find(config: Config, address: Address): Result<Resolution, Failure> {
  const { model, providerHeader } = address;
  if (model === "") return fail(failure("missing_parameter", "The request names no model.", { param: "model" }));
  const separator = model.indexOf("::");
  if (separator >= 0) {
    return resolvePrefixed(config, address, model.slice(0, separator), model.slice(separator + 2));
  }
  const slash = resolveSlash(config, address);
  if (slash !== undefined) return slash;
  const providers = providersNamed(config, providerHeader);
  if (providers.length === 0) return fail(unknownProvider(config, providerHeader, model));
  const listed = firstListing(providers, model, address.dialect);
  if (listed !== undefined) return ok(provided(listed.provider, listed.entry, model));
  const [named] = providers;
  if (providerHeader !== "" && address.chat && named !== undefined) return ok(provided(named, undefined, model));
  if (config.demo.catchAll && providerHeader === "") return ok(provided(demoProvider, undefined, model));
  return fail(unknownModel(config, model));
}

/** Every provider that can be addressed, in order of preference. */
export function addressableProviders(config: Config): readonly Provider[] {
  return config.demo.enabled ? [...config.providers, demoProvider] : config.providers;
}

function resolvePrefixed(config: Config, address: Address, prefix: string, name: string): Result<Resolution, Failure> {
  if (prefix === "route" || prefix === "function") {
    const message = `No ${prefix} named "${name}" is configured. Name a provider's model, or ask for the list at /v1/models.`;
    return fail(failure("not_configured", message, { param: "model" }));
  }
  const providers = providersNamed(config, prefix);
  if (providers.length === 0) return fail(unknownProvider(config, prefix, address.model));
  const disagreement = headerDisagreement(config, address, providers);
  if (disagreement !== undefined) return fail(disagreement);
  return resolveWithin(config, address, providers, name);
}

/** `provider/model`, when the left part is a provider or a known kind and no configured model has exactly this id. */
function resolveSlash(config: Config, address: Address): Result<Resolution, Failure> | undefined {
  const { model } = address;
  const slash = model.indexOf("/");
  if (slash <= 0) return undefined;
  const prefix = model.slice(0, slash);
  const providers = providersNamed(config, prefix);
  const isKind = Object.hasOwn(catalog, prefix);
  if (providers.length === 0 && !isKind) return undefined;
  const addressable = addressableProviders(config);
  if (addressable.some((provider) => provider.models.some((entry) => entry.id === model))) return undefined;
  if (providers.length === 0) {
    // A kind that is known but not configured: with the demo answering everything it is a name like any other.
    return config.demo.catchAll ? undefined : fail(unknownProvider(config, prefix, model));
  }
  const disagreement = headerDisagreement(config, address, providers);
  if (disagreement !== undefined) return fail(disagreement);
  return resolveWithin(config, address, providers, model.slice(slash + 1));
}

function resolveWithin(
  config: Config,
  address: Address,
  named: readonly Provider[],
  name: string,
): Result<Resolution, Failure> {
  // The header may narrow a kind down to one provider of it.
  const header = providersNamed(config, address.providerHeader);
  const both = named.filter((provider) => header.includes(provider));
  const providers = both.length > 0 ? both : named;
  if (name === "") return fail(unknownModel(config, address.model));
  const listed = firstListing(providers, name, address.dialect);
  if (listed !== undefined) return ok(provided(listed.provider, listed.entry, name));
  const [first] = providers;
  if (address.chat && first !== undefined) return ok(provided(first, undefined, name));
  const message = `Provider "${first?.id ?? ""}" does not list the model "${name}". Outside chat only listed models can be reached: add it to providers.${first?.id ?? ""}.models.`;
  return fail(failure("model_not_found", message, { param: "model" }));
}

/** A provider with that id, else all providers of that kind; all of them for "". */
export function providersNamed(config: Config, name: string): readonly Provider[] {
  const addressable = addressableProviders(config);
  if (name === "") return addressable;
  const byId = addressable.filter((provider) => provider.id === name);
  return byId.length > 0 ? byId : addressable.filter((provider) => provider.kind === name);
}

/** The header must agree with the prefix; naming the kind agrees with every provider of that kind. */
function headerDisagreement(config: Config, address: Address, prefixed: readonly Provider[]): Failure | undefined {
  const { providerHeader, model } = address;
  if (providerHeader === "") return undefined;
  const agrees = prefixed.some((provider) => provider.id === providerHeader || provider.kind === providerHeader);
  if (agrees) return undefined;
  const known = providersNamed(config, providerHeader).length > 0 ? "" : " (which is not configured)";
  const message = `The header x-genai-provider says "${providerHeader}"${known}, but the model is written "${model}". Send one of the two, or let them agree.`;
  return failure("model_conflict", message, { param: "model" });
}

type Listing = { readonly provider: Provider; readonly entry: ModelEntry };

/** Exact ids before patterns; among equals a provider that speaks the client's dialect, else the first in the file. */
function firstListing(providers: readonly Provider[], model: string, dialect: DialectId): Listing | undefined {
  const exact = listings(providers, (entry) => entry.id === model);
  const found = exact.length > 0 ? exact : listings(providers, (entry) => matchesPattern(entry.id, model));
  return found.find(({ provider }) => dialectsOf(provider, model).includes(dialect)) ?? found[0];
}

function listings(providers: readonly Provider[], accept: (entry: ModelEntry) => boolean): Listing[] {
  const found: Listing[] = [];
  for (const provider of providers) {
    // The demo's own names are common words; bare, they belong to whoever configured them.
    if (provider === demoProvider && providers.length > 1) continue;
    const entry = provider.models.find(accept);
    if (entry !== undefined) found.push({ provider, entry });
  }
  return found;
}

function provided(provider: Provider, entry: ModelEntry | undefined, model: string): Resolution {
  return {
    layer: "provider",
    provider,
    upstreamModel: entry?.upstreamId ?? model,
    address: `${provider.id}::${model}`,
    modelId: model,
    timeoutMs: entry?.timeoutMs,
  };
}

const patterns = new Map<string, RegExp>();
const PATTERNS_MAX = 10_000;

/** Whether `text` is in the family `pattern`: `*` stands for any text, `[…]` is a character class, nothing else is special. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (!/[*[]/.test(pattern)) return pattern === text;
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    const source = pattern
      .split(/(\*|\[[A-Za-z0-9-]+\])/)
      .map((piece) =>
        piece === "*" ? ".*" : piece.startsWith("[") ? piece : piece.replace(/[\\^$.|?+(){}[\]/]/g, "\\$&"),
      )
      .join("");
    compiled = new RegExp(`^${source}$`, "s");
    if (patterns.size >= PATTERNS_MAX) patterns.clear();
    patterns.set(pattern, compiled);
  }
  return compiled.test(text);
}

export function unknownProvider(config: Config, name: string, model: string): Failure {
  const kind = Object.hasOwn(catalog, name) ? catalog[name as keyof typeof catalog] : undefined;
  const [variable] = kind?.credentialEnv ?? [];
  const fix =
    variable === undefined
      ? `Configured providers: ${
          addressableProviders(config)
            .map((provider) => provider.id)
            .join(", ") || "none"
        }.`
      : `Set ${variable} or add providers.${name} to the configuration.`;
  return failure("model_not_found", `No provider "${name}" is configured, asked for as "${model}". ${fix}`, {
    param: "model",
  });
}

const SUGGESTIONS_MAX = 3;

function unknownModel(config: Config, model: string): Failure {
  const ids = addressableProviders(config).flatMap((provider) =>
    provider === demoProvider ? [] : provider.models.map((entry) => entry.id).filter((id) => !id.includes("*")),
  );
  const near = ids.filter((id) => isNear(id, model)).slice(0, SUGGESTIONS_MAX);
  const hint =
    near.length > 0
      ? `Did you mean ${near.map((id) => `"${id}"`).join(" or ")}?`
      : "GET /v1/models lists what there is.";
  return failure("model_not_found", `The model "${model}" is not configured here. ${hint}`, { param: "model" });
}

/** Near enough to suggest: one contains the other, or they share a long beginning. */
function isNear(id: string, model: string): boolean {
  const left = id.toLowerCase();
  const right = model.toLowerCase();
  if (left.includes(right) || right.includes(left)) return true;
  let shared = 0;
  while (shared < left.length && left[shared] === right[shared]) shared += 1;
  return shared >= 5 && shared * 2 >= Math.min(left.length, right.length);
}

/** Models that a list shows: exact ids of every provider, and the demo's where nothing else is configured. */
export function listModels(
  config: Config,
): readonly { readonly id: string; readonly owner: string; readonly resolution: Resolution }[] {
  const seen = new Set<string>();
  const listed = [];
  for (const provider of config.demo.catchAll ? [...config.providers, demoProvider] : config.providers) {
    for (const entry of provider.models) {
      const id = provider === demoProvider ? `${provider.id}::${entry.id}` : entry.id;
      if (/[*[]/.test(entry.id) || seen.has(id)) continue;
      seen.add(id);
      listed.push({ id, owner: provider.id, resolution: provided(provider, entry, entry.id) });
    }
  }
  return listed;
}
