import type { ClientDialectId } from "../../gateway/src/canonical/dialect-id.ts";
import type { Step } from "../../gateway/test/support/memory-transport.ts";
import { stage, type Stage } from "../../gateway/test/support/play.ts";
import type { Random } from "../../gateway/test/support/random.ts";
import { cut } from "../../gateway/test/support/slicing.ts";
import type { Fetch } from "./sdk.ts";

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
  return {
    fetch: (answer) => (url, init) => {
      script.steps = stepsOf(answer);
      return ask(opened, new URL(url instanceof Request ? url.url : url), init);
    },
  };
}

function stepsOf({ body, contentType, random }: Answer): Step[] {
  const offsets = Array.from({ length: random.below(CUTS_MAX) }, () => random.below(body.length));
  return [{ headers: { "content-type": contentType } }, ...cut(body, offsets).map((data) => ({ data })), { end: true }];
}

async function ask(opened: Stage, url: URL, init: RequestInit | undefined): Promise<Response> {
  const { reply } = await opened.ask({
    method: init?.method ?? "GET",
    target: url.pathname + url.search,
    headers: Object.fromEntries(new Headers(init?.headers)),
    body: typeof init?.body === "string" ? init.body : "",
  });
  // One gateway serves thousands of recordings; what it noted of the last ones is of no use.
  opened.records.splice(0);
  opened.upstream.calls.splice(0);
  const headers = new Headers();
  for (const [name, value] of Object.entries(reply.headers)) if (value !== undefined) headers.set(name, value);
  // A connection that is cut is told as the network tells it: by a body that breaks off.
  return new Response(reply.destroyed ? broken(reply.body) : new Uint8Array(reply.body), {
    status: reply.status,
    headers,
  });
}

function broken(body: Buffer): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      controller.enqueue(new Uint8Array(body));
      controller.error(new Error("the connection was cut"));
    },
  });
}
