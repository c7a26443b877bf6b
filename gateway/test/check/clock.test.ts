import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sleep } from "../../src/lib/clock.ts";
import { fakeClock } from "../support/clock.ts";

describe("fakeClock", () => {
  test("timers run in the order in which they are due, each at its own time", async () => {
    const clock = fakeClock();
    const ran: [string, number][] = [];
    for (const [name, delayMs] of [
      ["c", 30],
      ["a", 10],
      ["b", 10],
    ] as const) {
      clock.setTimer(() => ran.push([name, clock.now()]), delayMs);
    }
    await clock.advance(20);
    assert.deepEqual(ran, [
      ["a", 10],
      ["b", 10],
    ]);
    assert.equal(clock.now(), 20);
    await clock.advance(10);
    assert.deepEqual(ran.at(-1), ["c", 30]);
  });

  test("what a timer starts can set the next one within the same advance", async () => {
    const clock = fakeClock();
    const woken: number[] = [];
    const loop = async () => {
      for (let round = 0; round < 3; round += 1) {
        await sleep(clock, 10, new AbortController().signal);
        woken.push(clock.now());
      }
    };
    const done = loop();
    await clock.advance(100);
    await done;
    assert.deepEqual(woken, [10, 20, 30]);
  });

  test("cleared timers do not run, refreshed ones start their delay again, also after they ran", async () => {
    const clock = fakeClock();
    const ran: number[] = [];
    clock.setTimer(() => assert.fail("cleared"), 5).clear();
    const timer = clock.setTimer(() => ran.push(clock.now()), 10);
    await clock.advance(8);
    timer.refresh();
    await clock.advance(9);
    assert.deepEqual(ran, []);
    await clock.advance(1);
    timer.refresh();
    await clock.advance(10);
    assert.deepEqual(ran, [18, 28]);
  });

  test("both times move together", async () => {
    const clock = fakeClock(1000);
    await clock.advance(500);
    assert.deepEqual([clock.now(), clock.wall()], [500, 1500]);
  });
});
