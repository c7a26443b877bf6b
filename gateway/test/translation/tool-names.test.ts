import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Tool } from "../../src/canonical/request.ts";
import { withDeclaredTools } from "../../src/translation/tool-declarations.ts";
import { mapToolNames } from "../../src/translation/tool-names.ts";
import { assistant, call, request, user } from "./conversations.ts";

const chat = { pattern: /[A-Za-z0-9_-]/, lengthMax: 64 };
const gemini = { pattern: /[A-Za-z0-9_.:-]/, first: /[A-Za-z_]/, lengthMax: 128 };

function tool(name: string, namespace?: string): Tool {
  return { type: "function", name, ...(namespace === undefined ? {} : { namespace }) };
}

test("good names stay and need no way back", () => {
  const names = mapToolNames(request([], [tool("read_file"), tool("Bash")]), chat);
  assert.equal(names.sent("read_file"), "read_file");
  assert.equal(names.restored.size, 0);
});

test("a tool of a namespace is namespace__name, and found again when its namespace is left out", () => {
  const names = mapToolNames(request([], [tool("search", "docs"), tool("search", "code"), tool("plain")]), chat);
  assert.equal(names.sent("search", "docs"), "docs__search");
  assert.equal(names.sent("search", "code"), "code__search");
  assert.equal(names.sent("search"), "docs__search");
  assert.deepEqual(names.restored.get("code__search"), { name: "search", namespace: "code", kind: "function" });
  assert.equal(names.restored.has("plain"), false);
});

test("of colliding names the good one stays", () => {
  const names = mapToolNames(request([], [tool("a.b"), tool("a_b"), tool("a b")]), chat);
  assert.equal(names.sent("a_b"), "a_b");
  assert.equal(new Set([names.sent("a.b"), names.sent("a b"), "a_b"]).size, 3);
  assert.deepEqual(names.restored.get(names.sent("a.b")), { name: "a.b", kind: "function" });
});

test("a long name keeps its beginning", () => {
  const names = mapToolNames(request([], [tool("n".repeat(65)), tool("n".repeat(66))]), chat);
  assert.match(names.sent("n".repeat(65)), /^n{55}_[a-z0-9]{8}$/);
  assert.notEqual(names.sent("n".repeat(65)), names.sent("n".repeat(66)));
});

test("Gemini's names begin with a letter or underscore and may have dots", () => {
  const names = mapToolNames(request([], [tool("7zip"), tool("-x"), tool("a.b:c")]), gemini);
  assert.deepEqual(
    ["7zip", "-x", "a.b:c"].map((name) => names.sent(name)),
    ["_7zip", "_-x", "a.b:c"],
  );
});

test("custom tools have to be unwrapped, unless the target has custom tools", () => {
  const tools: Tool[] = [{ type: "custom", name: "apply_patch" }];
  assert.deepEqual(mapToolNames(request([], tools), chat).restored.get("apply_patch"), {
    name: "apply_patch",
    kind: "custom",
  });
  assert.equal(mapToolNames(request([], tools), { ...chat, customTools: "native" }).restored.size, 0);
});

test("tools that come with a turn, and those only called in the history, have names too", () => {
  const turns = [
    { ...user("q"), role: "system" as const, toolsFromHere: { add: [tool("late.tool")], remove: [] } },
    assistant(call("1", { name: "old.tool" }), call("2", { name: "late.tool" })),
  ];
  const names = mapToolNames(request(turns), chat);
  assert.deepEqual(
    [...names.restored.values()].map(({ name }) => name),
    ["late.tool", "old.tool"],
  );
});

const someName = fc.oneof(
  fc.constantFrom("a.b", "a_b", "a b", "ns__x", "x", "", "é", "__proto__", "constructor"),
  fc.string({ unit: "binary", maxLength: 90 }),
);
const someTool = fc
  .tuple(someName, fc.option(fc.constantFrom("ns", "a.b", "x".repeat(70)), { nil: undefined }))
  .map(([name, namespace]) => tool(name, namespace));

test("different tools get different good names, and each finds its way back", () => {
  const property = fc.property(fc.array(someTool, { maxLength: 12 }), fc.constantFrom(chat, gemini), (tools, rule) => {
    const names = mapToolNames(request([], tools), rule);
    const bySent = new Map<string, string>();
    for (const { name, namespace } of tools.filter((each) => each.type === "function")) {
      const sent = names.sent(name ?? "", namespace);
      const identity = JSON.stringify([namespace ?? null, name]);
      assert.equal(bySent.get(sent) ?? identity, identity);
      bySent.set(sent, identity);
      assert.ok(sent.length > 0 && sent.length <= rule.lengthMax);
      assert.ok(Array.from(sent).every((character) => rule.pattern.test(character)));
      const { name: restored, namespace: within } = names.restored.get(sent) ?? { name: sent };
      assert.equal(JSON.stringify([within ?? null, restored]), identity);
    }
  });
  fc.assert(property, { numRuns: 300 });
});

test("names in the history stay when the conversation goes on", () => {
  const property = fc.property(
    fc.array(someName, { maxLength: 10 }),
    fc.array(someTool, { maxLength: 4 }),
    (called, tools) => {
      const turns = called.map((name) => assistant(call("1", { name })));
      const whole = mapToolNames(request(turns, tools), chat);
      for (let length = 0; length < turns.length; length += 1) {
        const before = mapToolNames(request(turns.slice(0, length), tools), chat);
        for (const name of called.slice(0, length)) assert.equal(before.sent(name), whole.sent(name));
      }
    },
  );
  fc.assert(property, { numRuns: 100 });
});

test("a history with calls and no tools declares them, and asks for no calls", () => {
  const turns = [
    assistant(call("1", { name: "b" }), call("2", { name: "a", namespace: "n" })),
    assistant(call("3", { name: "b" }), call("4", { name: "patch", kind: "custom" })),
  ];
  const declared = withDeclaredTools(request(turns));
  assert.deepEqual(declared.tools, [
    { type: "function", name: "b", schema: { type: "object" } },
    { type: "function", name: "a", namespace: "n", schema: { type: "object" } },
    { type: "custom", name: "patch" },
  ]);
  assert.deepEqual(declared.toolChoice, { type: "none" });
});

test("declared tools, tools that come with a turn, and histories without calls are left alone", () => {
  const withTools = request([assistant(call("1"))], [tool("x")]);
  const withLate = request([
    { ...user("q"), toolsFromHere: { add: [tool("look")], remove: [] } },
    assistant(call("1")),
  ]);
  const without = request([user("q")]);
  for (const each of [withTools, withLate, without]) assert.equal(withDeclaredTools(each), each);
});
