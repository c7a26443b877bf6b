/**
 * Framers cut a byte stream into whole frames without knowing what the frames mean. They are sans-IO: bytes in, frames out.
 * `bytes` of all frames and the remainder, put together, are exactly the bytes that were pushed.
 */
export type Frame = {
  /** The frame as it came, separators and all. A view into pushed bytes where the frame arrived in one piece. */
  readonly bytes: Uint8Array;
  /** What the frame says; undefined for frames that carry nothing (comments, blank separators). */
  readonly payload: FramePayload | undefined;
};

export type FramePayload = {
  /** The SSE event name, or the type of an AWS message; "" where the framing has none. */
  readonly event: string;
  /** The frame's data as text, normally one JSON document. */
  readonly data: string;
};

export interface Framer {
  /** Throws `FrameTooLargeError` when a frame exceeds the limit; the framer is dead after that. */
  push(bytes: Uint8Array): Frame[];
  /**
   * The stream has ended. `frames` holds a last frame whose separator never came but whose data is complete JSON (its bytes
   * are as received); `rest` is what belongs to no frame. Both are empty at a clean end.
   */
  end(): { readonly frames: Frame[]; readonly rest: Uint8Array };
}

export const FRAME_BYTES_MAX = 64 * 1024 * 1024;

/** Thrown, not returned: nobody continues after it, and it must not be mistaken for the end of the stream. */
export class FrameTooLargeError extends Error {
  override readonly name = "FrameTooLargeError";
}

export type FramingId = "sse" | "json-array" | "ndjson" | "aws-eventstream";
