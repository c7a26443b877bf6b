/** Identifiers that we make. Passed in, so that tests see the same ones every time. */
export interface Ids {
  /** One per exchange: `req_` and 26 characters, sortable by time of creation. */
  requestId(): string;
}

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"; // Crockford base 32, as in ULID: no I, L, O, U.
const RANDOM_CHARACTERS = 16;
const POOL_PAIRS = 2048;
/** Two characters of ten random bits: half as many steps as one by one. */
const PAIRS = Array.from({ length: 1024 }, (_, bits) => ALPHABET.charAt(bits >> 5) + ALPHABET.charAt(bits & 31));

/** ULIDs: 48 bits of time, 80 bits of randomness, drawn from the system in blocks because a system call per request is dear. */
export function systemIds(wall: () => number = Date.now): Ids {
  const pool = new Uint16Array(POOL_PAIRS);
  let used = POOL_PAIRS;
  // Thousands of ids share a millisecond.
  const time = { unixMs: -1, text: "" };
  return {
    requestId() {
      if (used === POOL_PAIRS) {
        crypto.getRandomValues(pool);
        used = 0;
      }
      let random = "";
      for (let index = 0; index < RANDOM_CHARACTERS / 2; index += 1) random += PAIRS[pool[used + index]! & 1023]!;
      used += RANDOM_CHARACTERS / 2;
      const unixMs = wall();
      if (unixMs !== time.unixMs) {
        time.unixMs = unixMs;
        time.text = `req_${encodeTime(unixMs)}`;
      }
      return time.text + random;
    },
  };
}

function encodeTime(unixMs: number): string {
  let rest = unixMs;
  let text = "";
  for (let index = 0; index < 10; index += 1) {
    text = ALPHABET[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
