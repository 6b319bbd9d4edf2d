import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { packerOf, unpack } from "../../test/support/delta-codecs.ts";
import { cutAt, edits, join, same } from "../../test/support/delta-edits.ts";
import { failure } from "../../test/support/failure.ts";
import { oldBytesMatcher } from "../delta/encode.ts";
import { CODEC, memorySource, type Unpack } from "../delta/ports.ts";
import { sha256 } from "../delta/sha256.ts";
import { decodeFrames } from "./decode.ts";
import { changedBlocks, editFrames, wholeBlock, type BlockRef } from "./edit.ts";
import { encodeFrames, FrameEncoder } from "./encode.ts";
import { DEFAULT_LIMITS, FRAME_KIND, MAGIC, type Frame } from "./format.ts";
import { openFrame } from "./open.ts";

// Properties take seconds where other tests run beside them.
vi.setConfig({ testTimeout: 60_000 });

const zstd = packerOf(CODEC.zstd);

async function* streamOf(bytes: Uint8Array, piece: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += piece) yield bytes.subarray(at, at + piece);
}

async function decodeAll(bytes: Uint8Array, piece = 1000, limits = DEFAULT_LIMITS): Promise<Frame[]> {
  const frames: Frame[] = [];
  for await (const frame of decodeFrames(streamOf(bytes, piece), limits)) frames.push(frame);
  return frames;
}

const rawFrame = (...bytes: number[]) => wholeBlock(Uint8Array.from(bytes), packerOf(CODEC.none));

/** A stream from parts that need not fit together. */
function craft(...parts: (Uint8Array | number[])[]): Uint8Array {
  return join([MAGIC, ...parts.map((part) => Uint8Array.from(part))]);
}

function partsOf(frames: Frame[]): Uint8Array[] {
  const encoder = new FrameEncoder();
  return frames.map((frame) => join(encoder.frame(frame)));
}

describe("streams of frames", () => {
  it("FR4: frames come back however the stream is cut", async () => {
    const blocks = fc.uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 500 }), { selector: (b) => b.join() });
    await fc.assert(
      fc.asyncProperty(blocks, fc.integer({ min: 1, max: 700 }), async (contents, piece) => {
        const frames = await Promise.all(contents.map((bytes) => wholeBlock(bytes, zstd)));
        const decoded = await decodeAll(encodeFrames(frames), piece);
        expect(decoded).toEqual(frames);
        for (const [i, frame] of decoded.entries())
          expect(await openFrame(frame, { unpack, base: undefined })).toEqual({
            form: "blocks",
            blocks: [contents[i]],
          });
      }),
    );
  });

  it("FR1: every shorter stream is truncated, and nothing may follow", async () => {
    const stream = encodeFrames([await rawFrame(1, 2, 3), await rawFrame(4, 5)]);
    for (let length = 0; length < stream.length; length++)
      expect(await failure(decodeAll(stream.subarray(0, length), 7))).toBe("frame_truncated");
    expect(await failure(decodeAll(join([stream, Uint8Array.of(0)])))).toBe("frame_trailing");
  });

  it("FR2: frames that are missing, exchanged, repeated or sent twice are refused", async () => {
    const [a, b] = partsOf([await rawFrame(1), await rawFrame(2)]);
    const end = [2, FRAME_KIND.end];
    expect(await failure(decodeAll(craft(a!, b!, end)))).toBe("accepted");
    expect(await failure(decodeAll(craft(b!, a!, end)))).toBe("frame_order");
    expect(await failure(decodeAll(craft(a!, a!, end)))).toBe("frame_order");
    expect(await failure(decodeAll(craft(b!, end)))).toBe("frame_order");
    expect(await failure(decodeAll(craft(a!, end)))).toBe("frame_order");
    expect(await failure(decodeAll(encodeFrames([await rawFrame(1), await rawFrame(1)])))).toBe("frame_repeated");
  });

  it("FR3: lengths are checked before their bytes are waited for", async () => {
    const header = async (kind: number, raw_length: number[], payload_length: number[]) =>
      failure(decodeAll(craft([0, kind], new Uint8Array(32), raw_length, payload_length)));
    const mib9 = [0x80, 0x80, 0xc0, 0x04];
    const mib8 = [0x80, 0x80, 0x80, 0x04];
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for (const kind of [FRAME_KIND.raw, FRAME_KIND.zstd, FRAME_KIND.delta]) {
      expect(await header(kind, mib9, [1])).toBe("payload_too_large");
      expect(await header(kind, huge, [1])).toBe("payload_too_large");
      expect(await header(kind, [0], [0])).toBe("frame_length");
    }
    expect(await header(FRAME_KIND.zip_delta, mib9, mib9)).toBe("frame_length");
    expect(await header(FRAME_KIND.zip_delta, huge, [1])).toBe("payload_too_large");
    expect(await header(FRAME_KIND.raw, [5], [4])).toBe("frame_length");
    expect(await header(FRAME_KIND.raw, [5], [6])).toBe("frame_length");
    expect(await header(FRAME_KIND.zstd, [5], [5])).toBe("frame_length");
    expect(await header(FRAME_KIND.delta, mib8, mib9)).toBe("frame_length");
    expect(await header(FRAME_KIND.delta, [5], [0])).toBe("frame_length");
    expect(await header(5, [5], [5])).toBe("frame_kind");
    expect(await header(255, [5], [5])).toBe("frame_kind");
    expect(await failure(decodeAll(Uint8Array.from([0x45, 0x44, 0x46, 0x32])))).toBe("frame_magic");
    const three = encodeFrames([await rawFrame(1), await rawFrame(2), await rawFrame(3)]);
    expect(await failure(decodeAll(three, 9, { max_raw_bytes: 2, max_frames: 9 }))).toBe("payload_too_large");
    expect(await failure(decodeAll(three, 9, { max_raw_bytes: 9, max_frames: 2 }))).toBe("payload_too_large");
    expect(await failure(decodeAll(three, 9, { max_raw_bytes: 3, max_frames: 3 }))).toBe("accepted");
  });

  it("FR5: bombs, short output and wrong hashes are refused", async () => {
    const ports = { unpack, base: undefined };
    const zeros = new Uint8Array(1_000_000);
    const frame = await wholeBlock(zeros, zstd);
    expect(frame.kind).toBe(FRAME_KIND.zstd);
    expect(await failure(openFrame({ ...frame, raw_length: 999_999 }, ports))).toBe("frame_body");
    expect(await failure(openFrame({ ...frame, raw_length: 1_000_001 }, ports))).toBe("frame_body");
    expect(await failure(openFrame({ ...frame, payload: Uint8Array.of(1, 2, 3) }, ports))).toBe("frame_body");
    expect(await failure(openFrame({ ...frame, hash: await sha256(Uint8Array.of(1)) }, ports))).toBe("hash_mismatch");
    expect(await failure(openFrame({ ...(await rawFrame(1)), payload: Uint8Array.of(2) }, ports))).toBe(
      "hash_mismatch",
    );
    const bounds: number[] = [];
    const noting: Unpack = (codec, bytes, max_length) => {
      bounds.push(max_length);
      return unpack(codec, bytes, max_length);
    };
    await openFrame(frame, { unpack: noting, base: undefined });
    expect(bounds).toEqual([1_000_000]);
    expect(await failure(openFrame({ ...frame, kind: FRAME_KIND.delta }, ports))).toBe("base_mismatch");
  });

  it("FR6: a stream with any bytes changed gives its own blocks or a refusal", async () => {
    await fc.assert(
      fc.asyncProperty(
        edits,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        async ({ before, after }, flips) => {
          const base = memorySource(before);
          const { frames } = await editOf(before, after);
          const stream = encodeFrames(frames).slice();
          for (const [at, byte] of flips) stream[at % stream.length] = byte;
          const known = new Set(frames.map((frame) => frame.hash.join()));
          try {
            for await (const frame of decodeFrames(streamOf(stream, 100))) {
              const opened = await openFrame(frame, { unpack, base });
              if (opened.form === "blocks") expect((await sha256(join(opened.blocks))).join()).toBe(frame.hash.join());
              else for await (const piece of opened.pieces) expect(piece.length).toBeGreaterThan(0);
              expect(known).toContain(frame.hash.join());
            }
          } catch (error) {
            expect(["invalid_request", "payload_too_large", "hash_mismatch", "base_mismatch"]).toContain(
              (error as { code?: string }).code,
            );
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

async function refsOf(bytes: Uint8Array, parts: number): Promise<BlockRef[]> {
  let offset = 0;
  const refs: BlockRef[] = [];
  for (const block of cutAt(bytes, parts)) {
    refs.push({ offset, length: block.length, hash: hex(await sha256(block)) });
    offset += block.length;
  }
  return refs;
}

async function editOf(before: Uint8Array, after: Uint8Array) {
  const frames: Frame[] = [];
  const sent: BlockRef[][] = [];
  const base = await refsOf(before, 5);
  const version = await refsOf(after, 5);
  const matcher = oldBytesMatcher(memorySource(before));
  const read = (at: number, length: number) => after.subarray(at, at + length);
  for await (const { frame, blocks } of editFrames(changedBlocks(base, version), read, matcher, zstd)) {
    frames.push(frame);
    sent.push(blocks);
  }
  return { frames, sent, base, version };
}

describe("edits as frames", () => {
  it("D9: base blocks and sent blocks make the new version", async () => {
    await fc.assert(
      fc.asyncProperty(edits, async ({ before, after }) => {
        const { frames, sent, base, version } = await editOf(before, after);
        const have = new Map(base.map((ref) => [ref.hash, before.subarray(ref.offset, ref.offset + ref.length)]));
        const decoded = await decodeAll(encodeFrames(frames));
        for (const [i, frame] of decoded.entries()) {
          const opened = await openFrame(frame, { unpack, base: memorySource(before) });
          if (opened.form !== "blocks") return expect.fail("a run was sent");
          for (const [n, block] of opened.blocks.entries()) have.set(sent[i]![n]!.hash, block);
        }
        expect(same(join(version.map((ref) => have.get(ref.hash)!)), after)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
