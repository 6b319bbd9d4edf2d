/** Bodies of our own clients into packs, over memory. */
import { createHash, randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packerOf } from "../../test/support/delta-codecs.ts";
import { join } from "../../test/support/delta-edits.ts";
import { makeZip } from "../../test/support/make-zip.ts";
import { memoryEngine, type MemoryEngine, nodeBytes, piecesOf, same } from "../../test/support/memory/engine.ts";
import type { BlockBits } from "../blocks/classes.ts";
import { cutBlocks } from "../blocks/stream.ts";
import { CODEC, type ByteSource, encodeDelta, encodeZipDelta, memorySource, oldBytesMatcher } from "../delta/index.ts";
import { unpackWith } from "../delta/unpack.ts";
import { Deflater } from "../delta/zip/deflate.ts";
import { METHOD } from "../delta/zip/format.ts";
import { encodeFrames, FRAME_KIND, type Frame, wholeBlock } from "../frames/index.ts";
import { HookSampler } from "../manifests/hooks.ts";
import type { Node } from "../manifests/node.ts";
import { contentSource } from "../storage/source.ts";
import { readContent } from "../storage/read.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import { framesBodyMax, writeFrames } from "./frames.ts";

const MiB = 1024 * 1024;
const TENANT = 7;
const UPLOAD = "0192f0c0-0000-8000-8000-000000000001";
const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const text = (edit: string): Uint8Array =>
  new TextEncoder().encode(
    Array.from({ length: 40_000 }, (_, i) => `line ${i} ${i === 2000 ? edit : (i * 7919) % 1013}\n`).join(""),
  );

interface Received {
  root: Node;
  manifest: string;
  series: PackSeries;
  hash: string;
}

async function receive(
  engine: MemoryEngine,
  body: Uint8Array,
  base?: ByteSource,
  bits: BlockBits = 14,
  max_raw_bytes = 8 * MiB,
): Promise<Received> {
  const series = new PackSeries(engine, TENANT, UPLOAD);
  const hasher = nodeBytes.hasher();
  try {
    const context = { bits, base: async () => base };
    const options = { max_raw_bytes, expected: body.length, hasher, sampler: new HookSampler(bits) };
    const root = await writeFrames(engine, series, piecesOf(body, 10_000), context, options);
    return { root, manifest: await writeRoot(series, root), series, hash: await hasher.digest() };
  } catch (error) {
    await series.remove();
    throw error;
  }
}

async function store(engine: MemoryEngine, bytes: Uint8Array, bits: BlockBits, whole = true): Promise<ByteSource> {
  const series = new PackSeries(engine, TENANT, UPLOAD);
  const root = await writeBlocks(series, piecesOf(bytes), { bits, size: bytes.length, whole });
  return contentSource(engine, TENANT, await writeRoot(series, root), bytes.length);
}

async function blocksOf(bytes: Uint8Array, bits: BlockBits): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = [];
  for await (const block of cutBlocks(piecesOf(bytes), bits)) blocks.push(block.slice());
  return blocks;
}

const read = async (engine: MemoryEngine, manifest: string, length: number): Promise<Buffer> =>
  Buffer.from(await new Response(await readContent(engine, TENANT, manifest, 0, length)).arrayBuffer());

const refusal = async (received: Promise<unknown>): Promise<string> => {
  const error = await received.then(
    () => ({ code: "accepted" }),
    (e: { code: string; extra?: { reason?: string } }) => e,
  );
  return (error as { extra?: { reason?: string } }).extra?.reason ?? error.code;
};

describe("bodies of frames", { timeout: 60_000 }, () => {
  it("U17: raw and zstd frames are the client's blocks, in order and in one pack", async () => {
    const engine = memoryEngine();
    const bytes = join([random(600_000), text("a")]);
    const blocks = await blocksOf(bytes, 14);
    const frames = await Promise.all(blocks.map((block) => wholeBlock(block, packerOf(CODEC.zstd))));
    expect(new Set(frames.map((frame) => frame.kind))).toEqual(new Set([FRAME_KIND.raw, FRAME_KIND.zstd]));
    const { root, manifest, series, hash } = await receive(engine, encodeFrames(frames));
    expect([root.size, series.finished.length, hash]).toEqual([bytes.length, 1, sha256(bytes)]);
    expect(same(await read(engine, manifest, bytes.length), bytes)).toBe(true);
  });

  it.each([CODEC.none, CODEC.deflate, CODEC.zstd])(
    "U17: deltas with codec %i are rebuilt from what is stored",
    async (codec) => {
      const engine = memoryEngine();
      const [before, after] = [text("old"), text("new")];
      const base = await store(engine, before, 14, false);
      const blocks = (await blocksOf(after, 14)).slice(0, 8);
      const delta = await encodeDelta(
        blocks.map((bytes) => ({ bytes, hint: 0 })),
        oldBytesMatcher(memorySource(before)),
        packerOf(codec),
      );
      const { root, manifest } = await receive(engine, encodeFrames([{ kind: FRAME_KIND.delta, ...delta! }]), base);
      expect(root.entries.map((entry) => entry.length)).toEqual(blocks.map((block) => block.length));
      expect(same(await read(engine, manifest, root.size), join(blocks))).toBe(true);
    },
  );

  it("U17: what a zip-aware frame stands for is cut as any other bytes", async () => {
    const engine = memoryEngine();
    const archive = (edit: string): Uint8Array => {
      const pieces: Uint8Array[] = [];
      const deflater = new Deflater({ method: METHOD.zlib, level: 6, mem_level: 8 }, (piece) => pieces.push(piece));
      deflater.write(text(edit));
      deflater.end();
      return makeZip([{ name: "text", bytes: text(edit), deflated: join(pieces) }]);
    };
    const [before, after] = [archive("old"), archive("new")];
    const delta = await encodeZipDelta(before, after, packerOf(CODEC.zstd), unpackWith(engine.codec));
    const frame: Frame = { kind: FRAME_KIND.zip_delta, ...delta! };
    const body = encodeFrames([frame]);
    const { root, manifest } = await receive(engine, body, await store(engine, before, 14));
    const cuts = (await blocksOf(after, 14)).map((block) => block.length);
    expect(root.entries.map((entry) => entry.length)).toEqual(cuts);
    expect(same(await read(engine, manifest, after.length), after)).toBe(true);

    const objects = engine.objects.objects.size;
    const wrong = encodeFrames([{ ...frame, hash: new Uint8Array(32) }]);
    expect(await refusal(receive(engine, wrong, await store(engine, before, 14)))).toBe("base_mismatch");
    expect(engine.objects.objects.size, "the base that was stored again").toBe(objects + 1);
  });

  it("U17: blocks longer than the class, or more than their bytes can be cut into, are refused", async () => {
    const engine = memoryEngine();
    const raw = (bytes: Uint8Array) => wholeBlock(bytes, packerOf(CODEC.none));
    const long = encodeFrames([await raw(random(8 * 16_384 + 1))]);
    expect(await refusal(receive(engine, long))).toBe("frame_blocks");
    expect(await refusal(receive(engine, long, undefined, 16))).toBe("accepted");
    const many = encodeFrames(await Promise.all(Array.from({ length: 3 }, () => raw(random(100)))));
    expect(await refusal(receive(engine, many))).toBe("frame_blocks");
    const few = encodeFrames(await Promise.all([4096, 100, 4096].map((length) => raw(random(length)))));
    expect(await refusal(receive(engine, few))).toBe("accepted");
    expect(await refusal(receive(engine, long, undefined, 16, 8 * 16_384))).toBe("payload_too_large");
  });

  it("U16: a delta without a base is base_mismatch, and so is one that reads behind the base's end", async () => {
    const engine = memoryEngine();
    const bytes = text("x");
    const matcher = oldBytesMatcher(memorySource(bytes));
    const delta = await encodeDelta([{ bytes: bytes.subarray(0, 20_000), hint: 0 }], matcher, packerOf(CODEC.zstd));
    const body = encodeFrames([{ kind: FRAME_KIND.delta, ...delta! }]);
    expect(await refusal(receive(engine, body))).toBe("base_mismatch");
    expect(await refusal(receive(engine, body, memorySource(new Uint8Array(100))))).toBe("delta_outside_base");
    expect(await refusal(receive(engine, body, memorySource(random(bytes.length))))).toBe("base_mismatch");
    expect(engine.objects.objects.size).toBe(0);
  });

  it("U14: a body that is refused is let go, so that its owner can read it away", async () => {
    let closed = false;
    const pieces = async function* () {
      try {
        for (;;) yield Uint8Array.of(1, 2, 3, 4);
      } finally {
        closed = true;
      }
    };
    const context = { bits: 14 as const, base: async () => undefined };
    const options = { max_raw_bytes: MiB, expected: null, hasher: nodeBytes.hasher(), sampler: new HookSampler(14) };
    const engine = memoryEngine();
    const written = writeFrames(engine, new PackSeries(engine, TENANT, UPLOAD), pieces(), context, options);
    expect(await refusal(written)).toBe("frame_magic");
    expect(closed).toBe(true);
  });

  it("FR3: no honest body is longer than its bound", () => {
    expect(framesBodyMax(8 * MiB)).toBeGreaterThan(8 * MiB + 16_384 * 44 + 10);
  });
});

describe("a stored content as a base", { timeout: 60_000 }, () => {
  it("M9: any ranges at once, also across its end, are the content's bytes", async () => {
    const engine = memoryEngine();
    const bytes = random(3 * MiB);
    const source = await store(engine, bytes, 14, false);
    const range = fc.tuple(fc.integer({ min: 0, max: bytes.length }), fc.integer({ min: 0, max: 200_000 }));
    await fc.assert(
      fc.asyncProperty(fc.array(range, { minLength: 1, maxLength: 12 }), async (ranges) => {
        const got = await Promise.all(ranges.map(([offset, length]) => source.read(offset, length)));
        for (const [i, [offset, length]] of ranges.entries())
          expect(same(got[i]!, bytes.subarray(offset, offset + length))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it("S1: ranges that follow one another read each block and each leaf once", async () => {
    const engine = memoryEngine();
    const bytes = random(4 * MiB);
    const source = await store(engine, bytes, 16, false);
    engine.objects.calls.get = 0;
    for (let at = 0; at < bytes.length; at += 10_000) await source.read(at, 10_000);
    const blocks = (await blocksOf(bytes, 16)).length;
    expect(engine.objects.calls.get).toBeLessThanOrEqual(blocks + 2);
  });

  it("S3: damage is an error, never other bytes", async () => {
    const engine = memoryEngine();
    const source = await store(engine, random(100_000), 14);
    for (const object of engine.objects.objects.values()) object.bytes[50_000]! ^= 1;
    await expect(Promise.resolve(source.read(0, 100_000))).rejects.toMatchObject({ code: "integrity_error" });
  });
});
