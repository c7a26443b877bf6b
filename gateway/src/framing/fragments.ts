import { FrameTooLargeError } from "./framer.ts";

/** Small pieces share blocks, so that a frame arriving byte by byte does not become one object per byte. */
const BLOCK_BYTES_MIN = 1024;
const BLOCK_BYTES_MAX = 256 * 1024;

/** The beginning of a frame whose end has not arrived: pieces in a list, joined once, when the frame is complete. */
export type Fragments = {
  readonly bytesMax: number;
  /** Bytes held; always the sum of the pieces. */
  length: number;
  pieces: Buffer[];
  /** The block that small pieces are copied into: the last of `pieces` is a view of its first `blockUsed` bytes. */
  block: Buffer | undefined;
  blockUsed: number;
};

export function fragments(bytesMax: number): Fragments {
  return { bytesMax, length: 0, pieces: [], block: undefined, blockUsed: 0 };
}

/** Throws `FrameTooLargeError` when a frame of `length` bytes is above the limit. */
export function checkFrameSize(length: number, bytesMax: number): void {
  if (length > bytesMax) throw new FrameTooLargeError(`a frame of the stream is larger than ${bytesMax} bytes`);
}

/**
 * Keeps the beginning of a frame. A piece is kept as a view when it is at least half of the memory behind it, and copied
 * otherwise, so that a few leftover bytes never hold on to a large chunk. Each byte is copied at most once here.
 */
export function keepFragment(held: Fragments, bytes: Buffer): void {
  if (bytes.length === 0) return;
  held.length += bytes.length;
  checkFrameSize(held.length, held.bytesMax);
  if (held.block !== undefined && held.blockUsed + bytes.length <= held.block.length) {
    appendToBlock(held, held.block, bytes);
  } else if (bytes.length >= BLOCK_BYTES_MIN && bytes.length * 2 >= bytes.buffer.byteLength) {
    held.block = undefined;
    held.pieces.push(bytes);
  } else if (held.pieces.length === 0) {
    // Most frames that are split are split once: an exact copy, no block.
    held.pieces.push(Buffer.from(bytes));
  } else {
    openBlock(held, bytes);
  }
}

/** All that was kept followed by `last`, as one buffer; nothing is held afterwards. */
export function takeFragments(held: Fragments, last: Buffer): Buffer {
  const length = held.length + last.length;
  checkFrameSize(length, held.bytesMax);
  if (last.length > 0) held.pieces.push(last);
  const [only] = held.pieces;
  const joined = held.pieces.length === 1 && only !== undefined ? only : Buffer.concat(held.pieces, length);
  held.pieces = [];
  held.block = undefined;
  held.length = 0;
  return joined;
}

function openBlock(held: Fragments, bytes: Buffer): void {
  // Blocks grow with the frame, which keeps their number logarithmic first and the spare room below the frame's own size.
  const size = Math.max(bytes.length, Math.min(BLOCK_BYTES_MAX, Math.max(BLOCK_BYTES_MIN, held.length)));
  const block = Buffer.allocUnsafe(size);
  bytes.copy(block, 0);
  held.block = block;
  held.blockUsed = bytes.length;
  held.pieces.push(block.subarray(0, bytes.length));
}

function appendToBlock(held: Fragments, block: Buffer, bytes: Buffer): void {
  bytes.copy(block, held.blockUsed);
  held.blockUsed += bytes.length;
  held.pieces[held.pieces.length - 1] = block.subarray(0, held.blockUsed);
}
