import type { BlockRef } from "../../core/frames/index.ts";

/** Bytes that the server has: of a chunk, of the frames of a batch, or of a version (without ids: of the base). */
export interface Segment {
  chunk_id?: string;
  file_id?: string;
  version_id?: string;
  /** Bytes. */
  offset: number;
  length: number;
}

const follows = (last: Segment, next: Segment): boolean =>
  last.chunk_id === next.chunk_id &&
  last.file_id === next.file_id &&
  last.version_id === next.version_id &&
  last.offset + last.length === next.offset;

/** Where each block of the version lies on the server, joined to as few segments as there can be. */
export function segmentsOf(version: readonly BlockRef[], places: ReadonlyMap<string, Segment>): Segment[] {
  const segments: Segment[] = [];
  for (const { hash } of version) {
    const place = places.get(hash);
    if (place === undefined) throw new Error("A block lies nowhere.");
    const last = segments.at(-1);
    if (last !== undefined && follows(last, place)) last.length += place.length;
    else segments.push({ ...place });
  }
  return segments;
}

/** Notes where the blocks of a body lie; what is there already stays, since it is the same. */
export function placeBlocks(
  places: Map<string, Segment>,
  blocks: readonly BlockRef[],
  of: Pick<Segment, "chunk_id">,
): void {
  let offset = 0;
  for (const { hash, length } of blocks) {
    if (!places.has(hash)) places.set(hash, { ...of, offset, length });
    offset += length;
  }
}
