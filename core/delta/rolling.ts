/** The rolling hash of D11, and MurmurHash3 for strong halves of signatures. All numbers are 32-bit, signed. */

export const MULTIPLIER = 0x08088405;

/** MurmurHash3's finaliser. */
function mix(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** T of D11: spreads byte values, so that runs and text do not give small sums. */
export const SPREAD = Int32Array.from({ length: 256 }, (_, byte) => mix(byte + 1));

/** MULTIPLIER^n: what the byte that leaves a window of `n` weighs after the next one came in. */
export function weight(n: number): number {
  let value = 1;
  for (let i = 0; i < n; i++) value = Math.imul(value, MULTIPLIER);
  return value;
}

/** T of a byte that 1, 2 or 3 bytes follow: four bytes are one step, which is four times as fast. */
const [SPREAD_1, SPREAD_2, SPREAD_3] = [1, 2, 3].map((n) => SPREAD.map((value) => Math.imul(value, weight(n)))) as [
  Int32Array,
  Int32Array,
  Int32Array,
];
const MULTIPLIER_4 = weight(4);

export function hashOf(bytes: Uint8Array, start: number, length: number): number {
  const end = start + length;
  let hash = 0;
  let i = start;
  for (; i + 4 <= end; i += 4)
    hash =
      (Math.imul(hash, MULTIPLIER_4) +
        SPREAD_3[bytes[i]!]! +
        SPREAD_2[bytes[i + 1]!]! +
        SPREAD_1[bytes[i + 2]!]! +
        SPREAD[bytes[i + 3]!]!) |
      0;
  for (; i < end; i++) hash = (Math.imul(hash, MULTIPLIER) + SPREAD[bytes[i]!]!) | 0;
  return hash;
}

/** MurmurHash3 x86 32-bit, seed 0, of whole 4-byte words (`length` is a multiple of 4). */
export function murmur3(bytes: Uint8Array, start: number, length: number): number {
  let h = 0;
  for (let i = start; i < start + length; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    k = Math.imul(k, 0xcc9e2d51);
    k = (k << 15) | (k >>> 17);
    h ^= Math.imul(k, 0x1b873593);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
  }
  return mix(h ^ length);
}

/** The slot of a hash in a table of 2^`bits` (the multiplier is 2^32 / golden ratio: the high bits are well mixed). */
export const slotOf = (hash: number, shift: number): number => Math.imul(hash, 0x9e3779b1) >>> shift;
