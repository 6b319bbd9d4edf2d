/** What changed between the version whose state is at hand and the bytes of the new one, as frames. */
import { chooseBits } from "../../core/blocks/classes.ts";
import {
  type ByteSource,
  encodeZipDelta,
  type KeptRun,
  type Matcher,
  oldBytesMatcher,
  signatureAfter,
  signatureMatcher,
} from "../../core/delta/index.ts";
import {
  type BlockFrame,
  type BlockRef,
  type Changed,
  changedBlocks,
  editFrames,
  FRAME_KIND,
} from "../../core/frames/index.ts";
import { readExactly } from "../byte-source.ts";
import { SourceChanged } from "../stale.ts";
import type { ContentState } from "../content-state.ts";
import { sha256 } from "../hash.ts";
import type { Runtime } from "../runtime.ts";
import { followBlocks } from "./follow.ts";
import type { Segment } from "./segments.ts";

/** The new version, as far as the old one's state tells. */
export interface EditPlan {
  state: ContentState;
  source: ByteSource;
  version: BlockRef[];
  changed: Changed[];
}

export async function planEdit(source: ByteSource, state: ContentState, { digest }: Runtime): Promise<EditPlan> {
  const bits = chooseBits(source.size, state.block_bits);
  const version: BlockRef[] = [];
  for await (const block of followBlocks(source, bits, state.blocks, digest)) version.push(block);
  return { state, source, version, changed: changedBlocks(state.blocks, version) };
}

/** @param old bytes of the state's version, when they are at hand; else its signature must do */
export function framesOf(
  { source, state, changed }: EditPlan,
  old: ByteSource | undefined,
  { packer }: Runtime,
): AsyncGenerator<BlockFrame> {
  const matcher: Matcher = old === undefined ? signatureMatcher(state.signature) : oldBytesMatcher(old);
  const hashes = new Map(changed.map(({ block }) => [block.offset, block.hash]));
  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    const bytes = await readExactly(source, offset, length);
    if ((await sha256(bytes as Uint8Array<ArrayBuffer>)) !== hashes.get(offset)) throw new SourceChanged();
    return bytes;
  };
  return editFrames(changed, read, matcher, packer);
}

/** Blocks of the new version that the old one has, as segments of the base. */
export function placesInBase(state: ContentState, ids: Pick<Segment, "file_id" | "version_id">): Map<string, Segment> {
  return new Map(state.blocks.map(({ hash, offset, length }) => [hash, { ...ids, offset, length }]));
}

/** Both versions are held in memory, and both inflated: up to 256 MiB and an index of them. */
const ARCHIVE_MAX = 64 * 1024 * 1024;

const isArchive = async (source: ByteSource): Promise<boolean> => {
  const [p, k] = await source.read(0, 2);
  return source.size <= ARCHIVE_MAX && p === 0x50 && k === 0x4b;
};

/** One frame for the whole of an archive that is deflated, when that can be re-created. */
export async function archiveFrame(
  { source }: EditPlan,
  old: ByteSource | undefined,
  { packer, unpack }: Runtime,
): Promise<BlockFrame | undefined> {
  if (old === undefined || !(await isArchive(old)) || !(await isArchive(source))) return undefined;
  const before = await readExactly(old, 0, old.size);
  const after = await readExactly(source, 0, source.size);
  const delta = await encodeZipDelta(before, after, packer, unpack);
  return delta && { frame: { kind: FRAME_KIND.zip_delta, ...delta }, blocks: [] };
}

/** The state of the new version, once it has an id. Reads what the old one's signature does not tell. */
export async function nextState(
  { source, state, version }: EditPlan,
  version_id: string,
  file_id: string,
): Promise<ContentState> {
  const signature = await signatureAfter(source, state.signature, keptRuns(state.blocks, version));
  const block_bits = chooseBits(source.size, state.block_bits);
  return { file_id, version_id, size: source.size, block_bits, blocks: version, signature };
}

/** Runs of blocks of the version that lie in the base in the same order. */
export function keptRuns(base: readonly BlockRef[], version: readonly BlockRef[]): KeptRun[] {
  const offsets = new Map(base.map(({ hash, offset }) => [hash, offset]));
  const runs: KeptRun[] = [];
  for (const { hash, offset, length } of version) {
    const base_offset = offsets.get(hash);
    if (base_offset === undefined) continue;
    const last = runs.at(-1);
    if (last && last.offset + last.length === offset && last.base_offset + last.length === base_offset)
      last.length += length;
    else runs.push({ offset, base_offset, length });
  }
  return runs;
}
