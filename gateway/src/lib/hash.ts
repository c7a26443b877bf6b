/**
 * A short, stable, non-cryptographic digest for identifiers that must come out the same for the same input
 * (synthesised tool-call ids, item ids): 64 bits of FNV-1a over UTF-16 units, as 13 base-36 characters.
 */
export function stableDigest(text: string): string {
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  for (let index = 0; index < text.length; index += 1) {
    low = (low ^ text.charCodeAt(index)) >>> 0;
    // 64-bit multiplication by the FNV prime 0x100000001b3, in 32-bit halves.
    const lowProduct = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(lowProduct / 0x1_0000_0000) + (low << 8)) >>> 0;
    low = lowProduct >>> 0;
  }
  const value = (BigInt(high) << 32n) | BigInt(low);
  return value.toString(36).padStart(13, "0");
}
