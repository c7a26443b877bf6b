import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { crc32 as zlibCrc32 } from "node:zlib";
import fc from "fast-check";
import { FrameTooLargeError } from "../../src/framing/framer.ts";
import { crc32 } from "../../src/lib/crc32.ts";
import { awsEvent, awsException, awsMessage, sealMessage } from "../support/aws-messages.ts";
import { cut, frameAll } from "../support/slicing.ts";
import { checkConservation, checkFraming, type FramingCase } from "./check.ts";

/* Messages that `@smithy/eventstream-codec` 4.5.2, AWS's own codec, has written. */
const smithy = {
  event:
    "AAAAdgAAAFKW1freCzpldmVudC10eXBlBwAMbWVzc2FnZVN0YXJ0DTpjb250ZW50LXR5cGUHABBhcHBsaWNhdGlvbi9qc29uDTptZXNzYWdlLXR5cGUHAAVldmVudHsicm9sZSI6ImFzc2lzdGFudCJ9b6jFmQ==",
  exception:
    "AAAAsAAAAGFPUIazDzpleGNlcHRpb24tdHlwZQcAE3Rocm90dGxpbmdFeGNlcHRpb24NOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcACWV4Y2VwdGlvbnsibWVzc2FnZSI6IlRvbyBtYW55IHRva2VucywgcGxlYXNlIHdhaXQgYmVmb3JlIHRyeWluZyBhZ2Fpbi4iffcK5X8=",
  error:
    "AAAAagAAAFo9HghvCzplcnJvci1jb2RlBwAPSW50ZXJuYWxGYWlsdXJlDjplcnJvci1tZXNzYWdlBwAUU29tZXRoaW5nIHdlbnQgd3JvbmcNOm1lc3NhZ2UtdHlwZQcABWVycm9yV05jOg==",
  // One header of each type.
  allTypes:
    "AAAAjQAAAGhvPUIgAWEAAWIBAWMC/QFkA/7UAWUEAAERcAFmBgADAQIDAWcIAAABi8/laAABaAkBI0VniavN7wEjRWeJq83vCzpldmVudC10eXBlBwAHZ3LDtsOfZQ06bWVzc2FnZS10eXBlBwAFZXZlbnR7InRleHQiOiLwn5GL8J+PvcOpIn1j1e6Q",
  bare: "AAAAEAAAAAAFwkjrfZjI/w==",
} as const;

const bytes = (base64: string) => Buffer.from(base64, "base64");
const start = { event: "messageStart", data: '{"role":"assistant"}' };
const unreadable = { event: "", data: "(a message with a wrong checksum or broken headers)" };

/** The message with one of its bytes changed. */
function damaged(message: Buffer, at: number): Buffer {
  const copy = Buffer.from(message);
  copy.writeUInt8(copy.readUInt8(at) ^ 1, at);
  return copy;
}

const cases: readonly FramingCase[] = [
  { name: "nothing", input: "", payloads: [] },
  { name: "an event", input: bytes(smithy.event), payloads: [start] },
  {
    name: "several messages",
    input: Buffer.concat([
      bytes(smithy.event),
      bytes(smithy.event),
      awsEvent("messageStop", { stopReason: "end_turn" }),
    ]),
    payloads: [start, start, { event: "messageStop", data: '{"stopReason":"end_turn"}' }],
  },
  {
    name: "an exception",
    input: bytes(smithy.exception),
    payloads: [
      {
        event: "exception:throttlingException",
        data: '{"message":"Too many tokens, please wait before trying again."}',
      },
    ],
  },
  {
    name: "an error of the transport",
    input: bytes(smithy.error),
    payloads: [{ event: "error:InternalFailure", data: '{"message":"Something went wrong"}' }],
  },
  {
    name: "headers of all types, text of several bytes",
    input: bytes(smithy.allTypes),
    payloads: [{ event: "größe", data: '{"text":"👋🏽é"}' }],
  },
  { name: "a message of nothing", input: bytes(smithy.bare), payloads: [{ event: "", data: "" }] },
  {
    name: "a kind of message that nobody knows says nothing",
    input: awsMessage({ ":message-type": "novelty" }, "?"),
    payloads: [{ event: "", data: "" }],
  },
  {
    name: "a payload with a wrong checksum cannot be read, the message behind it can",
    input: Buffer.concat([damaged(bytes(smithy.event), 100), bytes(smithy.event)]),
    payloads: [unreadable, start],
  },
  {
    name: "a wrong checksum itself",
    input: damaged(bytes(smithy.event), bytes(smithy.event).length - 1),
    payloads: [unreadable],
  },
  {
    name: "a header that reaches beyond the headers",
    input: sealMessage(Buffer.from("\x01a\x07\x00\xff-", "latin1"), Buffer.from("{}")),
    payloads: [unreadable],
  },
  {
    name: "a header of an unknown type",
    input: sealMessage(Buffer.from("\x01a\x0a-", "latin1"), Buffer.from("{}")),
    payloads: [unreadable],
  },
  {
    name: "a header without a value",
    input: sealMessage(Buffer.from("\x05a"), Buffer.from("{}")),
    payloads: [unreadable],
  },
];

describe("awsEventStreamFramer", () => {
  for (const row of cases) test(row.name, () => checkFraming("aws-eventstream", row));

  test("a wrong prelude is the last frame: nobody knows where the next message begins", () => {
    const message = bytes(smithy.event);
    for (const at of [0, 4, 8, 11]) {
      const input = Buffer.concat([message, damaged(message, at), message]);
      for (const cuts of [[], [5, 130], Array.from(input, (_, offset) => offset)]) {
        const { frames, rest } = frameAll("aws-eventstream", cut(input, cuts));
        assert.deepEqual(
          frames.map(({ payload }) => payload),
          [start, unreadable],
        );
        assert.equal(frames[1]?.bytes.length, 12);
        assert.equal(rest.length, input.length - message.length - 12);
      }
    }
  });

  test("a message that breaks off belongs to no frame", () => {
    const message = bytes(smithy.event);
    for (const length of [1, 11, 12, 13, message.length - 1]) {
      const { frames, rest } = frameAll("aws-eventstream", [message, message.subarray(0, length)]);
      assert.equal(frames.length, 1);
      assert.equal(rest.length, length);
    }
  });

  test("a message at the limit passes, one byte more does not, however it is cut", () => {
    const message = awsException("throttlingException", "slow down");
    for (const cuts of [[], [7], [12], [40]]) {
      assert.equal(frameAll("aws-eventstream", cut(message, cuts), message.length).frames.length, 1);
      assert.throws(() => frameAll("aws-eventstream", cut(message, cuts), message.length - 1), FrameTooLargeError);
    }
  });

  test("lengths that cannot be are a wrong prelude, not a wait for four gigabytes", () => {
    const prelude = Buffer.alloc(12);
    prelude.writeUInt32BE(15, 0);
    prelude.writeUInt32BE(zlibCrc32(prelude.subarray(0, 8)), 8);
    assert.deepEqual(
      frameAll("aws-eventstream", [prelude]).frames.map(({ payload }) => payload),
      [unreadable],
    );
  });

  test("any bytes, cut anywhere, come out whole and say the same", () => {
    const message = fc.constantFrom(bytes(smithy.event), bytes(smithy.bare), damaged(bytes(smithy.exception), 120));
    const stream = fc.array(fc.oneof(message, fc.uint8Array({ maxLength: 20 })), { maxLength: 4 });
    fc.assert(
      fc.property(stream, fc.array(fc.nat(500)), (pieces, cuts) =>
        checkConservation("aws-eventstream", Buffer.concat(pieces), cuts),
      ),
      { numRuns: 300 },
    );
  });
});

test("crc32 is zlib's", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (input) => crc32(input) === zlibCrc32(input)));
});
