import assert from "node:assert/strict";
import { test } from "node:test";
import { LineQueue, WAITING_LINES_MAX } from "../../src/record/line-queue.ts";

/** A place to write that answers when the test says so; lines are gathered until `gather` is called. */
function slowPlace(gathersByItself = true): {
  readonly queue: LineQueue<string>;
  readonly written: string[];
  gather: () => void;
  settle: (error?: Error) => Promise<void>;
} {
  const written: string[] = [];
  const scheduled: (() => void)[] = [];
  let pending: PromiseWithResolvers<void> | undefined;
  const place = {
    droppedLine: (dropped: number) => `[${dropped} dropped]\n`,
    write(lines: Uint8Array) {
      written.push(Buffer.from(lines).toString("utf8"));
      pending = Promise.withResolvers();
      return pending.promise;
    },
    schedule: (run: () => void) => (gathersByItself ? run() : void scheduled.push(run)),
  };
  const queue = new LineQueue(place, (line: string) => line);
  return {
    queue,
    written,
    gather: () => scheduled.shift()?.(),
    async settle(error) {
      if (error === undefined) pending?.resolve();
      else pending?.reject(error);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

test("lines are gathered, and written in one go", () => {
  const { queue, written, gather } = slowPlace(false);
  for (const line of ["a\n", "größe — 💡\n", "c\n"]) queue.push(line);
  assert.deepEqual(written, []);
  gather();
  assert.deepEqual(written, ["a\ngröße — 💡\nc\n"]);
});

test("while a place is busy lines wait, and go out together", async () => {
  const { queue, written, settle } = slowPlace();
  for (const line of ["a\n", "b\n", "c\n"]) queue.push(line);
  assert.deepEqual(written, ["a\n"]);
  await settle();
  assert.deepEqual(written, ["a\n", "b\nc\n"]);
});

test("whatever their sizes, all lines arrive, whole and in order", async () => {
  const { queue, written, settle } = slowPlace();
  const lines = [10, 30_000, 65_535, 70_000, 1, 200_000, 5, 21_000, 21_000, 21_000].map(
    (length, index) => `${index}${"é".repeat(length)}\n`,
  );
  for (const line of lines) queue.push(line);
  for (let turn = 0; turn < 20; turn += 1) await settle();
  assert.equal(written.join(""), lines.join(""));
});

test("what was gathered elsewhere comes between the other lines", async () => {
  const { queue, written, gather } = slowPlace(false);
  queue.push("a\n");
  queue.pushAll(Buffer.from("b\nc\n"));
  queue.push("d\n");
  gather();
  assert.deepEqual(written, ["a\nb\nc\nd\n"]);
});

test("a place that never answers costs the oldest lines, and their number is said where they are missing", async () => {
  const { queue, written, settle } = slowPlace();
  const count = WAITING_LINES_MAX + 1_000;
  for (let index = 0; index < count; index += 1) queue.push(`${index}\n`);
  for (let turn = 0; turn < count / 100; turn += 1) await settle();
  const [first, ...rest] = written.join("").trimEnd().split("\n");
  const dropped = Number(/^\[(\d+) dropped\]$/.exec(rest[0] ?? "")?.[1]);
  assert.equal(first, "0");
  assert.ok(dropped >= 999 && dropped < 1_300, String(dropped));
  assert.deepEqual(
    rest.slice(1),
    Array.from({ length: count - 1 - dropped }, (_, index) => String(1 + dropped + index)),
  );
});

test("a place that fails loses what it had, says so with the next, and goes on", async () => {
  const { queue, written, settle } = slowPlace();
  queue.push("a\n");
  queue.push("b\n");
  await settle(new Error("disk full"));
  assert.deepEqual(written, ["a\n", "[1 dropped]\nb\n"]);
});

test("flush waits for everything", async () => {
  const { queue, settle } = slowPlace(false);
  queue.push("a\n");
  let isFlushed = false;
  const flushed = queue.flush().then(() => {
    isFlushed = true;
  });
  queue.push("b\n");
  await settle();
  assert.equal(isFlushed, false);
  await settle();
  await flushed;
  assert.equal(isFlushed, true);
});
