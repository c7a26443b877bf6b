import assert from "node:assert/strict";
import { test } from "node:test";
import { PROGRESS_BYTES_MIN, StallWatch, type Receiver } from "../../src/http/stall-watch.ts";
import { fakeClock } from "../support/clock.ts";

class TestReceiver implements Receiver {
  received = 0;
  slot = -1;
  stalls = 0;
  readonly #watch: StallWatch;

  constructor(watch: StallWatch) {
    this.#watch = watch;
    watch.add(this);
  }

  stalled(): void {
    this.stalls += 1;
    this.#watch.delete(this);
  }
}

test("a receiver without progress is given up once the time is over, and only once", async () => {
  const clock = fakeClock();
  const receiver = new TestReceiver(new StallWatch(clock, 60_000));
  await clock.advance(60_000);
  assert.equal(receiver.stalls, 0);
  await clock.advance(2_000);
  assert.equal(receiver.stalls, 1);
  await clock.advance(600_000);
  assert.equal(receiver.stalls, 1);
});

test("exactly the least progress is progress, one byte less is none", async () => {
  const clock = fakeClock();
  const watch = new StallWatch(clock, 60_000);
  const [enough, short] = [new TestReceiver(watch), new TestReceiver(watch)];
  for (let minute = 0; minute < 5; minute += 1) {
    enough.received += PROGRESS_BYTES_MIN;
    if (minute === 0) short.received = PROGRESS_BYTES_MIN - 1;
    await clock.advance(50_000);
  }
  assert.deepEqual([enough.stalls, short.stalls], [0, 1]);
});

test("of many that come and go, exactly those that stay are given up", async () => {
  const clock = fakeClock();
  const watch = new StallWatch(clock, 60_000);
  const receivers = Array.from({ length: 200 }, () => new TestReceiver(watch));
  const leaves = (index: number) => (index * 7919) % 3 === 0;
  // Not in the order in which they came.
  for (const index of receivers.keys()) {
    const picked = (index * 77) % 200;
    if (leaves(picked)) watch.delete(receivers[picked]!);
  }
  await clock.advance(70_000);
  assert.deepEqual(
    receivers.map((receiver) => receiver.stalls),
    receivers.map((_, index) => (leaves(index) ? 0 : 1)),
  );
});
