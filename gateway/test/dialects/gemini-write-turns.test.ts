import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Block, Opaque } from "../../src/canonical/block.ts";
import type { Turn } from "../../src/canonical/request.ts";
import { asObject } from "../../src/lib/json.ts";
import {
  assistant,
  call,
  contentsOf,
  failureOf,
  hello,
  lossPaths,
  model25,
  model3,
  partsOf,
  readAs,
  requestOf,
  result,
  signature,
  text,
  user,
  writeOptions,
  written,
} from "../support/gemini-write.ts";

describe("thought signatures", () => {
  const parallel = requestOf({
    turns: [hello, assistant(call("a"), call("b")), user(result("a", text("1")), result("b", text("2")))],
  });

  test("another model's parallel calls: the first of a step gets the stand-in, the others none (edge case 51)", () => {
    const parts = partsOf(contentsOf(written(parallel))[1]);
    assert.deepEqual(
      parts.map((part) => part["thoughtSignature"]),
      ["skip_thought_signature_validator", undefined],
    );
    const older = partsOf(contentsOf(written(parallel, writeOptions(model25)))[1]);
    assert.deepEqual(
      older.map((part) => part["thoughtSignature"]),
      [undefined, undefined],
    );
  });

  test("a native signature stands on its own part, beside the call", () => {
    const turns = [
      hello,
      assistant(text("t"), call("a"), call("b", { signature: signature("gemini") })),
      user(result("a"), result("b")),
    ];
    const parts = partsOf(contentsOf(written(requestOf({ turns })))[1]);
    assert.deepEqual(
      parts.map((part) => part["thoughtSignature"]),
      [undefined, "skip_thought_signature_validator", "c2ln"],
    );
  });

  test("a signature made on Vertex AI does not go to the Gemini API (edge case 52)", () => {
    const turns = [hello, assistant(call("a", { signature: signature("vertex-eu") })), user(result("a"))];
    const { losses, ...other } = written(requestOf({ turns }));
    assert.equal(
      partsOf(contentsOf({ ...other, losses })[1])[0]?.["thoughtSignature"],
      "skip_thought_signature_validator",
    );
    assert.deepEqual(lossPaths(losses), ["turns[1].blocks[0].signature: opaque-not-portable"]);
    const back = written(requestOf({ turns }), writeOptions(model3, { issuer: "vertex-eu", kind: "vertex" }));
    assert.equal(partsOf(contentsOf(back)[1])[0]?.["thoughtSignature"], "c2ln");
    assert.deepEqual(back.losses, []);
  });

  test("reasoning goes back to its issuer only", () => {
    const anthropic: Opaque = { issuer: { provider: "anthropic" }, kind: "anthropic.signature", value: "x" };
    const turns = [
      hello,
      assistant(
        { type: "reasoning", summary: ["mine"], opaque: signature("gemini") },
        { type: "reasoning", summary: ["theirs"], opaque: anthropic },
        { type: "reasoning", summary: [], raw: ["nobody's"] },
        text("done"),
      ),
      hello,
    ];
    const result = written(requestOf({ turns }));
    assert.deepEqual(partsOf(contentsOf(result)[1]), [
      { text: "mine", thought: true, thoughtSignature: "c2ln" },
      { text: "done" },
    ]);
    assert.deepEqual(lossPaths(result.losses), [
      "turns[1].blocks[1]: opaque-not-portable",
      "turns[1].blocks[2]: unsupported",
    ]);
  });

  test("an empty text goes only with a signature", () => {
    const turns = [hello, assistant(text(""), { type: "text", text: "", signature: signature("gemini") }), hello];
    assert.deepEqual(partsOf(contentsOf(written(requestOf({ turns })))[1]), [{ text: "", thoughtSignature: "c2ln" }]);
  });
});

describe("calls and their results", () => {
  test("three results, one missing, in another order: one content in call order (edge case 54)", () => {
    const turns = [
      hello,
      assistant(call("a"), call("b"), call("c")),
      user(text("and?"), result("c", text("3")), result("a", text("1"))),
      assistant(text("ok")),
      hello,
    ];
    const { losses, ...rest } = written(requestOf({ turns }));
    assert.deepEqual(contentsOf({ ...rest, losses })[2], {
      role: "user",
      parts: [
        { functionResponse: { id: "a", name: "tool_a", response: { output: "1" } } },
        { functionResponse: { id: "b", name: "tool_b", response: { error: "[no result recorded]" } } },
        { functionResponse: { id: "c", name: "tool_c", response: { output: "3" } } },
        { text: "and?" },
      ],
    });
    assert.ok(losses.every(({ reason }) => reason === "repaired"));
  });

  test("an instruction between calls and results moves behind them, as a reminder", () => {
    const turns: Turn[] = [
      hello,
      assistant(call("a")),
      { role: "system", blocks: [text("be brief")], boundary: 2 },
      user(result("a", text("1"))),
    ];
    const contents = contentsOf(written(requestOf({ turns })));
    assert.deepEqual(contents.slice(2), [
      { role: "user", parts: [{ functionResponse: { id: "a", name: "tool_a", response: { output: "1" } } }] },
      { role: "user", parts: [{ text: "<system-reminder>\nbe brief\n</system-reminder>" }] },
    ]);
  });

  test("ids go to models that have them, and never those that we made up", () => {
    const turns = [hello, assistant(call("gc_1_0"), call("b")), user(result("gc_1_0"), result("b"))];
    const ids = (model: string) =>
      partsOf(contentsOf(written(requestOf({ turns }), writeOptions(model)))[1]).map(
        (part) => asObject(part["functionCall"])?.["id"],
      );
    assert.deepEqual(ids(model3), [undefined, "b"]);
    assert.deepEqual(ids(model25), [undefined, undefined]);
  });

  test("calls of one id can be told apart", () => {
    const turns = [hello, assistant(call("x"), call("x")), user(result("x", text("1")), result("x", text("2")))];
    const parts = partsOf(contentsOf(written(requestOf({ turns })))[2]);
    assert.deepEqual(
      parts.map((part) => [
        asObject(part["functionResponse"])?.["id"],
        asObject(part["functionResponse"])?.["response"],
      ]),
      [
        ["x", { output: "1" }],
        ["x_2", { output: "2" }],
      ],
    );
  });

  test("arguments are an object: broken JSON and free text go in as `input`", () => {
    const calls = [
      call("a", { argumentsText: "{oops" }),
      call("b", { argumentsText: "*** Begin Patch", kind: "custom" }),
      call("c", { argumentsText: "" }),
      call("d", { argumentsText: '{"x":1}' }),
    ];
    const turns = [hello, assistant(...calls), user(...calls.map(({ id, kind }) => ({ ...result(id), kind })))];
    const request = written(requestOf({ turns }));
    assert.deepEqual(
      partsOf(contentsOf(request)[1]).map((part) => asObject(part["functionCall"])?.["args"]),
      [{ input: "{oops" }, { input: "*** Begin Patch" }, {}, { x: 1 }],
    );
    assert.deepEqual(lossPaths(request.losses), ["turns[1].blocks[0].argumentsText: repaired"]);
  });

  const image: Block = {
    type: "media",
    kind: "image",
    mimeType: "image/png",
    source: { by: "base64", data: "iVBORw0KGgo=" },
  };
  const withImages = requestOf({
    turns: [hello, assistant(call("a"), call("b")), user(result("a", text("see"), image), result("b"), text("so?"))],
  });

  test("media of results are inside them on Gemini 3", () => {
    const parts = partsOf(contentsOf(written(withImages))[2]);
    assert.deepEqual(parts, [
      {
        functionResponse: {
          id: "a",
          name: "tool_a",
          response: { output: "see" },
          parts: [{ inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } }],
        },
      },
      { functionResponse: { id: "b", name: "tool_b", response: { output: "" } } },
      { text: "so?" },
    ]);
  });

  test("media of results come behind all of them on Gemini 2.5", () => {
    const parts = partsOf(contentsOf(written(withImages, writeOptions(model25)))[2]);
    assert.deepEqual(
      parts.map((part) => Object.keys(part)[0]),
      ["functionResponse", "functionResponse", "inlineData", "text"],
    );
  });

  test("a failed call is an error", () => {
    const turns = [hello, assistant(call("a")), user({ ...result("a", text("no such file")), isError: true })];
    const [part] = partsOf(contentsOf(written(requestOf({ turns })))[2]);
    assert.deepEqual(asObject(part?.["functionResponse"])?.["response"], { error: "no such file" });
  });

  test("a tool that only its vendor declares is told in words", () => {
    const request = readAs("openai-responses", {
      model: "m",
      input: [
        { role: "user", content: "ls" },
        { type: "local_shell_call", call_id: "c1", action: { type: "exec", command: ["ls"] } },
        { type: "local_shell_call_output", call_id: "c1", output: "a.txt" },
      ],
      tools: [{ type: "local_shell" }],
    });
    const result = written(request);
    assert.deepEqual(
      contentsOf(result).map((content) => partsOf(content).map((part) => Object.keys(part)[0])),
      [["text"], ["text"], ["text"]],
    );
    assert.match(JSON.stringify(contentsOf(result)[2]), /\[tool result c1\] a\.txt/);
    assert.deepEqual(lossPaths(result.losses), [
      "tools[0]: unsupported",
      "turns[1].blocks[0]: emulated",
      "turns[2].blocks[0]: emulated",
    ]);
  });
});

describe("turns", () => {
  test("neighbours of one role are one content, but nothing joins the results of calls", () => {
    const turns = [
      hello,
      user(text("again")),
      assistant(text("a")),
      assistant(call("x")),
      user(result("x")),
      user(text("next")),
    ];
    assert.deepEqual(
      contentsOf(written(requestOf({ turns }))).map((content) => [content["role"], partsOf(content).length]),
      [
        ["user", 2],
        ["model", 2],
        ["user", 1],
        ["user", 1],
      ],
    );
  });

  test("a Gemini client's contents stay apart", () => {
    const contents = [
      { role: "user", parts: [{ text: "a" }] },
      { role: "user", parts: [{ text: "b" }] },
    ];
    assert.deepEqual(written(readAs("gemini", { contents })).body["contents"], contents);
  });

  test("a conversation that begins with a call gets a user before it", () => {
    const request = written(requestOf({ turns: [assistant(call("a")), user(result("a"))] }));
    assert.equal(contentsOf(request)[0]?.["role"], "user");
    assert.deepEqual(lossPaths(request.losses), ["turns[0]: repaired"]);
  });

  test("a model that takes no last model content is asked in words to go on", () => {
    const turns = [hello, assistant(text("Once upon"))];
    assert.equal(contentsOf(written(requestOf({ turns }))).length, 2);
    const newer = written(requestOf({ turns }), writeOptions("gemini-3.8-flash"));
    assert.deepEqual(lossPaths(newer.losses), ["turns[1]: emulated"]);
    assert.equal(contentsOf(newer).at(-1)?.["role"], "user");
  });

  test("a message of a quarter of a million parts is written", () => {
    const many = Array.from({ length: 250_000 }, () => text("a"));
    const result = written(requestOf({ turns: [user(text("b")), { ...hello, blocks: many }] }));
    assert.equal(partsOf(contentsOf(result)[0]).length, 250_001);
  });

  test("nothing to say is refused", () => {
    assert.match(failureOf({ turns: [] }).message, /`messages` has nothing to answer/);
    assert.equal(failureOf({ turns: [] }).code, "invalid_parameter");
    assert.match(failureOf({ turns: [user(text(""))] }).message, /nothing to answer/);
  });

  test("a conversation compacted by another vendor is refused where nothing is before it", () => {
    const native = { dialect: "openai-responses" as const, value: {} };
    const compaction: Block = { type: "compaction", native };
    assert.match(failureOf({ turns: [assistant(compaction), hello] }).message, /compacted/);
    const result = written(requestOf({ turns: [hello, assistant(text("a"), compaction), hello] }));
    assert.deepEqual(lossPaths(result.losses), ["turns[1].blocks[1]: unsupported"]);
    const readable: Block = { type: "compaction", text: "so far", native };
    assert.match(JSON.stringify(written(requestOf({ turns: [assistant(readable), hello] })).body), /so far/);
  });
});
