import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sealOpaque } from "../../src/canonical/envelope.ts";
import { asString } from "../../src/lib/json.ts";
import { brokenRules } from "../support/responses-rules.ts";
import { inputOf, said, target, write } from "../support/responses-write.ts";

const tool = { type: "function", function: { name: "add", parameters: { type: "object", properties: {} } } };

describe("messages", () => {
  test("roles: developer where the model knows it, else system", () => {
    const body = {
      messages: [
        { role: "system", content: "a" },
        { role: "developer", content: "b" },
        { role: "user", content: "c" },
        { role: "system", content: "d" },
      ],
    };
    const roles = (model: string) => inputOf(write("openai-chat", body, target(model))).map(({ role }) => role);
    assert.deepEqual(roles("gpt-5"), ["developer", "developer", "user", "developer"]);
    assert.deepEqual(roles("qwen3"), ["system", "system", "user", "system"]);
  });

  test("an answer is one message, its calls are items, nothing has an id", () => {
    const written = write("openai-chat", {
      tools: [tool],
      messages: [
        { role: "user", content: "2+2, 3+3?" },
        {
          role: "assistant",
          content: "Let me see.",
          tool_calls: [
            { id: "call_1", type: "function", function: { name: "add", arguments: '{ "n":  12345678901234567890 }' } },
            { id: "call_2", type: "custom", custom: { name: "raw", input: "*** x" } },
          ],
        },
        { role: "tool", tool_call_id: "call_1", content: "4" },
        { role: "tool", tool_call_id: "call_2", content: [{ type: "text", text: "6" }] },
      ],
    });
    assert.deepEqual(inputOf(written), [
      { type: "message", role: "user", content: [{ type: "input_text", text: "2+2, 3+3?" }] },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "Let me see." }] },
      { type: "function_call", call_id: "call_1", name: "add", arguments: '{ "n":  12345678901234567890 }' },
      { type: "custom_tool_call", call_id: "call_2", name: "raw", input: "*** x" },
      { type: "function_call_output", call_id: "call_1", output: "4" },
      { type: "custom_tool_call_output", call_id: "call_2", output: "6" },
    ]);
    assert.deepEqual(written.losses, []);
  });

  test("a long call id is shortened the same way in the call and its output (83 characters)", () => {
    const id = `call_${"x".repeat(78)}`;
    const items = inputOf(
      write("openai-chat", {
        messages: [
          { role: "user", content: "?" },
          { role: "assistant", tool_calls: [{ id, type: "function", function: { name: "add", arguments: "{}" } }] },
          { role: "tool", tool_call_id: id, content: "4" },
        ],
      }),
    );
    const [call, output] = [asString(items[1]?.["call_id"]) ?? "", items[2]?.["call_id"]];
    assert.ok(call.length > 0 && call.length <= 64);
    assert.equal(output, call);
  });

  test("results: errors, pictures, several texts, nothing", () => {
    const uses = ["a", "b", "c", "d"].map((id) => ({ type: "tool_use", id, name: "add", input: {} }));
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgo=" } };
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: uses },
        {
          role: "user",
          content: [
            { type: "tool_result", tool_use_id: "a", content: "no such file", is_error: true },
            { type: "tool_result", tool_use_id: "b", content: [{ type: "text", text: "seen" }, image] },
            {
              type: "tool_result",
              tool_use_id: "c",
              content: [
                { type: "text", text: "x" },
                { type: "text", text: "y" },
              ],
            },
            { type: "tool_result", tool_use_id: "d" },
            { type: "text", text: "Go on." },
          ],
        },
      ],
    });
    const items = inputOf(written).slice(5);
    assert.deepEqual(
      items.slice(0, 4).map(({ output }) => output),
      [
        "[tool error] no such file",
        [
          { type: "input_text", text: "seen" },
          { type: "input_image", image_url: "data:image/png;base64,iVBORw0KGgo=" },
        ],
        [
          { type: "input_text", text: "x" },
          { type: "input_text", text: "y" },
        ],
        "",
      ],
    );
    assert.deepEqual(items[4], { type: "message", role: "user", content: [{ type: "input_text", text: "Go on." }] });
    assert.deepEqual(said(written.losses), ["emulated turns[2].blocks[0].isError"]);
  });

  test("a call that nobody answered is answered before the conversation goes on", () => {
    const written = write("openai-responses", {
      input: [
        { role: "user", content: "?" },
        { type: "function_call", call_id: "c", name: "add", arguments: "{}" },
        { type: "apply_patch_call", id: "apc_1", call_id: "p", status: "completed", operation: {} },
        { role: "user", content: "Never mind." },
      ],
    });
    assert.deepEqual(inputOf(written).slice(3, 5), [
      { type: "function_call_output", call_id: "c", output: "[tool error] [no result recorded]", name: "add" },
      { type: "apply_patch_call_output", call_id: "p", status: "failed", output: "[no result recorded]" },
    ]);
  });

  test("media: pictures, documents, texts", () => {
    const written = write("anthropic-messages", {
      messages: [
        {
          role: "user",
          content: [
            { type: "image", source: { type: "url", url: "https://x/y.png" } },
            {
              type: "document",
              source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
              title: "Report",
            },
            { type: "document", source: { type: "url", url: "https://x/y.pdf" } },
            { type: "document", source: { type: "text", media_type: "text/plain", data: "Once." }, title: "Tale" },
            { type: "search_result", source: "https://s", title: "S", content: [{ type: "text", text: "found" }] },
          ],
        },
      ],
    });
    assert.deepEqual(inputOf(written)[0]?.["content"], [
      { type: "input_image", image_url: "https://x/y.png" },
      { type: "input_file", filename: "Report", file_data: "data:application/pdf;base64,JVBERi0=" },
      { type: "input_file", file_url: "https://x/y.pdf" },
      { type: "input_text", text: "Document: Tale\n\nOnce." },
      { type: "input_text", text: "Search result: S\nSource: https://s\n\nfound" },
    ]);
    assert.deepEqual(said(written.losses), ["emulated turns[0].blocks[3]", "emulated turns[0].blocks[4]"]);
  });

  test("a picture of an answer is shown by the user", () => {
    const part = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
    const contents = [{ parts: [{ text: "Draw" }] }, { role: "model", parts: [part] }, { parts: [{ text: "Bluer" }] }];
    const written = write("gemini", { contents });
    assert.deepEqual(
      inputOf(written).map(({ role }) => role),
      ["user", "user", "user"],
    );
    assert.match(JSON.stringify(inputOf(written)[1]), /assistant's answer contained this image.*iVBORw0KGgo=/);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[0]"]);
  });

  test("a picture comes between an answer and its reasoning: what led to nothing else stays out", () => {
    const item = { type: "reasoning", id: "rs_1", summary: [], encrypted_content: "gAAA" };
    const opaque = { issuer: { provider: "openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
    const thought = { thought: true, text: "Hm", thoughtSignature: btoa(sealOpaque(opaque)) };
    const picture = { inlineData: { mimeType: "image/png", data: "iVBORw0KGgo=" } };
    const contents = [{ parts: [{ text: "Draw" }] }, { role: "model", parts: [thought, picture, { text: "There." }] }];
    const written = write("gemini", { contents });
    assert.deepEqual(brokenRules(written.body), []);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[1]", "repaired turns[1].blocks[0]"]);
  });

  test("Chat's files stay files, names of speakers have no place, a refusal is one", () => {
    const file = { type: "file", file: { filename: "a.csv", file_data: "data:text/csv;base64,YSxi" } };
    const written = write("openai-chat", {
      messages: [
        { role: "user", name: "ann", content: [file] },
        { role: "assistant", content: null, refusal: "No." },
        { role: "user", content: "" },
      ],
    });
    assert.deepEqual(inputOf(written), [
      {
        type: "message",
        role: "user",
        content: [{ type: "input_file", filename: "a.csv", file_data: "data:text/csv;base64,YSxi" }],
      },
      { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "No." }] },
      { type: "message", role: "user", content: [{ type: "input_text", text: "" }] },
    ]);
    assert.deepEqual(said(written.losses), ["unsupported turns[0].name"]);
  });

  test("another vendor's server tool is told in words", () => {
    const written = write("anthropic-messages", {
      messages: [
        { role: "user", content: "?" },
        {
          role: "assistant",
          content: [
            { type: "server_tool_use", id: "s", name: "web_search", input: { query: "cats" } },
            {
              type: "web_search_tool_result",
              tool_use_id: "s",
              content: [{ type: "web_search_result", url: "https://c", title: "C", encrypted_content: "SECRET" }],
            },
            { type: "text", text: "Cats." },
          ],
        },
      ],
    });
    assert.deepEqual(inputOf(written)[1]?.["content"], [
      { type: "output_text", text: 'Searched the web for "cats".' },
      { type: "output_text", text: "- C — https://c" },
      { type: "output_text", text: "Cats." },
    ]);
    assert.deepEqual(said(written.losses), ["emulated turns[1].blocks[0]", "emulated turns[1].blocks[1]"]);
  });

  test("cache marks: breakpoints where the model knows them, one loss where it does not", () => {
    const mark = (ttl?: string) => ({ cache_control: { type: "ephemeral", ...(ttl === undefined ? {} : { ttl }) } });
    const body = {
      system: [{ type: "text", text: "s", ...mark("1h") }],
      messages: [
        { role: "user", content: [{ type: "text", text: "u", ...mark("5m") }] },
        { role: "assistant", content: [{ type: "tool_use", id: "a", name: "add", input: {} }] },
        { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "4", ...mark() }] },
      ],
    };
    const written = write("anthropic-messages", body);
    const marks = [...JSON.stringify(written.body).matchAll(/"prompt_cache_breakpoint":(\{[^}]*\})/g)].map(
      (found) => found[1],
    );
    assert.deepEqual(marks, ['{"mode":"explicit","ttl":"12h"}', '{"mode":"explicit"}', '{"mode":"explicit"}']);
    assert.deepEqual(written.losses, []);
    const older = write("anthropic-messages", body, target("gpt-5"));
    assert.doesNotMatch(JSON.stringify(older.body), /breakpoint/);
    assert.deepEqual(said(older.losses), ["unsupported cache"]);
    assert.equal(inputOf(older).at(-1)?.["output"], "4");
  });
});

describe("reasoning in the history", () => {
  const item = {
    type: "reasoning",
    id: "rs_1",
    summary: [{ type: "summary_text", text: "Hm" }],
    encrypted_content: "gAAA",
  };
  const value = { issuer: { provider: "my-openai" }, kind: "openai.reasoning" as const, value: JSON.stringify(item) };
  const answered = (signature: string) => ({
    messages: [
      { role: "user", content: "?" },
      {
        role: "assistant",
        content: [
          { type: "thinking", thinking: "Hm", signature },
          { type: "tool_use", id: "a", name: "add", input: {} },
        ],
      },
      { role: "user", content: [{ type: "tool_result", tool_use_id: "a", content: "4" }] },
    ],
  });

  test("its issuer gets the item verbatim, right before what it led to", () => {
    const written = write("anthropic-messages", answered(sealOpaque(value)), target("gpt-5", { issuer: "my-openai" }));
    assert.deepEqual(inputOf(written).slice(1, 3), [
      item,
      { type: "function_call", call_id: "a", name: "add", arguments: "{}" },
    ]);
    assert.deepEqual(written.losses, []);
  });

  const others: readonly (readonly [string, string])[] = [
    ["another provider's item", sealOpaque({ ...value, issuer: { provider: "elsewhere" } })],
    ["Anthropic's own signature", "EqQBCg"],
    ["a value that is no item", sealOpaque({ ...value, value: "nonsense" })],
  ];
  for (const [what, signature] of others) {
    test(`${what} is left out, and so is its text`, () => {
      const written = write("anthropic-messages", answered(signature), target("gpt-5", { issuer: "my-openai" }));
      assert.doesNotMatch(JSON.stringify(written.body), /Hm|reasoning_text|"type":"reasoning"/);
      assert.deepEqual(said(written.losses), ["opaque-not-portable turns[1].blocks[0]"]);
    });
  }

  test("reasoning that led to nothing is refused by the API, so it stays out", () => {
    const native = { input: [{ role: "user", content: "?" }, item, { role: "user", content: "Well?" }, item] };
    const written = write("openai-responses", native);
    assert.doesNotMatch(JSON.stringify(written.body), /rs_1/);
    assert.deepEqual(said(written.losses), ["repaired turns[1].blocks[0]", "repaired turns[3].blocks[0]"]);
  });

  test("reasoning at the end of one phase belongs to the next", () => {
    const input = [
      { role: "user", content: "?" },
      { type: "message", role: "assistant", phase: "commentary", content: [{ type: "output_text", text: "Looking" }] },
      item,
      { type: "message", role: "assistant", phase: "final_answer", content: [{ type: "output_text", text: "4" }] },
    ];
    const written = write("openai-responses", { input });
    assert.deepEqual(inputOf(written).slice(1), input.slice(1));
    assert.deepEqual(written.losses, []);
  });

  test("item ids stay with their reasoning and go without it", () => {
    const message = { type: "message", id: "msg_1", role: "assistant", content: [{ type: "output_text", text: "4" }] };
    const user = { type: "message", role: "user", content: [{ type: "input_text", text: "?" }] };
    const { id: _id, ...bare } = message;
    const together = write("openai-responses", { input: [user, item, message] });
    assert.deepEqual(inputOf(together), [user, item, message]);
    assert.deepEqual(together.losses, []);
    const alone = write("openai-responses", { input: [user, message] });
    assert.deepEqual(inputOf(alone), [user, bare]);
    assert.deepEqual(said(alone.losses), ["repaired turns[1].blocks[0].id"]);
    const unkept = write("openai-responses", { input: [user, item, message], store: false });
    assert.deepEqual(inputOf(unkept), [user, item, bare]);
  });
});
