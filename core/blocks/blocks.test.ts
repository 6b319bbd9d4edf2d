import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BLOCK_BITS, type BlockBits, chooseBits, maxBlock } from "./classes.ts";
import { GEAR } from "./gear.ts";
import { cutBlocks } from "./stream.ts";

const MiB = 1024 * 1024;

/** The input of B6: the highest byte of a linear congruential generator. */
function vector(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let x = seed;
  for (let i = 0; i < length; i++) bytes[i] = (x = (Math.imul(x, 1664525) + 1013904223) >>> 0) >>> 24;
  return bytes;
}

/** One buffer for all pieces, as bodies are read. */
async function* fed(bytes: Uint8Array, lengths: readonly number[]): AsyncIterable<Uint8Array> {
  const buffer = new Uint8Array(Math.max(...lengths));
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const piece = bytes.subarray(at, at + (lengths[i % lengths.length] as number));
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    at += piece.length;
  }
}

async function cuts(bytes: Uint8Array, bits: BlockBits, lengths: readonly number[] = [MiB]): Promise<number[]> {
  const found: number[] = [];
  let at = 0;
  for await (const block of cutBlocks(fed(bytes, lengths), bits)) {
    expect(Buffer.compare(block, bytes.subarray(at, at + block.length))).toBe(0);
    at += block.length;
    found.push(block.length);
  }
  expect(at).toBe(bytes.length);
  return found;
}

/** B3 word for word, without any of the speed. */
function plainCuts(bytes: Uint8Array, bits: BlockBits): number[] {
  const [min, avg, max] = [2 ** bits / 4, 2 ** bits, 2 ** bits * 8];
  const found: number[] = [];
  for (let start = 0; start < bytes.length;) {
    let h = 0;
    let end = Math.min(start + min, bytes.length);
    for (; end < bytes.length && end - start < max;) {
      h = ((h << 1) + (GEAR[bytes[end] as number] as number)) | 0;
      const wanted = end - start < avg ? bits + 2 : bits - 2;
      end++;
      if (h >>> (32 - wanted) === 0) break;
    }
    found.push(end - start);
    start = end;
  }
  return found;
}

describe("blocks", () => {
  it("B2, B6: the published gear words", () => {
    expect([0, 1, 255].map((i) => ((GEAR[i] as number) >>> 0).toString(16))).toEqual([
      "8e2c670f",
      "8695bde4",
      "bbcc40f2",
    ]);
    expect(new Set(GEAR).size).toBe(256);
  });

  it("B6: the published cuts", async () => {
    const bytes = vector(1_000_000);
    const fine = await cuts(bytes, 14);
    expect(fine.slice(0, 8)).toEqual([22928, 5121, 18024, 16349, 17959, 31493, 27119, 25142]);
    expect(fine).toHaveLength(52);
    const middle = await cuts(bytes, 16);
    expect(middle.slice(0, 4)).toEqual([80381, 65555, 71671, 106658]);
    expect(middle).toHaveLength(13);
    expect(await cuts(bytes, 18)).toEqual([324265, 121271, 490767, 63697]);
    expect(await cuts(bytes, 20)).toEqual([1_000_000]);
  });

  it("B3: the fast loop cuts where the rule says, at every length of the content", async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 400_000 }), fc.nat(), async (length, seed) => {
        const bytes = vector(length, seed);
        expect(await cuts(bytes, 14)).toEqual(plainCuts(bytes, 14));
      }),
      { numRuns: 40 },
    );
  });

  it("B4: the same cuts, whatever the pieces", async () => {
    const bytes = vector(600_000, 7);
    const lengths = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 });
    const whole = await cuts(bytes, 14);
    await fc.assert(
      fc.asyncProperty(lengths, async (pieces) => {
        expect(await cuts(bytes, 14, pieces)).toEqual(whole);
      }),
      { numRuns: 40 },
    );
    expect(await cuts(bytes.subarray(0, 50_000), 14, [1])).toEqual(await cuts(bytes.subarray(0, 50_000), 14));
  });

  it.each(BLOCK_BITS)("B1: class 2^%i keeps its bounds, also where nothing ever cuts", async (bits) => {
    const found = await cuts(vector(24 * 2 ** bits, 3), bits);
    for (const length of found.slice(0, -1)) expect(length).toBeGreaterThan(2 ** bits / 4);
    for (const length of found) expect(length).toBeLessThanOrEqual(maxBlock(bits));
    const same = await cuts(new Uint8Array(17 * 2 ** bits), bits);
    expect(same).toEqual([8, 8, 1].map((n) => n * 2 ** bits));
  });

  it("B3: bytes put in front move no cut but the first ones", async () => {
    const bytes = vector(2_000_000, 11);
    const before = new Set(ends(await cuts(bytes, 14)));
    const shifted = new Uint8Array(bytes.length + 1000);
    shifted.set(bytes, 1000);
    const after = ends(await cuts(shifted, 14)).map((end) => end - 1000);
    expect(after.filter((end) => before.has(end)).length).toBeGreaterThan(0.9 * before.size);
  });

  it("B5: the class by size, and the parent's kept unless it is more than four times off", () => {
    const GiB = 1024 * MiB;
    const sizes = [0, 4 * MiB - 1, 4 * MiB, 256 * MiB, 256 * MiB + 1, 8 * GiB, 8 * GiB + 1];
    expect(sizes.map((size) => chooseBits(size, null))).toEqual([14, 14, 16, 16, 18, 18, 20]);
    expect(chooseBits(null, null)).toBe(16);
    expect([14, 16, 18, 20].map((parent) => chooseBits(100 * MiB, parent as BlockBits))).toEqual([14, 16, 18, 16]);
  });
});

const ends = (lengths: number[]): number[] => {
  let at = 0;
  return lengths.map((length) => (at += length));
};
