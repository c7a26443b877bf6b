import type { ClientDialectId } from "../canonical/dialect-id.ts";
import type { Config } from "../config/config.ts";
import { dialectsOf } from "../providers/provider.ts";
import { resolve } from "../routing/resolve.ts";

const clientDialects = [
  "openai-chat",
  "openai-responses",
  "anthropic-messages",
  "gemini",
] as const satisfies readonly ClientDialectId[];

/** What becomes of a request for `model`, one line for each format that a client may ask in. */
export function explain(config: Config, model: string): string {
  return [
    model,
    ...clientDialects.map((dialect) => `  ${dialect.padEnd(20)}${explainFor(config, model, dialect)}`),
  ].join("\n");
}

function explainFor(config: Config, model: string, dialect: ClientDialectId): string {
  const resolved = resolve(config, { model, providerHeader: "", dialect, chat: true });
  if (!resolved.ok) return `refused: ${resolved.error.message}`;
  const { provider, upstreamModel, address } = resolved.value;
  const dialects = dialectsOf(provider, upstreamModel);
  const spoken = dialects.includes(dialect) ? undefined : dialects[0];
  const how = spoken === undefined ? "passed on as it is" : `translated to ${spoken}`;
  const renamed = address === `${provider.id}::${upstreamModel}` ? "" : ` (sent as ${upstreamModel})`;
  return `${address}${renamed}, ${how}`;
}
