import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isoTime } from "../../src/lib/iso-time.ts";

test("a time is spelt as Date spells it", () => {
  const times = fc.integer({ min: 0, max: Date.UTC(9999, 11, 31) });
  fc.assert(
    fc.property(times, (unixMs) => {
      for (const each of [unixMs, unixMs + 1, unixMs + 999, unixMs]) {
        assert.equal(isoTime(each), new Date(each).toISOString());
      }
    }),
  );
});
