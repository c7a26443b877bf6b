import { asBuffer } from "../lib/as-buffer.ts";
import { crc32 } from "../lib/crc32.ts";
import { NO_BYTES } from "./bytes.ts";
import { checkFrameSize, fragments, keepFragment, takeFragments, type Fragments } from "./fragments.ts";
import { FRAME_BYTES_MAX, type Frame, type Framer, type FramePayload } from "./framer.ts";

/** Length of the message, length of its headers, checksum of these two: four bytes each, big-endian. */
const PRELUDE_BYTES = 12;
const CHECKSUM_BYTES = 4;
const MESSAGE_BYTES_MIN = PRELUDE_BYTES + CHECKSUM_BYTES;

/**
 * `application/vnd.amazon.eventstream`, the binary messages in which AWS streams. A frame is a message; its data is the
 * message's payload as text. Its event is `:event-type` of an event, `exception:` and `:exception-type` of a modelled
 * exception, `error:` and `:error-code` of another error, whose payload is then `{"message": :error-message}`.
 *
 * A message whose checksum or headers are wrong says nothing that could be believed: it is a frame that nobody can read.
 * Behind a wrong prelude, which is such a frame itself, nobody knows where the next message begins: what follows belongs to
 * no frame.
 *
 * Format: https://smithy.io/2.0/aws/amazon-eventstream.html
 */
export function awsEventStreamFramer(options: { readonly frameBytesMax?: number } = {}): Framer {
  const state: MessageState = {
    held: fragments(options.frameBytesMax ?? FRAME_BYTES_MAX),
    prelude: Buffer.alloc(PRELUDE_BYTES),
    seenBytes: 0,
    wantedBytes: PRELUDE_BYTES,
    isLost: false,
  };
  return {
    push: (bytes) => pushBytes(state, asBuffer(bytes)),
    end: () => ({ frames: [], rest: takeFragments(state.held, NO_BYTES) }),
  };
}

type MessageState = {
  /** The message that has begun and not ended. */
  readonly held: Fragments;
  /** A copy of how it begins, because a read may end anywhere. */
  readonly prelude: Buffer;
  seenBytes: number;
  /** How many it takes to go on: the prelude first, then the whole message, which is always longer. */
  wantedBytes: number;
  /** A prelude was wrong. */
  isLost: boolean;
};

function pushBytes(state: MessageState, chunk: Buffer): Frame[] {
  const frames: Frame[] = [];
  let start = 0;
  let position = 0;
  while (position < chunk.length && !state.isLost) {
    const end = Math.min(chunk.length, position + state.wantedBytes - state.seenBytes);
    if (state.seenBytes < PRELUDE_BYTES) chunk.copy(state.prelude, state.seenBytes, position, end);
    state.seenBytes += end - position;
    position = end;
    if (state.seenBytes < state.wantedBytes) break;
    const isPrelude = state.seenBytes === PRELUDE_BYTES;
    if (isPrelude) readPrelude(state);
    if (isPrelude && !state.isLost) continue;
    const bytes = takeFragments(state.held, chunk.subarray(start, position));
    frames.push({ bytes, payload: state.isLost ? UNREADABLE : readMessage(bytes) });
    state.seenBytes = 0;
    state.wantedBytes = PRELUDE_BYTES;
    start = position;
  }
  keepFragment(state.held, chunk.subarray(start));
  return frames;
}

function readPrelude(state: MessageState): void {
  const { prelude } = state;
  const messageBytes = prelude.readUInt32BE(0);
  const isWrong =
    prelude.readUInt32BE(8) !== crc32(prelude.subarray(0, 8)) ||
    messageBytes < MESSAGE_BYTES_MIN ||
    prelude.readUInt32BE(4) > messageBytes - MESSAGE_BYTES_MIN;
  state.isLost = isWrong;
  if (isWrong) return;
  checkFrameSize(messageBytes, state.held.bytesMax);
  state.wantedBytes = messageBytes;
}

/** Not JSON, whatever the message may have been. */
const UNREADABLE: FramePayload = { event: "", data: "(a message with a wrong checksum or broken headers)" };

function readMessage(message: Buffer): FramePayload {
  const end = message.length - CHECKSUM_BYTES;
  if (message.readUInt32BE(end) !== crc32(message.subarray(0, end))) return UNREADABLE;
  const payloadAt = PRELUDE_BYTES + message.readUInt32BE(4);
  const headers = readHeaders(message, payloadAt);
  if (headers === undefined) return UNREADABLE;
  const data = message.toString("utf8", payloadAt, end);
  switch (headers.get(":message-type") ?? "event") {
    case "event":
      return { event: headers.get(":event-type") ?? "", data };
    case "exception":
      return { event: `exception:${headers.get(":exception-type") ?? ""}`, data };
    case "error": {
      const said = JSON.stringify({ message: headers.get(":error-message") ?? "" });
      return { event: `error:${headers.get(":error-code") ?? ""}`, data: said };
    }
    // Kinds of message that this version does not know.
    default:
      return { event: "", data: "" };
  }
}

const STRING_TYPE = 7;
/** Types with a length of their own before the value: byte arrays and strings. */
const countedTypes: ReadonlySet<number> = new Set([6, STRING_TYPE]);
/** By type: true, false, byte, short, integer, long, (bytes, string), timestamp, UUID. */
const valueBytes: readonly number[] = [0, 0, 1, 2, 4, 8, 0, 0, 8, 16];

/** The headers with text, by name; undefined when they do not fill their place exactly. */
function readHeaders(message: Buffer, end: number): ReadonlyMap<string, string> | undefined {
  const headers = new Map<string, string>();
  let position = PRELUDE_BYTES;
  while (position < end) {
    const nameAt = position + 1;
    const typeAt = nameAt + message.readUInt8(position);
    if (typeAt >= end) return undefined;
    const type = message.readUInt8(typeAt);
    const fixedBytes = valueBytes[type];
    const isCounted = countedTypes.has(type);
    const valueAt = typeAt + (isCounted ? 3 : 1);
    if (fixedBytes === undefined || valueAt > end) return undefined;
    position = valueAt + (isCounted ? message.readUInt16BE(typeAt + 1) : fixedBytes);
    if (position > end) return undefined;
    if (type === STRING_TYPE) {
      headers.set(message.toString("utf8", nameAt, typeAt), message.toString("utf8", valueAt, position));
    }
  }
  return headers;
}
