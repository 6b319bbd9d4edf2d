import * as zlib from "node:zlib";
import { describe, expect, it } from "vitest";
import { zstd } from "./zstd.ts";

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const { zstdCompressSync } = zlib as unknown as { zstdCompressSync(bytes: Uint8Array): Uint8Array<ArrayBuffer> };

/** Letters that cost about five bits each: what stays is longer than the runtime's buffer of 40 KB. */
function letters(length: number): Uint8Array {
  let x = 1;
  return Uint8Array.from({ length }, () => {
    x = (Math.imul(x, 1664525) + 1013904223) | 0;
    return 97 + ((x >>> 24) & 15);
  });
}

describe("zstd of the runtime", () => {
  it.each([1, 1000, 40_000, 70_000, 131_072, 500_000, 3_000_000])(
    "PK4: %i bytes of text become smaller and come back, however long the frame is",
    (length) => {
      const bytes = letters(length);
      const frame = zstd.compress(bytes) as Uint8Array;
      expect(frame.length).toBeLessThan(0.7 * length + 64);
      expect(same(zstd.decompress(frame, length), bytes)).toBe(true);
    },
  );

  it.each([40, 80, 160, 320, 640, 1280])(
    "PK9: a block of exactly %i KiB comes back, though it fills the runtime's buffer",
    (kib) => {
      const bytes = letters(kib * 1024);
      expect(same(zstd.decompress(zstd.compress(bytes)!, bytes.length), bytes)).toBe(true);
    },
  );

  it("PK4: bytes that cannot be compressed are no failure", () => {
    const bytes = new Uint8Array(262_144);
    for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
    const frame = zstd.compress(bytes) as Uint8Array;
    expect(frame.length).toBeLessThan(bytes.length + 1024);
    expect(same(zstd.decompress(frame, bytes.length), bytes)).toBe(true);
  });

  it("PK9: a frame that was ended by the library is read as well", () => {
    const bytes = letters(40_960);
    expect(same(zstd.decompress(zstdCompressSync(bytes), bytes.length), bytes)).toBe(true);
  });

  it("PK9: a cut frame does not come back whole", () => {
    const bytes = letters(100_000);
    const frame = zstd.compress(bytes) as Uint8Array;
    let length = -1;
    try {
      length = zstd.decompress(frame.subarray(0, frame.length - 500), bytes.length).length;
    } catch {
      // Refused: as good.
    }
    expect(length).not.toBe(bytes.length);
  });
});
