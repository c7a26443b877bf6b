import type { Json } from "../../src/lib/json.ts";
import { parseJson } from "../../src/lib/json.ts";
import type { Random } from "../support/random.ts";
import type { Seeds } from "./seeds.ts";

/** Values that a reader may not expect where they stand. */
const hostile: readonly [Json, ...Json[]] = [
  null,
  "",
  [],
  {},
  0,
  -1,
  1.5,
  1e308,
  -1e-308,
  9_007_199_254_740_991,
  true,
  false,
  "\ud83d",
  "\ude00x",
  "null",
  "[DONE]",
  "__proto__",
  "constructor",
  "toString",
  "dg1.anthropic.signature.x.QQ",
  "data:image/png;base64,AA==",
  "data:,",
  "a".repeat(300),
  [[]],
  [null],
  [{}],
  { type: "text" },
  { text: null },
  { type: "function" },
  { "": "" },
  "text",
  "tool_use",
  "function_call",
  "user",
  "assistant",
  "system",
];

/** Texts that JSON may hold and no serialiser of ours writes. */
const rawTexts: readonly [string, ...string[]] = [
  "1e999",
  "-0",
  "123456789012345678901234567890",
  "1.0",
  '"\\ud800"',
  '"\\u0000"',
  '{"a":1,"a":2}',
  '{"__proto__":{"type":"text"}}',
  '"\u2028"',
  `${"[".repeat(100)}${"]".repeat(100)}`,
];

/** A value of its own each time: the changes that follow may change it as well. */
function hostileValue(random: Random): Json {
  const value = random.pick(hostile);
  return typeof value === "object" ? structuredClone(value) : value;
}

const nestings = 150;
const ARBITRARY_BYTES_MAX = 400;
const CHANGES_MAX = 4;

/** The next input of a kind: mostly recordings with a few values exchanged, also broken bytes and pure noise. */
export function makeInput(seeds: Seeds, random: Random): Buffer {
  const sample = pickFrom(seeds.samples, random);
  switch (random.below(20)) {
    case 0:
      return arbitraryBytes(random);
    case 1:
      return Buffer.from(JSON.stringify(arbitraryJson(random, 4)));
    case 2:
    case 3:
      return mutateBytes(sample, pickFrom(seeds.samples, random), random);
    case 4:
      return mutateBytes(mutateForm(seeds, sample, random), sample, random);
    default:
      return mutateForm(seeds, sample, random);
  }
}

function mutateForm(seeds: Seeds, sample: Uint8Array, random: Random): Buffer {
  switch (seeds.form) {
    case "json":
      return Buffer.from(mutateJson(text(sample), text(pickFrom(seeds.samples, random)), random));
    case "sse":
      return mutateStream(text(sample), text(pickFrom(seeds.samples, random)), random);
    case "bytes":
      return mutateBytes(sample, pickFrom(seeds.samples, random), random);
  }
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
}

function arbitraryBytes(random: Random): Buffer {
  const alphabet = random.pick(['{}[]":,\\ue0190.-\r\n tfn', "data: \r\n\r\n:{}[]event", undefined]);
  return Buffer.from(
    Array.from({ length: random.below(ARBITRARY_BYTES_MAX) }, () =>
      alphabet === undefined ? random.below(256) : alphabet.charCodeAt(random.below(alphabet.length)),
    ),
  );
}

export function arbitraryJson(random: Random, depth: number): Json {
  const kind = random.below(depth > 0 ? 4 : 2);
  if (kind < 2) return hostileValue(random);
  const length = random.below(4);
  if (kind === 2) return Array.from({ length }, () => arbitraryJson(random, depth - 1));
  const keys = ["type", "content", "text", "id", "name", "index", "delta", "parts", "role", "input"] as const;
  return Object.fromEntries(Array.from({ length }, () => [random.pick(keys), arbitraryJson(random, depth - 1)]));
}

/** Cuts, repeats, replaces and inserts bytes without knowing what they mean. */
function mutateBytes(sample: Uint8Array, other: Uint8Array, random: Random): Buffer {
  let bytes = Buffer.from(sample);
  for (let left = 1 + random.below(CHANGES_MAX); left > 0; left -= 1) {
    const at = random.below(bytes.length + 1);
    const to = Math.min(bytes.length, at + random.below(40));
    const [before, within, after] = [bytes.subarray(0, at), bytes.subarray(at, to), bytes.subarray(to)];
    const from = random.below(other.length + 1);
    const piece = random.pick<() => Uint8Array>([
      () => Buffer.alloc(0),
      () => Buffer.from([random.below(256)]),
      () => Buffer.concat([within, within]),
      () => other.subarray(from, from + random.below(200)),
      () => Buffer.from(random.pick(rawTexts)),
      () => Buffer.from(random.pick(["\r", "\n", "\r\n\r\n", '"', "\\", "{", "]", "\0", ":", ","])),
    ])();
    const isCut = random.below(12) === 0;
    bytes = isCut ? Buffer.from(before) : Buffer.concat([before, piece, after]);
  }
  return bytes;
}

/** A JSON text with some of its values exchanged, dropped, doubled or wrapped; broken samples are treated as bytes. */
export function mutateJson(sample: string, other: string, random: Random): string {
  const tree = parseJson(sample);
  if (tree === undefined) return mutateBytes(Buffer.from(sample), Buffer.from(other), random).toString();
  const root: Json[] = [tree];
  // Readers refuse most of what is wrong, so that a single change reaches furthest.
  const changes = random.below(3) === 0 ? 1 + random.below(CHANGES_MAX) : 1;
  for (let left = changes; left > 0; left -= 1) changeOne(root, other, random);
  const written = JSON.stringify(root[0] ?? null);
  return random.below(10) === 0 ? changeText(written, random) : written;
}

function changeOne(root: Json[], other: string, random: Random): void {
  const { holder, key } = pickPlace(root, random);
  const value = holder[key] ?? null;
  switch (random.below(9)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return;
    case 1:
      if (Array.isArray(holder)) holder.push(value);
      else put(holder, `${key}_`, value);
      return;
    case 2: {
      const donor = [parseJson(other) ?? null];
      const place = pickPlace(donor, random);
      return put(holder, key, place.holder[place.key] ?? null);
    }
    case 3:
      return put(holder, key, random.below(8) === 0 ? nested(value, nestings) : [value]);
    case 4:
      return put(holder, random.pick(["__proto__", "type", "id", "index", "name", "extra"]), hostileValue(random));
    case 5:
      return put(holder, key, typeof value === "string" ? changeString(value, random) : JSON.stringify(value));
    default:
      return put(holder, key, hostileValue(random));
  }
}

function nested(value: Json, depth: number): Json {
  let result = value;
  for (let left = depth; left > 0; left -= 1) result = left % 2 === 0 ? [result] : { items: result };
  return result;
}

function changeString(value: string, random: Random): string {
  const at = random.below(value.length + 1);
  const piece = random.pick(["\ud83d", "\ude00", "\u0000", " ", '"', "😀", "}", "a".repeat(100)]);
  return random.below(4) === 0 ? value.slice(0, at) : value.slice(0, at) + piece + value.slice(at);
}

/** What cannot be said by a tree: repeated keys, numbers beyond a double. */
function changeText(written: string, random: Random): string {
  const from = random.below(written.length);
  const brace = written.indexOf("{", from);
  if (brace >= 0 && random.below(2) === 0) {
    const key = /"(?:[^"\\]|\\.)*"(?=:)/.exec(written.slice(brace + 1, brace + 200))?.[0] ?? '"a"';
    const comma = written[brace + 1] === "}" ? "" : ",";
    return `${written.slice(0, brace + 1)}${key}:${random.pick(rawTexts)}${comma}${written.slice(brace + 1)}`;
  }
  return (
    written.slice(0, from) +
    written.slice(from).replace(/:("[^"\\]*"|-?\d+|null|true|false)/, `:${random.pick(rawTexts)}`)
  );
}

type Holder = Json[] | { [key: string]: Json | undefined };
type Place = { readonly holder: { [key: string]: Json | undefined }; readonly key: string };

/** A place of the tree in reach of a walk from its root, deeper ones included. */
function pickPlace(root: Json[], random: Random): Place {
  let holder: Holder = root;
  let key = "0";
  for (let left = 1 + random.below(12); left > 0; left -= 1) {
    const value: Json | undefined = Array.isArray(holder) ? holder[Number(key)] : holder[key];
    if (typeof value !== "object" || value === null) break;
    const keys = Object.keys(value);
    if (keys.length === 0) break;
    holder = value;
    key = keys[random.below(keys.length)] ?? "0";
  }
  // Arrays take number-like keys as objects do; one type keeps the changes simple.
  return { holder: holder as Place["holder"], key };
}

function put(holder: { [key: string]: Json | undefined }, key: string, value: Json): void {
  // An assignment to `__proto__` would set the prototype; a parser makes a member of it.
  if (key === "__proto__") {
    Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
  } else holder[key] = value;
}

/** A stream with some frames changed, dropped, doubled, exchanged or taken from another stream. */
function mutateStream(sample: string, other: string, random: Random): Buffer {
  const frames = framesOf(sample);
  const others = framesOf(other);
  for (let left = 1 + random.below(CHANGES_MAX); left > 0; left -= 1) {
    const at = random.below(frames.length + 1);
    const frame = frames[at] ?? "";
    switch (random.below(8)) {
      case 0:
        frames.splice(at, 1);
        break;
      case 1:
        frames.splice(at, 0, frame);
        break;
      case 2:
        frames.splice(random.below(frames.length + 1), 0, ...frames.splice(at, 1));
        break;
      case 3:
        frames.splice(at, 0, others[random.below(others.length)] ?? "");
        break;
      case 4:
        if (random.below(3) === 0) frames.length = at;
        break;
      default:
        if (at < frames.length) frames[at] = changeFrame(frame, others[random.below(others.length)] ?? "", random);
    }
  }
  return Buffer.from(frames.join(""));
}

function framesOf(stream: string): string[] {
  return stream.match(/[^]+?(?:\r?\n\r?\n|$)/g) ?? [];
}

const DATA_LINE = /^data: ?(.*)$/m;

function changeFrame(frame: string, other: string, random: Random): string {
  const data = DATA_LINE.exec(frame)?.[1];
  if (data === undefined) return frame;
  const changed = mutateJson(data, DATA_LINE.exec(other)?.[1] ?? "null", random);
  return frame.replace(DATA_LINE, () => `data: ${changed}`);
}

function pickFrom<T>(values: readonly T[], random: Random): T {
  const value = values[random.below(values.length)];
  if (value === undefined) throw new Error("nothing to choose from");
  return value;
}
