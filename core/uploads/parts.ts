import { PACK_MAX } from "../packs/writer.ts";
import { DriveError } from "../protocol/errors.ts";
import { MAX_CHUNKS } from "../protocol/uploads.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** The largest file: as many chunks as a session can have, each a pack; a body can have 100 MB (Workers, free and pro). */
export const FILE_MAX_BYTES = MAX_CHUNKS * PACK_MAX;

/** How long a session waits for its chunks, milliseconds. */
export const SESSION_TTL = 24 * 3_600_000;

/** The longest chunk: one `put` for what is not large; more for what is, since packs cost rows and reads. */
export const partSizeFor = (size: number): number =>
  size <= 256 * MiB ? 8 * MiB : size <= 16 * GiB ? 32 * MiB : PACK_MAX;

export const tooLarge = (): DriveError =>
  new DriveError("file_too_large", `A file can have ${FILE_MAX_BYTES} bytes at most.`, { max_bytes: FILE_MAX_BYTES });

export function requireSize(size: number): void {
  if (size > FILE_MAX_BYTES) throw tooLarge();
}
