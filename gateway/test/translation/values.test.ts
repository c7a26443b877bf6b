import assert from "node:assert/strict";
import { test } from "node:test";
import type { Block, MediaBlock, Opaque, ServerToolBlock } from "../../src/canonical/block.ts";
import type { Effort } from "../../src/canonical/request.ts";
import type { Json } from "../../src/lib/json.ts";
import { clampNumber, dropped } from "../../src/translation/limits.ts";
import {
  decodeText,
  detailOfResolution,
  documentText,
  isPdf,
  isTextType,
  mediaType,
  normalType,
  textOfDocument,
  writeDataUrl,
} from "../../src/translation/media.ts";
import { isReadableBy } from "../../src/translation/is-readable-by.ts";
import {
  anthropicEffort,
  askedEffort,
  budgetOfEffort,
  effortOfBudget,
  fitBudget,
  openaiEffort,
  thinkingLevel,
} from "../../src/translation/reasoning.ts";
import { renderBlock, renderBuiltinCall } from "../../src/translation/text-rendering.ts";

test("a budget's effort, at and below each bound", () => {
  const rows: [number, Effort | undefined][] = [
    [-1, undefined],
    [0, "none"],
    [1, "minimal"],
    [2047, "minimal"],
    [2048, "low"],
    [8191, "low"],
    [8192, "medium"],
    [16_383, "medium"],
    [16_384, "high"],
    [29_999, "high"],
    [30_000, "xhigh"],
    [1_000_000, "xhigh"],
  ];
  for (const [tokens, effort] of rows) assert.equal(effortOfBudget(tokens), effort, String(tokens));
});

test("an effort's budget is at most what the model takes, and means that effort again", () => {
  const efforts: Effort[] = ["none", "minimal", "low", "medium", "high", "xhigh"];
  assert.deepEqual(
    efforts.map((effort) => budgetOfEffort(effort, "anthropic", 100_000)),
    [0, 1024, 4096, 10_240, 24_576, 32_768],
  );
  assert.deepEqual(
    efforts.map((effort) => budgetOfEffort(effort, "gemini", 24_576)),
    [0, 512, 2048, 8192, 24_576, 24_576],
  );
  assert.equal(budgetOfEffort("max", "anthropic", 64_000), 64_000);
  for (const effort of efforts) {
    for (const target of ["anthropic", "gemini"] as const) {
      assert.equal(effortOfBudget(budgetOfEffort(effort, target, Infinity)), effort);
    }
  }
});

test("a budget fits the model's range, and zero only where thinking can be off", () => {
  const pro = { minimum: 128, maximum: 32_768, canBeOff: false };
  const lite = { minimum: 512, maximum: 24_576, canBeOff: true };
  assert.deepEqual(
    [0, 127, 128, 32_769].map((tokens) => fitBudget(tokens, pro)),
    [128, 128, 128, 32_768],
  );
  assert.deepEqual(
    [0, 1, 24_577].map((tokens) => fitBudget(tokens, lite)),
    [0, 512, 24_576],
  );
});

test("what a request asks for, in whatever words", () => {
  assert.equal(askedEffort({ mode: "default" }), undefined);
  assert.equal(askedEffort({ mode: "auto" }), undefined);
  assert.equal(askedEffort({ mode: "off", effort: "high" }), "none");
  assert.equal(askedEffort({ mode: "budget", budgetTokens: 10_240 }), "medium");
  assert.equal(askedEffort({ mode: "budget", budgetTokens: 10_240, effort: "max" }), "max");
  assert.equal(askedEffort({ mode: "between-tools" }), "low");
});

test("efforts that a model does not have become the nearest that it has", () => {
  assert.equal(anthropicEffort("xhigh", ["low", "medium", "high", "max"]), "max");
  assert.equal(anthropicEffort("max", ["low", "medium", "high"]), "high");
  assert.equal(anthropicEffort("none", ["low", "medium"]), "low");
  assert.equal(openaiEffort("minimal", ["none", "low", "medium", "high"]), "low");
  assert.equal(openaiEffort("none", ["low", "medium", "high"]), "low");
  assert.equal(openaiEffort("low", ["high"]), "high");
  assert.equal(openaiEffort("low", []), undefined);
  assert.equal(thinkingLevel("none", ["LOW", "HIGH"]), "LOW");
  assert.equal(thinkingLevel("medium", ["LOW", "HIGH"]), "HIGH");
  assert.equal(thinkingLevel("max", ["MINIMAL", "LOW", "MEDIUM", "HIGH"]), "HIGH");
});

test("opaque values go to their issuer and to the vendor whose native form they had", () => {
  const from = (provider: string): Opaque => ({ issuer: { provider }, kind: "anthropic.signature", value: "v" });
  assert.equal(isReadableBy(from("claude-eu"), "claude-eu", "anthropic"), true);
  assert.equal(isReadableBy(from("anthropic"), "claude-eu", "anthropic"), true);
  assert.equal(isReadableBy(from("claude-us"), "claude-eu", "anthropic"), false);
  assert.equal(isReadableBy(from("gemini"), "claude-eu", "anthropic"), false);
  assert.equal(isReadableBy(from("openai"), "azure", "azure-openai"), false);
});

test("losses name what happened, and only what happened", () => {
  assert.deepEqual(dropped("a"), { path: "a", reason: "unsupported" });
  assert.deepEqual(clampNumber("t", 2, 0, 1), {
    value: 1,
    losses: [{ path: "t", reason: "clamped", detail: "2 became 1" }],
  });
  assert.deepEqual(clampNumber("t", 1, 0, 1), { value: 1, losses: [] });
});

function media(more: Partial<MediaBlock>): MediaBlock {
  return { type: "media", kind: "document", source: { by: "base64", data: "" }, ...more };
}

function base64(...bytes: (number | string)[]): string {
  return Buffer.concat(bytes.map((each) => Buffer.from(typeof each === "string" ? each : [each]))).toString("base64");
}

test("a medium is what its bytes say, then what is declared, then what its name says", () => {
  const png = base64(0x89, "PNG\r\n", 0x1a, "\n", "rest");
  const rows: [Partial<MediaBlock>, string | undefined][] = [
    [{ source: { by: "base64", data: png }, mimeType: "image/jpeg" }, "image/png"],
    [{ source: { by: "base64", data: base64(0xff, 0xd8, 0xff, 0xe0, 0) } }, "image/jpeg"],
    [{ source: { by: "base64", data: base64("GIF89a...") } }, "image/gif"],
    [{ source: { by: "base64", data: base64("RIFF", 1, 200, 3, 255, "WEBPVP8 ") } }, "image/webp"],
    [{ source: { by: "base64", data: base64("RIFF", 9, 9, 0, 0, "WAVEfmt ") }, mimeType: "audio/mpeg" }, "audio/wav"],
    [{ source: { by: "base64", data: base64(0, 0, 0, 24, "ftypheic") } }, "image/heic"],
    [{ source: { by: "base64", data: base64("%PDF-1.7") }, mimeType: "text/plain" }, "application/pdf"],
    [{ source: { by: "base64", data: base64("?") }, mimeType: "IMAGE/JPG; q=1" }, "image/jpeg"],
    [{ source: { by: "base64", data: base64("?") }, filename: "Report.MD" }, "text/markdown"],
    [{ source: { by: "url", url: "https://x/a.png?size=2.gif" } }, "image/png"],
    [{ source: { by: "url", url: "https://x/constructor" } }, undefined],
  ];
  for (const [block, type] of rows) assert.equal(mediaType(media(block)), type, JSON.stringify(block));
  assert.equal(isPdf(media({ source: { by: "base64", data: base64("%PDF") } })), true);
  assert.equal(normalType("constructor"), "constructor");
});

test("text documents are told from files, and get a line that names them", () => {
  assert.deepEqual(["text/csv", "application/json", "application/ld+json", "application/pdf"].map(isTextType), [
    true,
    true,
    true,
    false,
  ]);
  assert.equal(decodeText(base64("é😀")), "é😀");
  assert.equal(decodeText(base64(0xff, 0xfe)), undefined);
  assert.equal(decodeText("not base64!"), undefined);
  const csv = media({ source: { by: "base64", data: base64("a,b") }, mimeType: "text/csv", filename: "t.csv" });
  assert.equal(textOfDocument(csv), "Document: t.csv\n\na,b");
  const titled = media({ source: { by: "text", text: "x" }, title: "T", context: "why" });
  assert.equal(textOfDocument(titled), "Document: T\nContext: why\n\nx");
  const blocks = media({
    source: {
      by: "blocks",
      blocks: [
        { type: "text", text: "a" },
        { type: "text", text: "b" },
      ],
    },
  });
  assert.equal(documentText(blocks), "a\n\nb");
  assert.equal(textOfDocument(media({ source: { by: "base64", data: base64("%PDF") } })), undefined);
  assert.equal(textOfDocument(media({ source: { by: "url", url: "https://x/a.txt" } })), undefined);
});

test("data URLs and details", () => {
  assert.equal(writeDataUrl("image/png", "AA=="), "data:image/png;base64,AA==");
  assert.deepEqual(["MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_HIGH", "toString"].map(detailOfResolution), [
    "low",
    "high",
    undefined,
  ]);
});

function serverTool(more: Partial<ServerToolBlock>): ServerToolBlock {
  const native = { dialect: "anthropic-messages" as const, value: {} };
  return { type: "server-tool", phase: "call", tool: "web_search", id: "s", native, ...more };
}

const results: Json = [
  { type: "web_search_result", url: "https://a", title: "A", encrypted_content: "secret" },
  { type: "web_search_result", url: "https://b" },
];

const rendered: Record<string, readonly [Block, string | undefined]> = {
  "a search": [serverTool({ input: { query: 'a "b"' } }), 'Searched the web for "a \\"b\\"".'],
  "a search with its results": [
    serverTool({ input: { type: "search", queries: ["a", "b"] }, output: results }),
    'Searched the web for "a, b".\n- A — https://a\n- https://b',
  ],
  "results of a search": [serverTool({ phase: "result", output: results }), "- A — https://a\n- https://b"],
  "a page": [serverTool({ tool: "web_fetch", input: { url: "https://a" } }), "Read https://a."],
  code: [serverTool({ tool: "code_execution", input: { code: "1+1" } }), "```\n1+1\n```"],
  "any other call": [
    serverTool({ tool: "mcp", serverName: "docs", input: { name: "find" } }),
    '[called mcp of docs]\n```json\n{"name":"find"}\n```',
  ],
  "any other output, without what is encrypted": [
    serverTool({ phase: "result", tool: "x", isError: true, output: { code: 1, encrypted_content: "secret" } }),
    '[x failed]\n```json\n{"code":1}\n```',
  ],
  "a list of tools": [serverTool({ phase: "listing", output: [] }), undefined],
  "a search result of the client's": [
    {
      type: "search-result",
      source: "kb",
      title: "T",
      content: [
        { type: "text", text: "one" },
        { type: "text", text: "two" },
      ],
    },
    "Search result: T\nSource: kb\n\none\n\ntwo",
  ],
  "code of the model's": [
    { type: "code", phase: "code", language: "PYTHON", code: "print('```')\n" },
    "````python\nprint('```')\n````",
  ],
  "its output": [{ type: "code", phase: "result", outcome: "OUTCOME_OK", output: "2" }, "Output:\n```\n2\n```"],
  "its failure": [
    { type: "code", phase: "result", outcome: "OUTCOME_FAILED", output: "" },
    "Output (OUTCOME_FAILED):\n```\n\n```",
  ],
  "a compaction that can be read": [
    { type: "compaction", text: "summary", native: { dialect: "anthropic-messages", value: {} } },
    "summary",
  ],
  "reasoning is never text": [{ type: "reasoning", summary: ["s"] }, undefined],
  "a picture is never text": [media({ kind: "image", mimeType: "image/png" }), undefined],
};

for (const [name, [block, expected]] of Object.entries(rendered)) {
  test(`as text: ${name}`, () => {
    assert.equal(renderBlock(block), expected);
  });
}

test("as text: a call of a tool that only its vendor has", () => {
  const call = {
    type: "tool-call",
    id: "1",
    name: "local_shell",
    kind: "builtin",
    argumentsText: '{"cmd":"ls"}',
  } as const;
  assert.equal(renderBuiltinCall(call), '[called local_shell]\n```\n{"cmd":"ls"}\n```');
});
