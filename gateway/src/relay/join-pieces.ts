/** Frames of one read lie side by side in memory: then joining them is a longer view, not a copy. */
export function joinPieces(pieces: readonly (Uint8Array | string)[]): Uint8Array | string {
  if (pieces.every((piece) => typeof piece === "string")) return pieces.join("");
  const buffers = pieces.map((piece) => (typeof piece === "string" ? Buffer.from(piece) : piece));
  const [first] = buffers;
  if (first === undefined) return "";
  let end = first.byteOffset;
  let length = 0;
  for (const buffer of buffers) {
    if (buffer.buffer !== first.buffer || buffer.byteOffset !== end) return Buffer.concat(buffers);
    end += buffer.length;
    length += buffer.length;
  }
  return Buffer.from(first.buffer, first.byteOffset, length);
}
