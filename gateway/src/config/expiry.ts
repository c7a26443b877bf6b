const DAY_MS = 86_400_000;

/**
 * Unix milliseconds at which a key stops working. A day (`2027-01-31`) counts to its end in UTC; a moment needs its time
 * zone (`2027-01-31T12:00:00Z`, `…+01:00`). Undefined for anything else, also for days that no calendar has.
 */
export function readExpiry(text: string): number | undefined {
  const day = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2}))?$/.exec(text)?.[1];
  if (day === undefined) return undefined;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // `Date.parse` turns 2027-02-30 into the second of March.
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
  if (text === day) return midnight + DAY_MS;
  const moment = Date.parse(text);
  return Number.isNaN(moment) ? undefined : moment;
}
