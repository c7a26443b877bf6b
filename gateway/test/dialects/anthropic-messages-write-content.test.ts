import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Json } from "../../src/lib/json.ts";
import {
  chat,
  lossesOf,
  messagesOf,
  responses,
  tryWrite,
  user,
  withoutMarks,
} from "../support/anthropic-messages-write.ts";

describe("content", () => {
  const refusals: readonly (readonly [name: string, part: Json, words: RegExp])[] = [
    ["sound", { type: "input_audio", input_audio: { data: "UklGRg==", format: "wav" } }, /no audio/],
    ["a file of OpenAI's", { type: "file", file: { file_id: "file-1" } }, /only the provider that stores it/],
    [
      "an image of a strange type",
      { type: "image_url", image_url: { url: "data:image/tiff;base64,AAAA" } },
      /image\/tiff/,
    ],
    ["a document of a strange type", { type: "file", file: { file_data: "data:application/zip;base64,AAAA" } }, /zip/],
  ];
  for (const [name, part, words] of refusals) {
    test(`${name} is refused`, () => {
      const written = tryWrite("openai-chat", { messages: [user([part])] });
      assert.match(written.ok ? "" : written.error.message, words);
      assert.equal(written.ok ? "" : written.error.param, "messages[0]");
    });
  }

  test("pictures by their bytes, documents as PDF, text or address", () => {
    const written = chat({
      messages: [
        user([
          { type: "image_url", image_url: { url: "data:image/jpeg;base64,iVBORw0KGgoAAAA=" } },
          { type: "file", file: { filename: "a.pdf", file_data: "data:application/pdf;base64,JVBERi0=" } },
          { type: "file", file: { filename: "a.md", file_data: "data:text/markdown;base64,SGk=" } },
        ]),
      ],
    });
    assert.deepEqual(withoutMarks(messagesOf(written)[0]?.["content"] ?? null), [
      { type: "image", source: { type: "base64", media_type: "image/png", data: "iVBORw0KGgoAAAA=" } },
      {
        type: "document",
        source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" },
        title: "a.pdf",
      },
      { type: "document", source: { type: "text", media_type: "text/plain", data: "Hi" }, title: "a.md" },
    ]);
    assert.deepEqual(lossesOf(written), []);
  });

  test("what another vendor searched for is told as text", () => {
    const written = responses({
      input: [
        { role: "user", content: "x" },
        { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "cats" } },
        { role: "assistant", content: "Cats." },
        { role: "user", content: "more" },
      ],
    });
    assert.match(JSON.stringify(messagesOf(written)[1]), /Searched the web for \\"cats\\"/);
    assert.deepEqual(lossesOf(written), ["emulated turns[1].blocks[0]"]);
  });

  test("a conversation that another provider keeps is refused", () => {
    const written = tryWrite("openai-responses", { input: "x", previous_response_id: "resp_1" });
    assert.equal(written.ok ? "" : written.error.param, "previous_response_id");
  });

  test("an address of e-mail does not reach the provider", () => {
    const written = chat({ user: "jane@example.com" });
    assert.ok(!JSON.stringify(written.body).includes("jane"));
    assert.deepEqual(lossesOf(written), ["repaired identity.endUser"]);
    assert.deepEqual(chat({ user: "u1", safety_identifier: "s1" }).body["metadata"], { user_id: "s1" });
  });
});
