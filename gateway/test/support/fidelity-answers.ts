import type { Block } from "../../src/canonical/block.ts";
import type { Candidate, CanonicalResponse } from "../../src/canonical/response.ts";
import { call, media, picture, text } from "./fidelity-blocks.ts";

/*
 * What an answer can hold, feature by feature: a small answer that has it, and how to find it again in one that was read. Each
 * is said in the provider's format, translated, and looked for on the client's side.
 */

export type AnswerFeature = {
  readonly name: string;
  readonly answer: Partial<CanonicalResponse>;
  readonly find: (response: CanonicalResponse) => unknown;
};

const stop = { reason: "stop", native: "" } as const;

function only(said: readonly Block[], finish: Candidate["finish"] = stop): Partial<CanonicalResponse> {
  return { candidates: [{ index: 0, blocks: said, finish }] };
}

function said(response: CanonicalResponse): readonly Block[] {
  return response.candidates[0]?.blocks ?? [];
}

function joined(response: CanonicalResponse, type: "text" | "refusal"): string | undefined {
  return (
    said(response)
      .map((block) => (block.type === type ? block.text : ""))
      .join("") || undefined
  );
}

function finishOf(response: CanonicalResponse): string | undefined {
  return response.candidates[0]?.finish.reason;
}

const counted = { inputTotal: 100, cacheRead: 60, cacheWrite: 0, outputTotal: 20, reasoning: 5 };

export const answerFeatures: readonly AnswerFeature[] = [
  { name: "text", answer: only([text("Hello.")]), find: (response) => joined(response, "text") },
  {
    name: "tool calls",
    answer: only([call("call_1")], { reason: "tool-calls", native: "" }),
    find: (response) => [callsIn(response), finishOf(response)],
  },
  {
    name: "parallel tool calls",
    answer: only([call("call_1"), call("call_2", { argumentsText: "{}" })], { reason: "tool-calls", native: "" }),
    find: callsIn,
  },
  {
    name: "thinking",
    answer: only([{ type: "reasoning", summary: ["Hm."] }, text("Hello.")]),
    find: (response) =>
      said(response)
        .flatMap((block) => (block.type === "reasoning" ? [...block.summary, ...(block.raw ?? [])] : []))
        .join("") || undefined,
  },
  {
    name: "thinking state",
    answer: only([
      {
        type: "reasoning",
        summary: ["Hm."],
        opaque: {
          issuer: { provider: "recorded", family: "bedrock-converse" },
          kind: "anthropic.signature",
          value: "c2ln",
        },
      },
      text("Hello."),
    ]),
    find: (response) => stateIn(response),
  },
  {
    name: "refusals",
    answer: only([{ type: "refusal", text: "I cannot." }], { reason: "refusal", native: "" }),
    find: (response) => [(joined(response, "refusal") ?? "") + (joined(response, "text") ?? ""), isRefused(response)],
  },
  {
    name: "citations",
    answer: only([
      { type: "text", text: "So.", citations: [{ type: "url", url: "https://example.com", start: 0, end: 3 }] },
    ]),
    find: (response) =>
      said(response).some((block) => block.type === "text" && (block.citations?.length ?? 0) > 0) ||
      groundedIn(response),
  },
  {
    name: "logprobs",
    answer: only([{ type: "text", text: "So", logprobs: [{ token: "So", logprob: -0.5, top: [] }] }]),
    find: (response) =>
      said(response)
        .flatMap((block) => (block.type === "text" ? (block.logprobs ?? []) : []))
        .map(({ token, logprob }) => [token, logprob])
        .at(0),
  },
  {
    name: "images",
    answer: only([media("image", "image/png", { by: "base64", data: picture })]),
    find: (response) => (JSON.stringify(response.candidates).includes(picture) ? picture : undefined),
  },
  {
    name: "audio",
    answer: only([media("audio", "audio/wav", { by: "base64", data: "UklGRg==" }, { transcript: "Hi" })]),
    find: (response) => (JSON.stringify(response.candidates).includes("UklGRg==") ? true : undefined),
  },
  {
    name: "several answers (n)",
    answer: {
      candidates: [
        { index: 0, blocks: [text("One")], finish: stop },
        { index: 1, blocks: [text("Two")], finish: stop },
      ],
    },
    find: ({ candidates }) => (candidates.length > 1 ? candidates.length : undefined),
  },
  {
    name: "usage with caching and reasoning",
    answer: { ...only([text("Hello.")]), usage: counted },
    find: ({ usage }) => usage && [usage.inputTotal, usage.cacheRead, usage.outputTotal, usage.reasoning],
  },
  {
    name: "stopped by length",
    answer: only([text("Hel")], { reason: "length", native: "" }),
    find: finishOf,
  },
  {
    name: "stopped by a filter",
    answer: only([text("Hel")], { reason: "content-filter", native: "" }),
    find: (response) => isRefused(response) || undefined,
  },
  {
    name: "which stop sequence",
    answer: only([text("Hello")], { reason: "stop-sequence", native: "", stopSequence: "END" }),
    find: (response) => response.candidates[0]?.finish.stopSequence ?? undefined,
  },
  {
    name: "service tier",
    answer: { ...only([text("Hello.")]), tier: "priority" },
    find: ({ tier }) => tier,
  },
];

function callsIn(response: CanonicalResponse): unknown {
  const found = said(response).flatMap((block) =>
    block.type === "tool-call"
      ? [[block.id.replace(/^toolu_/, ""), block.name, JSON.parse(block.argumentsText || "{}") as unknown]]
      : [],
  );
  return found.length === 0 ? undefined : found;
}

function isRefused(response: CanonicalResponse): boolean {
  const reason = finishOf(response);
  return reason === "refusal" || reason === "content-filter";
}

/** Wherever the format keeps it, and in whatever envelope. */
function stateIn(response: CanonicalResponse): unknown {
  const values = said(response).flatMap((block) => {
    const opaque = block.type === "reasoning" ? (block.opaque ?? block.signature) : block.signature;
    return opaque === undefined ? [] : [opaque.value];
  });
  return values.length === 0 ? undefined : true;
}

function groundedIn({ candidates }: CanonicalResponse): true | undefined {
  return candidates[0]?.meta?.grounding === undefined ? undefined : true;
}
