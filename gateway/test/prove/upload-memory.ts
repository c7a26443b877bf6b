/**
 * One gigabyte through /v1/audio/transcriptions, in the three ways in which a form can name its model: how much memory the
 * gateway takes for it. Fails when it is 30 MiB or more.
 *
 *   node gateway/test/prove/upload-memory.ts [MEBIBYTES]
 */
import { measureUploads, type UploadShape } from "../support/upload-memory.ts";

const GROWTH_MEBIBYTES_MAX = 30;

const mebibytes = Number(process.argv[2] ?? 1_024);
const shapes: readonly UploadShape[] = ["model-first", "model-last", "model-last-with-header"];
const measures = await measureUploads(mebibytes << 20, shapes);
for (const shape of shapes) {
  const { grownBytes, milliseconds, receivedBytes } = measures[shape];
  const grown = grownBytes / (1 << 20);
  const rate = receivedBytes / (1 << 20) / (milliseconds / 1_000);
  const verdict = grown < GROWTH_MEBIBYTES_MAX ? "✓" : "✗";
  process.stdout.write(
    `${verdict} ${shape.padEnd(24)} ${mebibytes} MiB: +${grown.toFixed(1)} MiB resident, ${(milliseconds / 1_000).toFixed(1)} s, ${rate.toFixed(0)} MiB/s\n`,
  );
  if (grown >= GROWTH_MEBIBYTES_MAX) process.exitCode = 1;
}
