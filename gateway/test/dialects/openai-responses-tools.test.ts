import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { CanonicalRequest } from "../../src/canonical/request.ts";
import { openaiResponses } from "../../src/dialects/openai-responses/index.ts";
import type { Json, JsonObject } from "../../src/lib/json.ts";
import { requestOf } from "../support/openai-responses.ts";

const { client } = openaiResponses;

describe("requests: tools", () => {
  test("functions keep the four meanings of `strict`", () => {
    const tool = (strict?: boolean | null) => ({
      type: "function",
      name: "f",
      parameters: { type: "object" },
      ...(strict === undefined ? {} : { strict }),
    });
    const { tools } = read({ tools: [tool(), tool(null), tool(true), tool(false)] });
    assert.deepEqual(
      tools.map((each) => ("strict" in each ? each.strict : "absent")),
      ["absent", null, true, false],
    );
  });

  test("custom tools, namespaces, and built-in tools of any date", () => {
    const search = { type: "web_search_2025_08_26", search_context_size: "low" };
    const { tools } = read({
      tools: [
        {
          type: "custom",
          name: "apply_patch",
          description: "d",
          format: { type: "grammar", syntax: "lark", definition: "start: x" },
        },
        {
          type: "namespace",
          name: "agents",
          description: "Sub-agents.",
          tools: [{ type: "function", name: "spawn", parameters: {}, strict: false }],
        },
        search,
        { type: "local_shell" },
        { type: "mcp", server_label: "docs", server_url: "https://example.com" },
        { type: "from_the_future" },
      ],
    });
    assert.deepEqual(tools.slice(0, 3), [
      { type: "custom", name: "apply_patch", description: "d", grammar: { syntax: "lark", definition: "start: x" } },
      {
        type: "function",
        name: "spawn",
        schema: {},
        strict: false,
        namespace: "agents",
        extras: { "openai-responses": { namespace_description: "Sub-agents." } },
      },
      { type: "builtin", tool: "web_search", native: { dialect: "openai-responses", value: search } },
    ]);
    assert.deepEqual(
      tools.slice(3).map((tool) => [tool.type === "builtin" && tool.tool, tool.name]),
      [
        ["local_shell", undefined],
        ["mcp", "docs"],
        ["from_the_future", undefined],
      ],
    );
  });

  const choices: readonly (readonly [Json, unknown])[] = [
    ["auto", { type: "auto" }],
    ["required", { type: "required" }],
    [
      { type: "function", name: "f" },
      { type: "tool", tool: { kind: "function", name: "f" } },
    ],
    [
      { type: "custom", name: "p" },
      { type: "tool", tool: { kind: "custom", name: "p" } },
    ],
    [
      { type: "mcp", server_label: "s", name: "n" },
      { type: "tool", tool: { kind: "mcp", name: "n", server: "s" } },
    ],
    [{ type: "web_search_preview" }, { type: "tool", tool: { kind: "builtin", name: "web_search" } }],
    [
      { type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "f" }, {}] },
      { type: "allowed", mode: "required", tools: [{ kind: "function", name: "f" }] },
    ],
    ["sometimes", undefined],
    [null, undefined],
  ];
  for (const [choice, expected] of choices) {
    test(`tool_choice ${JSON.stringify(choice)}`, () =>
      assert.deepEqual(read({ tool_choice: choice }).toolChoice, expected));
  }

  test("a tool without a name is refused", () => {
    const request = client.readRequest(
      requestOf({ model: "m", input: "Hi", tools: [{ type: "function", function: { name: "f" } }] }),
    );
    assert.equal(request.ok ? "" : request.error.param, "tools[0].name");
  });
});

function read(body: JsonObject): CanonicalRequest {
  const request = client.readRequest(requestOf({ model: "m", input: "Hi", ...body }));
  if (!request.ok) throw new Error(request.error.message);
  return request.value;
}
