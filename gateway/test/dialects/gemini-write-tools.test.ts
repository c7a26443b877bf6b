import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { MediaBlock } from "../../src/canonical/block.ts";
import type { BuiltinTool, CanonicalRequest, FunctionTool } from "../../src/canonical/request.ts";
import { writeRequest } from "../../src/dialects/gemini/write-request.ts";
import { asArray, asObject, type Json, type JsonObject } from "../../src/lib/json.ts";
import {
  contentsOf,
  declarationsOf,
  failureOf,
  hello,
  lossesOf,
  lossPaths,
  model25,
  model3,
  partsOf,
  readAs,
  requestOf,
  writeOptions,
  written,
} from "../support/gemini-write.ts";

const vertex = { kind: "vertex", issuer: "vertex" };

describe("tools", () => {
  const tool = (more: Partial<FunctionTool> = {}): FunctionTool => ({ type: "function", name: "look", ...more });
  const builtin = (name: string, value: JsonObject = {}): BuiltinTool => ({
    type: "builtin",
    tool: name,
    native: { dialect: "openai-responses", value: { type: name, ...value } },
  });
  const toolsOf = (more: Partial<CanonicalRequest>, model = model3) => written(requestOf(more), writeOptions(model));

  test("a tool without parameters has none (edge case 55)", () => {
    for (const schema of [
      undefined,
      {},
      { type: "object", properties: {} },
      { type: "object", additionalProperties: false },
    ]) {
      const result = toolsOf({ tools: [schema === undefined ? tool() : tool({ schema })] });
      assert.deepEqual(declarationsOf(result), [{ name: "look" }]);
    }
  });

  const odd: JsonObject = {
    $schema: "http://json-schema.org/draft-07/schema#",
    type: "object",
    additionalProperties: false,
    propertyNames: { pattern: "^[a-z]+$" },
    properties: {
      properties: { type: "object", properties: { const: { const: "x" } } },
      maybe: { type: ["string", "null"] },
    },
    required: ["properties"],
  };

  test("a schema with what Google does not know is adapted by position (edge case 53)", () => {
    const [declaration] = declarationsOf(toolsOf({ tools: [tool({ schema: odd })] }));
    const schema = asObject(declaration?.["parametersJsonSchema"]);
    const members = asObject(schema?.["properties"]);
    assert.deepEqual(Object.keys(members ?? {}), ["properties", "maybe"]);
    assert.equal(schema?.["$schema"], undefined);
    assert.deepEqual(asObject(asObject(asObject(members?.["properties"])?.["properties"])?.["const"])?.["enum"], ["x"]);
    assert.equal(JSON.stringify(schema).includes('"propertyNames"'), false);
  });

  test("an older model gets Google's own kind of schema", () => {
    const [declaration] = declarationsOf(toolsOf({ tools: [tool({ schema: odd })] }, "gemini-2.0-flash"));
    assert.equal(declaration?.["parametersJsonSchema"], undefined);
    const text = JSON.stringify(declaration?.["parameters"]);
    assert.match(text, /"type":"OBJECT"/);
    for (const keyword of ["$schema", "additionalProperties", "propertyNames"])
      assert.equal(text.includes(`"${keyword}"`), false);
  });

  test("losses of a schema name the tool", () => {
    const { losses } = toolsOf({ tools: [tool({ schema: odd })] });
    assert.ok(losses.length > 0 && losses.every(({ path }) => path.startsWith("tools[0].schema")));
  });

  test("names and custom tools are restored in the answer", () => {
    const request = readAs("openai-responses", {
      model: "m",
      input: "hi",
      tools: [
        {
          type: "custom",
          name: "apply_patch",
          description: "Edits.",
          format: { type: "grammar", syntax: "lark", definition: "start: X" },
        },
        {
          type: "namespace",
          name: "crm",
          tools: [{ type: "function", name: "find user", parameters: { type: "object" } }],
        },
      ],
      tool_choice: { type: "custom", name: "apply_patch" },
    });
    const result = written(request);
    const [custom, function_] = declarationsOf(result);
    assert.match(JSON.stringify(custom?.["description"]), /Edits\.[\s\S]*lark[\s\S]*start: X/);
    assert.equal(function_?.["name"], "crm__find_user");
    assert.deepEqual(
      [...(result.restore?.tools ?? [])],
      [
        ["apply_patch", { name: "apply_patch", kind: "custom" }],
        ["crm__find_user", { name: "find user", namespace: "crm", kind: "function" }],
      ],
    );
    assert.deepEqual(result.body["toolConfig"], {
      functionCallingConfig: { mode: "ANY", allowedFunctionNames: ["apply_patch"] },
    });
  });

  const choices: readonly (readonly [CanonicalRequest["toolChoice"], Json | undefined])[] = [
    [undefined, undefined],
    [{ type: "auto" }, { mode: "AUTO" }],
    [{ type: "none" }, { mode: "NONE" }],
    [{ type: "required" }, { mode: "ANY" }],
    [
      { type: "tool", tool: { kind: "function", name: "look" } },
      { mode: "ANY", allowedFunctionNames: ["look"] },
    ],
    [
      { type: "allowed", mode: "auto", tools: [{ kind: "function", name: "look" }] },
      { mode: "VALIDATED", allowedFunctionNames: ["look"] },
    ],
    [
      { type: "allowed", mode: "required", tools: [{ kind: "function", name: "look" }] },
      { mode: "ANY", allowedFunctionNames: ["look"] },
    ],
  ];
  for (const [toolChoice, functionCallingConfig] of choices) {
    test(`the choice ${JSON.stringify(toolChoice)}`, () => {
      const more = toolChoice === undefined ? {} : { toolChoice };
      const { body, losses } = toolsOf({ tools: [tool()], ...more });
      assert.deepEqual(body["toolConfig"], functionCallingConfig === undefined ? undefined : { functionCallingConfig });
      assert.deepEqual(losses, []);
    });
  }

  test("a choice without functions is not sent", () => {
    const { body, losses } = toolsOf({ toolChoice: { type: "auto" } });
    assert.deepEqual([body["toolConfig"], losses], [undefined, []]);
    assert.deepEqual(lossesOf({ toolChoice: { type: "required" } }), ["toolChoice: unsupported"]);
    const search: CanonicalRequest["toolChoice"] = { type: "tool", tool: { kind: "builtin", name: "web_search" } };
    assert.deepEqual(lossesOf({ tools: [tool()], toolChoice: search }), ["toolChoice: unsupported"]);
  });

  test("strict functions are validated, where the choice does not do so already", () => {
    const strict = [tool({ strict: true })];
    const modeOf = (more: Partial<CanonicalRequest>, model = model3) =>
      asObject(asObject(toolsOf({ tools: strict, ...more }, model).body["toolConfig"])?.["functionCallingConfig"])?.[
        "mode"
      ];
    assert.equal(modeOf({}), "VALIDATED");
    assert.equal(modeOf({ toolChoice: { type: "auto" } }), "VALIDATED");
    assert.equal(modeOf({ toolChoice: { type: "required" } }), "ANY");
    assert.equal(modeOf({}, "gemini-2.0-flash"), undefined);
    assert.deepEqual(lossesOf({ tools: strict }, "gemini-2.0-flash"), ["tools[0].strict: unsupported"]);
  });

  test("Google's own tools for those of others, by kind", () => {
    const tools = [
      builtin("web_search", { filters: { allowed_domains: ["a.com"] } }),
      builtin("code_execution"),
      builtin("computer"),
    ];
    const result = toolsOf({ tools });
    assert.deepEqual(result.body["tools"], [{ googleSearch: {} }, { codeExecution: {} }]);
    assert.deepEqual(lossPaths(result.losses), ["tools[0].native.filters: unsupported", "tools[2]: unsupported"]);
  });

  test("they stand beside functions on Gemini 3 only", () => {
    const tools = [tool(), builtin("web_search")];
    const newer = toolsOf({ tools });
    assert.equal(asArray(newer.body["tools"])?.length, 2);
    assert.deepEqual(newer.body["toolConfig"], {
      includeServerSideToolInvocations: true,
      functionCallingConfig: { mode: "VALIDATED" },
    });
    assert.deepEqual(lossesOf({ tools }, model25), ["tools[1]: unsupported"]);
    const onVertex = written(requestOf({ tools }), writeOptions(model3, vertex));
    assert.equal(onVertex.body["toolConfig"], undefined);
  });

  test("MCP servers of OpenAI's and of Anthropic's clients, unless somebody must approve their calls", () => {
    const mcp = { server_label: "docs", server_url: "https://mcp.example/", authorization: "t" };
    const entry = {
      mcpServers: [
        {
          name: "docs",
          streamableHttpTransport: { url: "https://mcp.example/", headers: { Authorization: "Bearer t" } },
        },
      ],
    };
    const approved = builtin("mcp", { ...mcp, require_approval: "never" });
    assert.deepEqual(toolsOf({ tools: [approved] }).body["tools"], [entry]);
    assert.match(failureOf({ tools: [builtin("mcp", mcp)] }).message, /require_approval/);
    const anthropic = readAs("anthropic-messages", {
      model: "m",
      max_tokens: 10,
      messages: [{ role: "user", content: "a" }],
      tools: [{ type: "mcp_toolset", mcp_server_name: "docs" }],
      mcp_servers: [{ type: "url", name: "docs", url: "https://mcp.example/", authorization_token: "t" }],
    });
    assert.deepEqual(written(anthropic).body["tools"], [entry]);
  });

  test("tools that join later are declared from the beginning", () => {
    const turns = [
      hello,
      {
        role: "system" as const,
        blocks: [],
        boundary: 1,
        toolsFromHere: { add: [tool(), tool({ name: "new" })], remove: [] },
      },
    ];
    const names = declarationsOf(toolsOf({ tools: [tool()], turns })).map((declaration) => declaration["name"]);
    assert.deepEqual(names, ["look", "new"]);
  });

  test("one call at a time cannot be asked for", () => {
    assert.deepEqual(lossesOf({ tools: [tool()], parallelToolCalls: false }), ["parallelToolCalls: unsupported"]);
    assert.deepEqual(lossesOf({ tools: [tool()], parallelToolCalls: true }), []);
  });
});

describe("media", () => {
  const media = (source: MediaBlock["source"], more: Partial<MediaBlock> = {}): Partial<CanonicalRequest> => ({
    turns: [{ role: "user", blocks: [{ type: "media", kind: "image", source, ...more }], boundary: 4 }],
  });
  const partsFor = (more: Partial<CanonicalRequest>, model = model3) =>
    partsOf(contentsOf(written(requestOf(more), writeOptions(model)))[0]);

  test("bytes are inline, by what they are rather than what they are called", () => {
    const png = media({ by: "base64", data: "iVBORw0KGgo=" }, { mimeType: "image/jpg" });
    assert.deepEqual(partsFor(png), [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }]);
  });

  test("addresses that Google loads are passed on, others are refused with advice", () => {
    const https = media({ by: "url", url: "https://example.com/cat.webp?size=1" });
    assert.deepEqual(partsFor(https), [
      { fileData: { mimeType: "image/webp", fileUri: "https://example.com/cat.webp?size=1" } },
    ]);
    const video = media({ by: "url", url: "https://youtu.be/x" }, { kind: "video" });
    assert.deepEqual(partsFor(video, "gemini-2.0-flash"), [
      { fileData: { mimeType: "video/mp4", fileUri: "https://youtu.be/x" } },
    ]);
    const older = failureOf(https, writeOptions("gemini-2.0-flash"));
    assert.deepEqual([older.code, older.param], ["unsupported_parameter", "messages[4]"]);
    assert.match(older.message, /base64/);
    assert.ok(writeRequest(requestOf(https), writeOptions("gemini-2.0-flash", vertex)).ok);
    assert.match(failureOf(media({ by: "url", url: "http://example.com/cat.png" })).message, /cannot load the address/);
  });

  test("files go back to where they were uploaded only", () => {
    const own = media({ by: "file", id: "files/abc", issuer: { provider: "gemini" } }, { mimeType: "image/png" });
    assert.deepEqual(partsFor(own), [{ fileData: { mimeType: "image/png", fileUri: "files/abc" } }]);
    assert.match(
      failureOf(media({ by: "file", id: "file-1", issuer: { provider: "openai" } })).message,
      /another provider/,
    );
  });

  test("text documents are text under their title", () => {
    const text = media({ by: "text", text: "Body." }, { kind: "document", title: "Notes", citations: true });
    assert.deepEqual(partsFor(text), [{ text: "Document: Notes\n\nBody." }]);
    assert.deepEqual(lossesOf(text), ["turns[0].blocks[0].citations: unsupported"]);
    const pdf = media({ by: "base64", data: "JVBERi0=" }, { kind: "document", filename: "a.pdf" });
    assert.deepEqual(partsFor(pdf), [
      { text: "Document: a.pdf" },
      { inlineData: { mimeType: "application/pdf", data: "JVBERi0=" } },
    ]);
  });

  test("the resolution of one picture is set on Gemini 3, lost before", () => {
    const low = media({ by: "base64", data: "iVBORw0KGgo=" }, { detail: "low" });
    assert.deepEqual(partsFor(low)[0]?.["mediaResolution"], { level: "MEDIA_RESOLUTION_LOW" });
    assert.equal(partsFor(low, model25)[0]?.["mediaResolution"], undefined);
    assert.deepEqual(lossesOf(low, model25), ["turns[0].blocks[0].detail: unsupported"]);
  });

  test("an earlier audio answer that another provider keeps is lost", () => {
    const audio = media({ by: "reference", id: "audio_1" }, { kind: "audio" });
    const result = written(requestOf({ turns: [hello, ...(audio.turns ?? [])] }));
    assert.deepEqual(lossPaths(result.losses), ["turns[1].blocks[0]: unsupported"]);
  });
});
