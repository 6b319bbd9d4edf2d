import { DriveError } from "../protocol/errors.ts";
import { MAX_CHUNKS } from "../protocol/uploads.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** The largest file: what 10,000 parts (R2) of 64 MiB hold; a body can have 100 MB (Workers, free and pro). */
export const FILE_MAX_BYTES = MAX_CHUNKS * 64 * MiB;

/** How long a session waits for its chunks, milliseconds. */
export const SESSION_TTL = 24 * 3_600_000;

/** All chunks of a session have this size but the last: R2 wants equal parts of at least 5 MiB. */
export const partSizeFor = (size: number): number => (size <= GiB ? 8 * MiB : size <= 64 * GiB ? 32 * MiB : 64 * MiB);

export const chunkCount = (size: number, part_size: number): number => Math.ceil(size / part_size);

/** The length that the chunk at `index` must have. Throws `too_many_chunks` past the end. */
export function chunkLength(size: number, part_size: number, index: number): number {
  const count = chunkCount(size, part_size);
  if (index >= count)
    throw new DriveError("too_many_chunks", `This upload has ${count} chunks; there is no chunk ${index}.`, { count });
  return index === count - 1 ? size - index * part_size : part_size;
}

export function requireSize(size: number): void {
  if (size > FILE_MAX_BYTES)
    throw new DriveError("file_too_large", `A file can have ${FILE_MAX_BYTES} bytes at most.`, {
      max_bytes: FILE_MAX_BYTES,
    });
}
