import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { packerOf, packers, unpack } from "../../test/support/delta-codecs.ts";
import { cutAt, edits, join, same } from "../../test/support/delta-edits.ts";
import { failure } from "../../test/support/failure.ts";
import { applyDelta } from "./apply.ts";
import { encodeDelta, oldBytesMatcher, type EncodedDelta, type Matcher } from "./encode.ts";
import { findMatches, indexBase } from "./match.ts";
import { packDelta, type Delta } from "./payload.ts";
import { CODEC, memorySource, type ByteSource } from "./ports.ts";
import { ProgramWriter } from "./program.ts";
import { MAX_RANGES } from "./reads.ts";
import { sha256 } from "./sha256.ts";
import { signatureMatcher, signatureOf } from "./signature.ts";

// Properties take seconds where other tests run beside them.
vi.setConfig({ testTimeout: 60_000 });

const zstd = packerOf(CODEC.zstd);

/** Matches for any block, also when the delta does not pay: the payload is made all the same. */
async function encodeAlways(blocks: Uint8Array[], matcher: Matcher, packer = zstd): Promise<EncodedDelta | undefined> {
  let hint = 0;
  return encodeDelta(
    blocks.map((bytes) => ({ bytes, hint: (hint += bytes.length) - bytes.length })),
    matcher,
    packer,
  );
}

/** A delta of one block, as a client that is free to lie would make it. */
async function craft(delta: Partial<Delta>, raw: Uint8Array) {
  const writer = new ProgramWriter();
  writer.copy(0, raw.length);
  const whole: Delta = {
    base_offset: 0,
    base_length: raw.length,
    block_lengths: [raw.length],
    program: writer.finish(),
    ...delta,
  };
  return { payload: await packDelta(whole, packerOf(CODEC.none)), raw_length: raw.length, hash: await sha256(raw) };
}

describe("deltas of blocks", () => {
  it("D9: apply(encode(a, b), a) = b, from old bytes and from signatures, with every codec", async () => {
    await fc.assert(
      fc.asyncProperty(
        edits,
        fc.constantFrom(...packers),
        fc.integer({ min: 1, max: 5 }),
        async (edit, packer, parts) => {
          const base = memorySource(edit.before);
          const blocks = cutAt(edit.after, parts);
          for (const matcher of [oldBytesMatcher(base), signatureMatcher(await signatureOf(base))]) {
            const encoded = blocks.length === 0 ? undefined : await encodeAlways(blocks, matcher, packer);
            if (encoded === undefined) continue;
            expect(encoded.payload.length).toBeLessThan(encoded.raw_length);
            const rebuilt = await applyDelta(encoded, base, unpack);
            expect(rebuilt.map((block) => block.length)).toEqual(blocks.map((block) => block.length));
            expect(same(join(rebuilt), edit.after)).toBe(true);
          }
        },
      ),
      { numRuns: 400 },
    );
  });

  it("D8, D15: copies cover the target in order and never reach back further than they may", () => {
    fc.assert(
      fc.property(edits, fc.constantFrom(Infinity, 64, 500, 4000), ({ before, after }, look_back) => {
        const matches = findMatches(after, indexBase(before), 0, look_back);
        let at = 0;
        let furthest = 0;
        for (let i = 0; i < matches.length; i += 3) {
          const [start, offset, length] = [matches[i]!, matches[i + 1]!, matches[i + 2]!];
          const copied = same(after.subarray(start, start + length), before.subarray(offset, offset + length));
          if (start < at || offset < furthest - look_back || !copied) expect.fail(`copy ${start} ${offset} ${length}`);
          at = start + length;
          furthest = Math.max(furthest, offset + length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("D8: an edit costs bytes, not blocks; bytes that moved far are found", async () => {
    const before = new Uint8Array(12 * 1024 * 1024);
    for (let at = 0; at < before.length; at += 65_536) crypto.getRandomValues(before.subarray(at, at + 65_536));
    const after = before.slice(0, 1024 * 1024);
    after.set([1, 2, 3], 500_000);
    after.set(before.subarray(11 * 1024 * 1024, 11 * 1024 * 1024 + 200_000), 700_000);
    const encoded = await encodeDelta([{ bytes: after, hint: 0 }], oldBytesMatcher(memorySource(before)), zstd);
    expect(encoded?.payload.length).toBeLessThan(80);
    expect(same(join(await applyDelta(encoded!, memorySource(before), unpack)), after)).toBe(true);
  });

  it("D7: another base than the delta was made for is base_mismatch, never wrong bytes", async () => {
    await fc.assert(
      fc.asyncProperty(edits, fc.nat(), fc.integer({ min: 1, max: 255 }), async ({ before, after }, where, flip) => {
        fc.pre(before.length > 0 && after.length > 0);
        const encoded = await encodeAlways([after], oldBytesMatcher(memorySource(before)));
        if (encoded === undefined) return;
        const other = before.slice();
        other[where % other.length]! ^= flip;
        for (const base of [other, before.subarray(0, before.length >> 1)])
          try {
            expect(same(join(await applyDelta(encoded, memorySource(base), unpack)), after)).toBe(true);
          } catch (error) {
            expect(["base_mismatch", "invalid_request"]).toContain((error as { code: string }).code);
          }
      }),
      { numRuns: 200 },
    );
  });

  it("D3 to D7: a damaged payload gives the right bytes or a refusal", async () => {
    await fc.assert(
      fc.asyncProperty(
        edits,
        fc.constantFrom(...packers),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(10),
        async ({ before, after }, packer, flips, cut) => {
          fc.pre(after.length > 0);
          const encoded = await encodeAlways([after], oldBytesMatcher(memorySource(before)), packer);
          if (encoded === undefined) return;
          const payload = encoded.payload.slice(0, Math.max(1, encoded.payload.length - cut));
          for (const [at, byte] of flips) payload[at % payload.length] = byte;
          try {
            expect(same(join(await applyDelta({ ...encoded, payload }, memorySource(before), unpack)), after)).toBe(
              true,
            );
          } catch (error) {
            expect(["base_mismatch", "invalid_request"]).toContain((error as { code?: string }).code);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  it("D4, D5: what lies outside the bounds is refused before the base is read", async () => {
    const raw = new Uint8Array(100).fill(3);
    const unread: ByteSource = { size: 100, read: () => expect.fail("the base was read") };
    const apply = (frame: Parameters<typeof applyDelta>[0]) => failure(applyDelta(frame, unread, unpack));
    expect(await apply(await craft({ base_offset: 1 }, raw))).toBe("delta_outside_base");
    expect(await apply(await craft({ base_length: 101 }, raw))).toBe("delta_outside_base");
    expect(await apply(await craft({ base_length: 99 }, raw))).toBe("delta_outside_base");
    expect(await apply(await craft({ block_lengths: [] }, raw))).toBe("delta_blocks");
    expect(await apply(await craft({ block_lengths: [100, 0] }, raw))).toBe("delta_blocks");
    expect(await apply(await craft({ block_lengths: [60, 41] }, raw))).toBe("delta_length");
    expect(await apply(await craft({ block_lengths: [60, 39] }, raw))).toBe("delta_length");
    const long = { steps: new Uint8Array(2), step_count: 1, literals: new Uint8Array(170) };
    expect(await apply(await craft({ program: long }, raw))).toBe("delta_too_long");
    const many = { steps: new Uint8Array(2), step_count: 2 ** 20, literals: new Uint8Array(0) };
    expect(await apply(await craft({ program: many }, raw))).toBe("delta_steps");
    const version = await craft({}, raw);
    version.payload[0] = 2;
    expect(await apply(version)).toBe("delta_version");
    const codec = await craft({}, raw);
    codec.payload[1] = 3;
    expect(await apply(codec)).toBe("delta_codec");
    const trailing = await craft({}, raw);
    expect(await apply({ ...trailing, payload: join([trailing.payload, Uint8Array.of(0)]) })).toBe("delta_body");
  });

  it("D5: a body that would unpack to more than it says is refused", async () => {
    const raw = new Uint8Array(100).fill(3);
    const bomb = await craft(
      { program: { steps: new Uint8Array(2), step_count: 1, literals: new Uint8Array(60) } },
      raw,
    );
    const body = await zstd.pack(new Uint8Array(10_000_000));
    const head = bomb.payload.slice(0, bomb.payload.length - 62);
    head[1] = CODEC.zstd;
    expect(await failure(applyDelta({ ...bomb, payload: join([head, body]) }, memorySource(raw), unpack))).toBe(
      "delta_body",
    );
  });

  it("D6: the base is read in few ranges, and not without bound", async () => {
    const base = new Uint8Array(40 * 1024 * 1024);
    const reads: [number, number][] = [];
    const source = (size: number): ByteSource => ({
      size,
      read: (offset, length) => {
        reads.push([offset, length]);
        return base.subarray(0, length);
      },
    });
    const scattered = async (distance: number, size: number) => {
      const writer = new ProgramWriter();
      for (let i = 0; i < 200; i++) writer.copy(i * distance, 10);
      return failure(
        applyDelta(
          await craft({ base_length: size, program: writer.finish() }, new Uint8Array(2000)),
          source(size),
          unpack,
        ),
      );
    };
    expect(await scattered(200_000, 40_000_000)).toBe("accepted");
    expect(reads.length).toBe(MAX_RANGES);
    expect(await scattered(10_000_000, 2_000_000_000)).toBe("delta_scattered");
    reads.length = 0;
    expect(await scattered(1000, 1_000_000)).toBe("accepted");
    expect(reads.length).toBe(1);
  });
});
