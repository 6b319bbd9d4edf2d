import { bytesToHex } from "@noble/hashes/utils.js";
import { type BlockBits, maxBlock } from "../../core/blocks/classes.ts";
import { Cutter } from "../../core/blocks/cutter.ts";
import type { ByteSource } from "../../core/delta/index.ts";
import type { BlockRef } from "../../core/frames/index.ts";
import { WindowReader } from "../byte-source.ts";
import type { Runtime } from "../runtime.ts";

/** The most that is hashed on the guess that nothing changed. Bytes. */
const BET_MAX = 8 * 1024 * 1024;

/**
 * The blocks of a version, in order. Where the blocks of the one before it go on, they are hashed and not cut again: a cut
 * depends on the bytes of its block alone (B4), so a block of the same bytes ends where it ended. The bet doubles while
 * it is won, so a lost one costs no more hashing than what was won before.
 * @throws SourceChanged
 */
export async function* followBlocks(
  version: ByteSource,
  bits: BlockBits,
  base: readonly BlockRef[],
  digest: Runtime["digest"],
): AsyncGenerator<BlockRef> {
  const reader = new WindowReader(version, Math.max(BET_MAX, maxBlock(bits)));
  const places = new Map(base.map((block, i) => [block.hash, i]));
  let offset = 0;
  let next = 0;
  let bet = 1;
  while (offset < version.size) {
    const expected = goingOn(base, next, version.size - offset, bet);
    const hashes = await hashEach(reader, offset, expected, digest);
    let won = 0;
    for (; won < expected.length && hashes[won] === expected[won]!.hash; won++) {
      const { length, hash } = expected[won]!;
      yield { offset, length, hash };
      offset += length;
    }
    next += won;
    if (won > 0 && won === expected.length) {
      bet = Math.min(BET_MAX, bet * 2 + expected[0]!.length);
      continue;
    }
    if (offset === version.size) return;
    const bytes = await reader.read(offset, maxBlock(bits));
    const cut = new Cutter(bits).next(bytes, 0);
    const length = cut < 0 ? bytes.length : cut;
    const hash = bytesToHex(await digest(bytes.subarray(0, length)));
    yield { offset, length, hash };
    offset += length;
    next = (places.get(hash) ?? base.length) + 1;
    bet = 1;
  }
}

/** The blocks of the base from `next` on that fit into `room`: one, and more up to the bet. */
function goingOn(base: readonly BlockRef[], next: number, room: number, bet: number): BlockRef[] {
  const blocks: BlockRef[] = [];
  let length = 0;
  for (let i = next; i < base.length && (i === next || length + base[i]!.length <= bet); i++) {
    length += base[i]!.length;
    // The last one ended with its content, not at a cut.
    if (length > room || (i === base.length - 1 && length !== room)) break;
    blocks.push(base[i]!);
  }
  return blocks;
}

async function hashEach(
  reader: WindowReader,
  offset: number,
  blocks: readonly BlockRef[],
  digest: Runtime["digest"],
): Promise<string[]> {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  if (length === 0) return [];
  const bytes = await reader.read(offset, length);
  let at = 0;
  const digests = blocks.map((block) => digest(bytes.subarray(at, (at += block.length))));
  return (await Promise.all(digests)).map(bytesToHex);
}
