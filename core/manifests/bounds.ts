/** How scattered a file may be. docs/spec/uploads.md, U18 and U25. */
import { type BlockBits, minBlock } from "../blocks/classes.ts";
import { DriveError } from "../protocol/errors.ts";
import { MAX_CHUNKS } from "../protocol/uploads.ts";

/** Entries of a root, and of all roots of one request: more than 10,000 chunks have, and what a Worker's memory holds. */
export const ENTRIES_MAX = 400_000;

/** Packs of a file: three times those of the largest one. Their ids go through the drive's hub. */
export const PACKS_MAX = 30_000;

/** For a file of so many pieces that nobody could read it. */
export const tooScattered = (): DriveError =>
  new DriveError("invalid_request", "This file is in too many pieces; please send more of it whole.");

/**
 * Entries of the root of a file: what its blocks may be, with room for those of a smaller class and for a short one at
 * the end of each chunk. More of them, which repeat or stand for a few bytes each, would make a small file cost as many
 * reads as a large one.
 */
export const entriesMax = (size: number, bits: BlockBits): number =>
  Math.min(ENTRIES_MAX, Math.ceil((4 * size) / minBlock(bits)) + MAX_CHUNKS);
