import assert from "node:assert/strict";
import { test } from "node:test";
import { TurnQueue, type TurnTask } from "../../src/lib/turn-queue.ts";

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test("what one turn brings runs in a row when it ends, in order, before the promises that it settles are followed", async () => {
  const queue = new TurnQueue();
  const seen: string[] = [];
  const task = (name: string): TurnTask => ({
    runAtTurnEnd() {
      seen.push(name);
      void Promise.resolve().then(() => seen.push(`after ${name}`));
    },
  });
  queue.add(task("a"));
  queue.add(task("b"));
  await Promise.resolve();
  assert.deepEqual(seen, []);
  await nextTurn();
  assert.deepEqual(seen, ["a", "b", "after a", "after b"]);
});

test("what a task adds runs in the next turn, and a task that is added twice runs twice", async () => {
  const queue = new TurnQueue();
  let runs = 0;
  const again: TurnTask = {
    runAtTurnEnd() {
      runs += 1;
      if (runs === 1) queue.add(again);
    },
  };
  queue.add(again);
  queue.add(again);
  await nextTurn();
  assert.equal(runs, 2);
  await nextTurn();
  assert.equal(runs, 3);
  await nextTurn();
  assert.equal(runs, 3);
});
