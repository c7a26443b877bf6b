import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import type { Step } from "../../gateway/test/support/memory-transport.ts";
import { gatewayFetch, type Fetch } from "../../gateway/test/support/gateway-fetch.ts";
import { stage } from "../../gateway/test/support/play.ts";
import type { Random } from "../../gateway/test/support/random.ts";
import { cut } from "../../gateway/test/support/slicing.ts";

const CUTS_MAX = 40;

/** What the provider of a gateway answers, in which pieces. */
export type Answer = { readonly body: Buffer; readonly contentType: string; readonly random: Random };

/** The whole gateway in memory, in front of a provider of one format that answers what it is told. */
export type Pipeline = {
  /** The gateway as the network of a client's SDK, while the provider answers `answer`. */
  fetch(answer: Answer): Fetch;
};

const kinds = {
  "openai-chat": "openai-compatible",
  "openai-responses": "openai",
  "anthropic-messages": "anthropic",
  gemini: "gemini",
} as const satisfies Readonly<Record<ClientDialectId, string>>;

/** One provider that speaks one format, so that every other client's request is translated to it. */
function configuration(upstream: ClientDialectId): string {
  const provider = `kind: ${kinds[upstream]}, base_url: "https://provider.test", credential: "env::PROVIDER_KEY"`;
  return `providers: { recorded: { ${provider}, dialects: [${upstream}], models: [recorded-model] } }\nretry: { max_retries: 0 }\n`;
}

export function openPipeline(upstream: ClientDialectId): Pipeline {
  const script: { steps: readonly Step[] } = { steps: [] };
  const environment = { PROVIDER_KEY: "provider-key" };
  const opened = stage({ yaml: configuration(upstream), environment, script: () => script.steps });
  const send = gatewayFetch(opened);
  return {
    fetch: (answer) => async (url, init) => {
      script.steps = stepsOf(answer);
      const response = await send(url, init);
      // One gateway serves thousands of recordings; what it noted of the last ones is of no use.
      opened.records.splice(0);
      opened.upstream.calls.splice(0);
      return response;
    },
  };
}

function stepsOf({ body, contentType, random }: Answer): Step[] {
  const offsets = Array.from({ length: random.below(CUTS_MAX) }, () => random.below(body.length));
  return [{ headers: { "content-type": contentType } }, ...cut(body, offsets).map((data) => ({ data })), { end: true }];
}
