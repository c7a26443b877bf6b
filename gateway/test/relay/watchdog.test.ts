import assert from "node:assert/strict";
import { test } from "node:test";
import { Registry } from "../../src/lib/registry.ts";
import { createWatchdogs, TICK_MS, type DeadlineName } from "../../src/relay/watchdog.ts";
import { fakeClock } from "../support/clock.ts";

function watched() {
  const clock = fakeClock();
  const watchdogs = createWatchdogs(clock);
  const expired: DeadlineName[] = [];
  const open = () => {
    const watchdog = watchdogs.open();
    watchdog.listen((name) => expired.push(name));
    return watchdog;
  };
  return { clock, expired, open };
}

test("a deadline expires within a tick after its time, once", async () => {
  const { clock, expired, open } = watched();
  open().set("idle", 1_000);
  await clock.advance(999);
  assert.deepEqual(expired, []);
  await clock.advance(TICK_MS + 1);
  assert.deepEqual(expired, ["idle"]);
  await clock.advance(10_000);
  assert.deepEqual(expired, ["idle"]);
});

test("a deadline that is pushed back does not expire at its old time", async () => {
  const { clock, expired, open } = watched();
  const watchdog = open();
  for (let count = 0; count < 20; count += 1) {
    watchdog.set("idle", 1_000);
    await clock.advance(500);
  }
  assert.deepEqual(expired, []);
  await clock.advance(700);
  assert.deepEqual(expired, ["idle"]);
});

test("an earlier deadline set later comes first; a cleared one never", async () => {
  const { clock, expired, open } = watched();
  const watchdog = open();
  watchdog.set("total", 5_000);
  watchdog.set("first-byte", 1_000);
  watchdog.set("commit", 500);
  watchdog.clear("commit");
  await clock.advance(1_200);
  assert.deepEqual(expired, ["first-byte"]);
  await clock.advance(4_000);
  assert.deepEqual(expired, ["first-byte", "total"]);
});

test("a stopped watchdog is silent, also when it is stopped by another deadline's expiry", async () => {
  const clock = fakeClock();
  const watchdog = createWatchdogs(clock).open();
  const expired: DeadlineName[] = [];
  watchdog.listen((name) => {
    expired.push(name);
    watchdog.stop();
  });
  watchdog.set("idle", 100);
  watchdog.set("total", 100);
  await clock.advance(1_000);
  assert.deepEqual(expired, ["idle"]);
});

test("a registry lets members leave in any order, twice, and while it is walked", () => {
  const registry = new Registry<{ slot: number; readonly name: string }>();
  const members = ["a", "b", "c", "d"].map((name) => ({ slot: -1, name }));
  for (const member of members) registry.add(member);
  registry.add(members[0] ?? { slot: -1, name: "" });
  assert.equal(registry.size, 4);
  const seen: string[] = [];
  for (const member of registry.all()) {
    seen.push(member.name);
    registry.delete(member);
    registry.delete(member);
  }
  assert.deepEqual(seen, ["a", "b", "c", "d"]);
  assert.equal(registry.size, 0);
});
