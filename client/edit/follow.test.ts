import { createHash, randomBytes } from "node:crypto";
import { expect, test } from "vitest";
import fc from "fast-check";
import { memorySource, signatureAfter, signatureOf } from "../../core/delta/index.ts";
import type { BlockRef } from "../../core/frames/index.ts";
import { edits } from "../../test/support/delta-edits.ts";
import { webRuntime } from "../runtime.ts";
import { followBlocks } from "./follow.ts";
import { keptRuns } from "./plan.ts";

async function follow(bytes: Uint8Array, base: readonly BlockRef[], digest = webRuntime.digest): Promise<BlockRef[]> {
  const blocks: BlockRef[] = [];
  for await (const block of followBlocks(memorySource(bytes), 14, base, digest)) blocks.push(block);
  return blocks;
}

/** Long enough for some tens of blocks, and what is edited repeats itself in it. */
const grown = (bytes: Uint8Array, salt: Uint8Array): Uint8Array =>
  Buffer.concat([salt.subarray(0, 200_000), bytes, salt.subarray(200_000), bytes]);

test("D21: what follows the old blocks is what cutting everything gives", async () => {
  await fc.assert(
    fc.asyncProperty(edits, async ({ before, after }) => {
      const salt = new Uint8Array(randomBytes(400_000));
      const base = await follow(grown(before, salt), []);
      const bytes = grown(after, salt);
      const blocks = await follow(bytes, base);
      expect(blocks).toEqual(await follow(bytes, []));
      expect(await follow(bytes.subarray(0, -1), base)).toEqual(await follow(bytes.subarray(0, -1), []));
    }),
    { numRuns: 60 },
  );
});

test("D21: unchanged bytes are hashed once; an edit costs not much more", async () => {
  const before = new Uint8Array(randomBytes(3_000_000));
  const base = await follow(before, []);
  const after = new Uint8Array(before);
  after.set(randomBytes(100), 1_500_000);
  let hashed = 0;
  await follow(after, base, (bytes) => {
    hashed += bytes.length;
    return createHash("sha256").update(bytes).digest();
  });
  expect(hashed).toBeLessThan(2 * after.length);
  hashed = 0;
  await follow(before, base, (bytes) => {
    hashed += bytes.length;
    return createHash("sha256").update(bytes).digest();
  });
  expect(hashed).toBe(before.length);
});

test("D10: the next signature is that of the bytes, and reads only what moved or changed", async () => {
  await fc.assert(
    fc.asyncProperty(edits, fc.constantFrom(0, 1024, 4096, 5), async ({ before, after }, inserted) => {
      const salt = new Uint8Array(randomBytes(400_000));
      const old = grown(before, salt);
      const base = await follow(old, []);
      const bytes = Buffer.concat([new Uint8Array(inserted), grown(after, salt)]);
      const kept = keptRuns(base, await follow(bytes, base));
      const signature = await signatureAfter(memorySource(bytes), await signatureOf(memorySource(old)), kept);
      expect(signature).toEqual(await signatureOf(memorySource(bytes)));
    }),
    { numRuns: 60 },
  );
  const bytes = new Uint8Array(randomBytes(1_000_000));
  const blocks = await follow(bytes, []);
  const read = { ...memorySource(bytes), read: () => Promise.reject(new Error("nothing is to be read")) };
  await signatureAfter(read, await signatureOf(memorySource(bytes)), keptRuns(blocks, blocks));
});
