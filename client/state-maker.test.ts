import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { cutBlocks } from "../core/blocks/stream.ts";
import { memorySource, signatureOf } from "../core/delta/index.ts";
import { newId } from "../core/protocol/ids.ts";
import { webRuntime } from "./runtime.ts";
import { StateMaker } from "./state-maker.ts";

const ids = [newId(7, 0), newId(7, 0)] as const;

async function cuts(bytes: Uint8Array): Promise<number[]> {
  const lengths: number[] = [];
  const pieces = (async function* () {
    yield bytes;
  })();
  for await (const block of cutBlocks(pieces, 14)) lengths.push(block.length);
  return lengths;
}

test("B4, D10: the state of a version does not depend on the pieces in which its bytes come", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 90_000 }), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 400_000 }), lengths, async (size, pieces) => {
      const bytes = new Uint8Array(randomBytes(size));
      const maker = new StateMaker(size, 14, webRuntime.digest);
      // One buffer for all pieces, as bodies are read.
      const buffer = new Uint8Array(90_000);
      for (let at = 0, i = 0; at < size; i++) {
        const piece = bytes.subarray(at, at + pieces[i % pieces.length]!);
        buffer.set(piece);
        await maker.add(buffer.subarray(0, piece.length));
        at += piece.length;
      }
      const state = (await maker.finish(...ids))!;
      expect(state.blocks.map(({ length }) => length)).toEqual(await cuts(bytes));
      expect(state.signature).toEqual(await signatureOf(memorySource(bytes)));
    }),
    { numRuns: 40 },
  );
});

test("D22: a block ends with its chunk", async () => {
  const bytes = new Uint8Array(randomBytes(300_000));
  const maker = new StateMaker(bytes.length, 14, webRuntime.digest);
  for (let at = 0; at < bytes.length; at += 100_000) {
    await maker.add(bytes.subarray(at, at + 100_000));
    await maker.endChunk();
  }
  const { blocks } = (await maker.finish(...ids))!;
  const apart = await Promise.all([0, 1, 2].map((i) => cuts(bytes.subarray(i * 100_000, (i + 1) * 100_000))));
  expect(blocks.map(({ length }) => length)).toEqual(apart.flat());
});

test("a version that had fewer or more bytes than was said has no state", async () => {
  for (const size of [999, 1001]) {
    const maker = new StateMaker(size, 14, webRuntime.digest);
    await maker.add(new Uint8Array(1000));
    expect(await maker.finish(...ids)).toBeNull();
  }
});
