import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { asNumber, asObject, parseJson } from "../../src/lib/json.ts";

/** Code and what the engine learns of it are some three hundred bytes a stream here; a single old object of a stream keeps a thousand. */
const BYTES_MAX = 700;

const hi = [{ role: "user", content: "hi" }];
const clients = {
  "as it comes": ["/v1/chat/completions", { model: "m", stream: true, messages: hi }],
  translated: ["/v1/messages", { model: "m", max_tokens: 9, stream: true, messages: hi }],
} as const;

for (const [how, [target, body]] of Object.entries(clients)) {
  test(`an answer that has been streamed ${how} is gone with the next young collection`, async (context) => {
    const child = join(import.meta.dirname, "young-garbage.child.ts");
    const args = ["--expose-gc", child, target, JSON.stringify(body), "2000"];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    const bytes = asNumber(asObject(parseJson(stdout))?.["bytesPerStream"]) ?? Infinity;
    context.diagnostic(`${bytes} bytes per stream`);
    assert.ok(bytes < BYTES_MAX, `${bytes} bytes of each stream are kept`);
  });
}
