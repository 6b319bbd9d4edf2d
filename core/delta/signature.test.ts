import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { packerOf, unpack } from "../../test/support/delta-codecs.ts";
import { edits } from "../../test/support/delta-edits.ts";
import { applyDelta } from "./apply.ts";
import { encodeDelta } from "./encode.ts";
import { CODEC, memorySource } from "./ports.ts";
import { hashOf, murmur3 } from "./rolling.ts";
import { parseSignature, pieceSizeFor, serialiseSignature, signatureMatcher, signatureOf } from "./signature.ts";

// Properties take seconds where other tests run beside them.
vi.setConfig({ testTimeout: 60_000 });

const zstd = packerOf(CODEC.zstd);

describe("signatures", () => {
  it("D10: pieces are 1 KiB up to 1 GiB, then double, at most 2^20 of them up to 1 TiB", () => {
    expect(pieceSizeFor(0)).toBe(1024);
    expect(pieceSizeFor(2 ** 30)).toBe(1024);
    expect(pieceSizeFor(2 ** 30 + 1)).toBe(2048);
    expect(pieceSizeFor(50 * 2 ** 30)).toBe(65_536);
    expect(pieceSizeFor(2 ** 45)).toBe(2 ** 20);
  });

  it("D11: published values of both hashes", () => {
    const text = new TextEncoder().encode("The quick brown fox jumps over the lazy dog.");
    expect(murmur3(text, 0, 44) >>> 0).toBe(0xd5c48bfc);
    expect(murmur3(new Uint8Array(4), 0, 4) >>> 0).toBe(0x2362f9de);
    expect(hashOf(text, 0, text.length) >>> 0).toMatchInlineSnapshot(`2011862274`);
  });

  it("D10, D12: the stored form comes back; anything else is refused", async () => {
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(), fc.integer({ min: 1, max: 20 }), async ({ before }, at, cut) => {
        const signature = await signatureOf(memorySource(before));
        const stored = serialiseSignature(signature);
        expect(stored.length).toBeLessThanOrEqual(14 + 8 * Math.floor(before.length / 1024));
        expect(parseSignature(stored)).toEqual(signature);
        // As a file is read in Node: `slice` of a Buffer is no copy.
        expect(parseSignature(Buffer.concat([Buffer.from([1]), stored]).subarray(1))).toEqual(signature);
        expect(() => parseSignature(stored.slice(0, -cut))).toThrow(/signature|number/);
        const damaged = stored.slice();
        damaged[at % 5]! ^= 0xff;
        expect(() => parseSignature(damaged)).toThrow(/signature/);
      }),
    );
  });

  it("D12: a false match is a base_mismatch, never wrong bytes", async () => {
    const before = new Uint8Array(8192);
    crypto.getRandomValues(before);
    const signature = await signatureOf(memorySource(before));
    const lying = { ...signature, weak: signature.weak.toReversed(), strong: signature.strong.toReversed() };
    const encoded = await encodeDelta([{ bytes: before, hint: 0 }], signatureMatcher(lying), zstd);
    await expect(applyDelta(encoded!, memorySource(before), unpack)).rejects.toMatchObject({ code: "base_mismatch" });
  });

  it("D10: 4 KB changed in the middle cost two pieces more than themselves", async () => {
    const before = new Uint8Array(1024 * 1024);
    for (let at = 0; at < before.length; at += 65_536) crypto.getRandomValues(before.subarray(at, at + 65_536));
    const after = before.slice();
    crypto.getRandomValues(after.subarray(500_000, 504_096));
    const encoded = await encodeDelta(
      [{ bytes: after, hint: 0 }],
      signatureMatcher(await signatureOf(memorySource(before))),
      zstd,
    );
    expect(encoded?.payload.length).toBeLessThan(4096 + 2048 + 64);
  });

  it("D8: long runs of equal pieces are looked up in bounded time", async () => {
    const zeros = new Uint8Array(8 * 1024 * 1024);
    const signature = await signatureOf(memorySource(zeros));
    const block = zeros.slice(0, 1024 * 1024);
    for (let at = 0; at < block.length; at += 1000) block[at] = at % 251;
    const encoded = await encodeDelta([{ bytes: block, hint: 0 }], signatureMatcher(signature), zstd);
    expect(encoded).toBeDefined();
  });
});
