export const NO_BYTES = Buffer.alloc(0);

/** JSON's white space: space, line feed, carriage return, tab, and nothing else. */
export function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}
