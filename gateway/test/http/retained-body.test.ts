import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import type { Retained } from "./retained-body.child.ts";

/** Opens `streams` streams with bodies of `bodyBytes` each in a process of its own, which keeps the bodies itself if told to. */
async function retained(streams: number, bodyBytes: number, keeps = false): Promise<Retained> {
  const child = join(import.meta.dirname, "retained-body.child.ts");
  const { stdout } = await promisify(execFile)(process.execPath, [
    "--expose-gc",
    child,
    String(streams),
    String(bodyBytes),
    String(keeps),
  ]);
  return JSON.parse(stdout) as Retained;
}

test("a request body can be collected while its answer streams", async (context) => {
  const [large, small] = [await retained(1_000, 48 * 1_024), await retained(1_000, 1_024)];
  context.diagnostic(`48 KiB bodies: ${large.bytesPerStream} bytes per open stream, client and provider included`);
  context.diagnostic(`1 KiB bodies: ${small.bytesPerStream} bytes per open stream, client and provider included`);
  assert.deepEqual([large.bodiesAlive, small.bodiesAlive], [0, 0]);
  assert.ok(large.bytesPerStream - small.bytesPerStream < 4_096);
  const kept = await retained(100, 1_024, true);
  assert.equal(kept.bodiesAlive, 100, "the count cannot tell");
});
