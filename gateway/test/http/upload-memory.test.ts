import assert from "node:assert/strict";
import { test } from "node:test";
import { measureUploads, type UploadShape } from "../support/upload-memory.ts";

const FILE_BYTES = 64 << 20;
/** The same bound as for a gigabyte, which test/prove/upload-memory.ts sends. */
const GROWTH_BYTES_MAX = 30 << 20;

const shapes: readonly UploadShape[] = ["model-first", "model-last", "model-last-with-header"];

test("64 MiB of sound pass through in a fraction of their size, wherever the form names its model", async (context) => {
  const measures = await measureUploads(FILE_BYTES, shapes);
  for (const shape of shapes) {
    const { grownBytes, receivedBytes, milliseconds } = measures[shape];
    context.diagnostic(`${shape}: +${(grownBytes / (1 << 20)).toFixed(1)} MiB, ${Math.round(milliseconds)} ms`);
    assert.ok(receivedBytes > FILE_BYTES && receivedBytes < FILE_BYTES + 1_000, `${receivedBytes} bytes arrived`);
    assert.ok(grownBytes < GROWTH_BYTES_MAX, `${shape}: ${grownBytes} bytes more`);
  }
});
