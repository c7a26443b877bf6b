import { failure, type Failure } from "../canonical/failure.ts";
import type { Config } from "../config/config.ts";
import { fail, ok, type Result } from "../lib/result.ts";
import type { RelayedOperation } from "../providers/operations.ts";
import { offers, type Provider } from "../providers/provider.ts";
import { addressableProviders, providersNamed, unknownProvider, type Resolution } from "./resolve.ts";

/** Where a request goes that names no model: to the provider that the header names, else to the first that has the operation. */
export function resolveOperation(
  config: Config,
  operation: RelayedOperation,
  /** `x-genai-provider`, "" without one: a provider's id, else a kind. */
  providerHeader: string,
): Result<Resolution, Failure> {
  const named = providerHeader === "" ? unnamedProviders(config) : providersNamed(config, providerHeader);
  const [first] = named;
  if (first === undefined && providerHeader !== "")
    return fail(unknownProvider(config, providerHeader, providerHeader));
  const provider = named.find((each) => offers(each, operation)) ?? (providerHeader === "" ? undefined : first);
  if (provider !== undefined) return ok(withoutModel(provider));
  const message = `No configured provider has ${operation.id}. Configured: ${named.map(({ id }) => id).join(", ") || "none"}.`;
  return fail(failure("operation_unsupported", message));
}

/** The one provider that a header names, where it can be no other whatever the request says. */
export function onlyProviderNamed(config: Config, providerHeader: string): Provider | undefined {
  const [only, ...others] = providerHeader === "" ? [] : providersNamed(config, providerHeader);
  return others.length === 0 ? only : undefined;
}

/** The demo stands in where there is nobody else, and is not mistaken for a provider that lacks an operation. */
function unnamedProviders(config: Config): readonly Provider[] {
  return config.demo.catchAll ? addressableProviders(config) : config.providers;
}

function withoutModel(provider: Provider): Resolution {
  return {
    layer: "provider",
    provider,
    upstreamModel: "",
    address: `${provider.id}::`,
    modelId: "",
    timeoutMs: undefined,
  };
}
