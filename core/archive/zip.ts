/** A planned archive as bytes. docs/spec/archive.md, Z5, Z8 and Z10. */
import { DriveError } from "../protocol/errors.ts";
import type { ArchivePlan } from "./plan.ts";
import type { Crc32 } from "./ports.ts";
import {
  centralEntry,
  centralLength,
  dataDescriptor,
  endLength,
  endOfArchive,
  localHeader,
  memberLength,
} from "./zip-records.ts";

/** Bytes of the whole archive, exactly. */
export function zipLength(plan: ArchivePlan): number {
  let offset = 0;
  let directory = 0;
  for (let at = 0; at < plan.length; at++) {
    directory += centralLength(plan, at, offset);
    offset += memberLength(plan, at);
  }
  return offset + directory + endLength(plan.length, offset, directory);
}

/** The bytes of one file, in order. */
export type Content = AsyncIterable<Uint8Array> | Iterable<Uint8Array>;

/**
 * Headers, contents, directory. Pieces of contents are passed on as they come.
 * Throws `integrity_error` when a content is shorter or longer than planned.
 * @param contents of all files that are not empty, in the plan's order
 */
export async function* zipPieces(
  plan: ArchivePlan,
  contents: AsyncIterator<Content>,
  crc32: Crc32,
): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < plan.length; at++) {
    yield localHeader(plan, at);
    if (plan.sizeOf(at) === 0) continue;
    const { value, done } = await contents.next();
    if (done === true) throw damaged();
    yield* checked(plan, at, value, crc32);
    yield dataDescriptor(plan, at);
  }
  let offset = 0;
  let directory = 0;
  for (let at = 0; at < plan.length; at++) {
    const entry = centralEntry(plan, at, offset);
    yield entry;
    directory += entry.length;
    offset += memberLength(plan, at);
  }
  yield endOfArchive(plan.length, offset, directory);
}

const damaged = (): DriveError => new DriveError("integrity_error", "One of these files cannot be read whole.");

async function* checked(plan: ArchivePlan, at: number, content: Content, crc32: Crc32): AsyncGenerator<Uint8Array> {
  let left = plan.sizeOf(at);
  let crc = 0;
  for await (const piece of content) {
    left -= piece.length;
    if (left < 0) throw damaged();
    crc = crc32(piece, crc);
    yield piece;
  }
  if (left > 0) throw damaged();
  plan.setCrc(at, crc);
}
