import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formReader, PART_HEAD_BYTES_MAX, PARTS_MAX, type FormEvent } from "../../src/framing/multipart.ts";
import { cut } from "../support/slicing.ts";
import { readBoundary, readPartHead } from "../../src/framing/multipart-head.ts";

type Part = { readonly head: string; readonly content: Uint8Array | string };

const named = (name: string, content: Part["content"], more = ""): Part => ({
  head: `Content-Disposition: form-data; name="${name}"${more}`,
  content,
});

function form(boundary: string, parts: readonly Part[]): Buffer {
  const written = parts.flatMap(({ head, content }) => [
    Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
    Buffer.from(content),
    Buffer.from("\r\n"),
  ]);
  return Buffer.concat([...written, Buffer.from(`--${boundary}--\r\n`)]);
}

type Read = { readonly events: readonly FormEvent[]; readonly problem: string | undefined };

function read(bytes: Uint8Array, boundary: string, cuts: readonly number[] = []): Read {
  const reader = formReader(boundary);
  const events: FormEvent[] = [];
  for (const piece of cut(bytes, cuts)) {
    const pushed = reader.push(piece);
    if (!pushed.ok) return { events, problem: pushed.error };
    events.push(...pushed.value);
  }
  const ended = reader.end();
  return { events, problem: ended.ok ? undefined : ended.error };
}

function bytesOf(events: readonly FormEvent[]): Buffer {
  return Buffer.concat(events.flatMap((event) => ("bytes" in event ? [event.bytes] : [])));
}

/** Names and contents, put together. */
function fieldsOf(events: readonly FormEvent[]): [string, string][] {
  const fields: [string, string][] = [];
  for (const event of events) {
    if (event.kind === "part") fields.push([event.head.name, ""]);
    const last = fields.at(-1);
    if (event.kind === "content" && last !== undefined) last[1] += Buffer.from(event.bytes).toString("latin1");
  }
  return fields;
}

const boundary = "b0unDary";

/** Contents that come as close to a boundary as they may. */
const near = [
  "\r",
  "\n",
  "\r\n",
  "--",
  "-",
  `--${boundary}`,
  `\r\n-${boundary}`,
  "\r\n--b0un",
  `\r--${boundary}`,
  "é",
  "x",
];
const content = fc
  .array(fc.constantFrom(...near), { maxLength: 8 })
  .map((pieces) => pieces.join(""))
  .filter((text) => !`\r\n${text}`.includes(`\r\n--${boundary}`));
const parts = fc.array(fc.record({ name: fc.constantFrom("model", "file", "prompt", "image[]"), text: content }), {
  minLength: 1,
  maxLength: 6,
});

test("any form, cut anywhere: the bytes come out as they went in, and the fields are those that were written", () => {
  fc.assert(
    fc.property(parts, fc.array(fc.nat(400), { maxLength: 12 }), (fields, cuts) => {
      const written = fields.map(({ name, text }) => named(name, Buffer.from(text, "latin1")));
      const bytes = form(boundary, written);
      const { events, problem } = read(bytes, boundary, cuts);
      assert.equal(problem, undefined);
      assert.ok(bytesOf(events).equals(bytes));
      assert.deepEqual(
        fieldsOf(events),
        fields.map(({ name, text }) => [name, text]),
      );
    }),
    { numRuns: 400, seed: 7 },
  );
});

test("byte by byte is the same as at once", () => {
  const bytes = form(boundary, [
    named("file", "\r\n--b0unDar\r\n-\r", '; filename="a.wav"'),
    named("model", "whisper-1"),
  ]);
  const cuts = Array.from({ length: bytes.length }, (_, index) => index);
  assert.deepEqual(fieldsOf(read(bytes, boundary, cuts).events), fieldsOf(read(bytes, boundary).events));
});

test("no bytes whatever make it throw, and what it answers is never more than it was given", () => {
  const scrap = fc.oneof(
    fc.uint8Array({ maxLength: 60 }),
    fc
      .constantFrom(`--${boundary}`, "\r\n", "\r\n\r\n", "--", 'Content-Disposition: form-data; name="a"', ";", '"')
      .map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(fc.array(scrap, { maxLength: 20 }), fc.array(fc.nat(200), { maxLength: 4 }), (pieces, cuts) => {
      const bytes = Buffer.concat(pieces);
      const { events } = read(bytes, boundary, cuts);
      const given = bytesOf(events);
      assert.ok(bytes.subarray(0, given.length).equals(given));
    }),
    { numRuns: 1_000, seed: 11 },
  );
});

const head = 'Content-Disposition: form-data; name="a"';
const broken: readonly { readonly name: string; readonly bytes: string }[] = [
  { name: "no boundary at all", bytes: "model=whisper-1" },
  {
    name: "text before the first boundary",
    bytes: `hello\r\n--${boundary}\r\n${head}\r\n\r\nx\r\n--${boundary}--\r\n`,
  },
  { name: "another boundary than announced", bytes: `--other\r\n${head}\r\n\r\nx\r\n--other--\r\n` },
  { name: "no closing boundary", bytes: `--${boundary}\r\n${head}\r\n\r\nx` },
  { name: "cut in the headers of a part", bytes: `--${boundary}\r\nContent-Disp` },
  { name: "cut inside the closing boundary", bytes: `--${boundary}\r\n${head}\r\n\r\nx\r\n--${boundary}-` },
  { name: "nothing", bytes: "" },
  {
    name: "a second form behind the first",
    bytes: `--${boundary}\r\n${head}\r\n\r\nx\r\n--${boundary}--\r\n--${boundary}\r\n`,
  },
  {
    name: "a line that begins like the boundary",
    bytes: `--${boundary}\r\n${head}\r\n\r\nx\r\n--${boundary}X\r\n${head}\r\n\r\ny`,
  },
  { name: "line feeds alone", bytes: `--${boundary}\n${head}\n\nx\n--${boundary}--\n` },
  {
    name: "a boundary right behind the headers",
    bytes: `--${boundary}\r\n${head}\r\n\r\n--${boundary}\r\n${head}\r\n\r\nx\r\n--${boundary}--\r\n`,
  },
  { name: "a part without a name", bytes: `--${boundary}\r\nContent-Type: text/plain\r\n\r\nx\r\n--${boundary}--\r\n` },
  { name: "a part named twice", bytes: `--${boundary}\r\n${head}; name="model"\r\n\r\nx\r\n--${boundary}--\r\n` },
  {
    name: "a part with two dispositions",
    bytes: `--${boundary}\r\n${head}\r\n${head}\r\n\r\nx\r\n--${boundary}--\r\n`,
  },
  {
    name: "a coded part",
    bytes: `--${boundary}\r\n${head}\r\nContent-Transfer-Encoding: base64\r\n\r\neA==\r\n--${boundary}--\r\n`,
  },
  { name: "a bare line feed in a header", bytes: `--${boundary}\r\n${head}\nX: y\r\n\r\nx\r\n--${boundary}--\r\n` },
];

for (const { name, bytes } of broken) {
  test(`refused: ${name}`, () => {
    for (const cuts of [[], Array.from({ length: bytes.length }, (_, index) => index)]) {
      assert.notEqual(read(Buffer.from(bytes), boundary, cuts).problem, undefined);
    }
  });
}

test("accepted: a line break before the first boundary, white space behind one, none behind the last", () => {
  const bytes = `\r\n--${boundary} \t\r\n${head}\r\n\r\n\r\n--${boundary}--`;
  const { events, problem } = read(Buffer.from(bytes), boundary);
  assert.equal(problem, undefined);
  assert.deepEqual(fieldsOf(events), [["a", ""]]);
});

test(`a part's headers of ${PART_HEAD_BYTES_MAX} bytes are read, one byte more is refused`, () => {
  const padded = (length: number) => `${head}\r\nX: ${"a".repeat(length - head.length - 5)}`;
  for (const cuts of [[], [500, 9_000, 16_390]]) {
    const most = form(boundary, [{ head: padded(PART_HEAD_BYTES_MAX), content: "x" }]);
    assert.equal(read(most, boundary, cuts).problem, undefined);
    const more = form(boundary, [{ head: padded(PART_HEAD_BYTES_MAX + 1), content: "x" }]);
    assert.match(read(more, boundary, cuts).problem ?? "", /larger than/);
  }
});

test(`${PARTS_MAX} parts are read, one more is refused`, () => {
  const of = (count: number) =>
    form(
      boundary,
      Array.from({ length: count }, () => named("a", "x")),
    );
  assert.equal(read(of(PARTS_MAX), boundary).problem, undefined);
  assert.match(read(of(PARTS_MAX + 1), boundary).problem ?? "", /more than 1000 parts/);
});

test("megabytes of content are held by no more than a boundary's length", () => {
  const reader = formReader(boundary);
  reader.push(Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`));
  for (let round = 0; round < 64; round += 1) {
    const chunk = Buffer.alloc(65_536, "\r\n--b0unDar");
    const pushed = reader.push(chunk);
    const given = pushed.ok ? bytesOf(pushed.value).length : 0;
    assert.ok(given >= chunk.length - boundary.length - 4);
  }
});

const heads: readonly (readonly [string, string | undefined])[] = [
  ['Content-Disposition: form-data; name="model"', "model"],
  ["content-disposition: form-data; name=model", "model"],
  ['Content-Disposition: FORM-DATA;name="a b" ; filename="x.wav"', "a b"],
  ['Content-Disposition: form-data; name="mo\\del"', "model"],
  ['Content-Disposition: form-data; name="quote\\"d"', 'quote"d'],
  ['Content-Disposition: form-data; filename="name=model"; name="file"', "file"],
  ["Content-Disposition: form-data; name*=UTF-8''model; name=x", undefined],
  ["Content-Disposition: form-data", undefined],
  ['Content-Disposition: attachment; name="model"', undefined],
  ['Content-Disposition: form-data; name="unclosed', undefined],
  ['Content-Disposition : form-data; name="model"', undefined],
  ['Content-Disposition: form-data;\r\n name="model"', undefined],
];
for (const [block, name] of heads) {
  test(`the field of ${JSON.stringify(block)} is ${name ?? "refused"}`, () => {
    const found = readPartHead(block);
    assert.equal(found.ok ? found.value.name : undefined, name);
  });
}

const types: readonly (readonly [string, string | undefined])[] = [
  ["multipart/form-data; boundary=abc", "abc"],
  ['Multipart/Form-Data; charset=utf-8; boundary="a b:c"', "a b:c"],
  ["multipart/form-data;boundary=----WebKitFormBoundaryABC", "----WebKitFormBoundaryABC"],
  [`multipart/form-data; boundary=${"a".repeat(70)}`, "a".repeat(70)],
  [`multipart/form-data; boundary=${"a".repeat(71)}`, undefined],
  ["multipart/form-data", undefined],
  ["multipart/form-data; boundary=", undefined],
  ["multipart/form-data; boundary=a; boundary=b", undefined],
  ['multipart/form-data; boundary="a\r\nb"', undefined],
  ["multipart/mixed; boundary=abc", undefined],
  ["application/json", undefined],
];
for (const [type, expected] of types) {
  test(`the boundary of ${JSON.stringify(type.slice(0, 60))} is ${expected?.slice(0, 20) ?? "refused"}`, () => {
    assert.equal(readBoundary(type), expected);
  });
}
