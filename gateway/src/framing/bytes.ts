export const NO_BYTES = Buffer.alloc(0);

/** Views `bytes` as a Buffer, whose searching and decoding are native, without copying. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** JSON's white space: space, line feed, carriage return, tab, and nothing else. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
