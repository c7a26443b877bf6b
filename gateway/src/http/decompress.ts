import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress, type ZlibOptions } from "node:zlib";
import { failure, type Failure } from "../canonical/failure.ts";
import { fail, ok, type Result } from "../lib/result.ts";

type Decoder = (
  bytes: Uint8Array,
  options: Pick<ZlibOptions, "maxOutputLength">,
  callback: (error: NodeJS.ErrnoException | null, decoded: Buffer) => void,
) => void;

const decoders = {
  gzip: gunzip,
  "x-gzip": gunzip,
  // RFC 9110 means the zlib format; some clients send the bare stream, whose first byte cannot be mistaken for a zlib header.
  deflate: (bytes, options, callback) => (isZlib(bytes) ? inflate : inflateRaw)(bytes, options, callback),
  br: brotliDecompress,
  zstd: zstdDecompress,
} as const satisfies Record<string, Decoder>;

export type ContentCoding = keyof typeof decoders;

/** A body may grow to this many times its compressed size. Text and base64 stay below 20; only a bomb needs more. */
export const DECOMPRESSION_RATIO_MAX = 100;

/** Reads `content-encoding`. `undefined`: the body is as it is. Several layers have no honest use and are refused. */
export function readContentCoding(header: string | undefined): Result<ContentCoding | undefined, Failure> {
  if (header === undefined) return ok(undefined);
  const name = header.trim().toLowerCase();
  if (name === "" || name === "identity") return ok(undefined);
  if (isCoding(name)) return ok(name);
  return fail(
    failure(
      "unsupported_encoding",
      "The request body's content-encoding is not supported. Send it uncompressed, or with one layer of gzip, deflate, br or zstd.",
    ),
  );
}

/** Undoes one coding, off the event loop. The result is never larger than `bytesMax`. */
export function decompress(
  coding: ContentCoding,
  bytes: Uint8Array,
  bytesMax: number,
): Promise<Result<Uint8Array, Failure>> {
  const ratioBytesMax = bytes.length * DECOMPRESSION_RATIO_MAX;
  const decode: Decoder = decoders[coding];
  return new Promise((resolve) => {
    decode(bytes, { maxOutputLength: Math.max(1, Math.min(bytesMax, ratioBytesMax)) }, (error, decoded) => {
      if (error === null) resolve(ok(decoded));
      else if (error.code !== "ERR_BUFFER_TOO_LARGE") resolve(fail(brokenBody(coding)));
      else resolve(fail(ratioBytesMax <= bytesMax ? bomb() : tooLarge(bytesMax)));
    });
  });
}

export function tooLarge(bytesMax: number): Failure {
  return failure(
    "body_too_large",
    `The request body is larger than ${bytesMax} bytes, the most that this gateway reads. Send less.`,
  );
}

function bomb(): Failure {
  return failure(
    "unsupported_encoding",
    `The request body grows to more than ${DECOMPRESSION_RATIO_MAX} times its compressed size. Send it uncompressed.`,
  );
}

function brokenBody(coding: ContentCoding): Failure {
  return failure("invalid_encoding", `The request body is not valid ${coding}, although its content-encoding says so.`);
}

function isCoding(name: string): name is ContentCoding {
  return Object.hasOwn(decoders, name);
}

/** RFC 1950 §2.2: the low four bits are the method (8), and the first two bytes are a multiple of 31. */
function isZlib(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}
