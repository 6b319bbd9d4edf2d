import { DriveError } from "../protocol/errors.ts";
import type { Extent } from "../storage/manifest.ts";
import type { Hasher } from "../storage/ports.ts";
import type { ChunkRow } from "./model.ts";
import { chunkCount, chunkLength } from "./parts.ts";
import type { UploadDeps } from "./ports.ts";
import type { Session } from "./service.ts";

/** A chunk passes in pieces of this size: the memory of one transfer. */
const PIECE = 1024 * 1024;

const receivedBytes = (chunks: Iterable<ChunkRow>): number => {
  let sum = 0;
  for (const chunk of chunks) sum += chunk.size;
  return sum;
};

function requireLength(length: number, expected: number, part_size: number): void {
  if (length > part_size)
    throw new DriveError("chunk_too_large", `A chunk of this upload can have ${part_size} bytes at most.`, {
      part_size,
    });
  if (length !== expected)
    throw new DriveError("chunk_size_mismatch", `This chunk must have ${expected} bytes.`, {
      expected_bytes: expected,
    });
}

/** Hashes and counts what passes; ends the transfer as soon as it is too long. */
async function* verified(
  pieces: AsyncIterable<Uint8Array>,
  hasher: Hasher,
  expected: number,
  part_size: number,
): AsyncIterable<Uint8Array> {
  let seen = 0;
  for await (const piece of pieces) {
    seen += piece.length;
    if (seen > expected) requireLength(seen > part_size ? seen : expected + 1, expected, part_size);
    await hasher.update(piece);
    yield piece;
  }
  requireLength(seen, expected, part_size);
}

/**
 * Streams a chunk into its R2 part and records it once its hash is right. A part with wrong bytes is never recorded,
 * and the next try of that index replaces it. @returns bytes received in all
 */
export async function receiveChunk(
  deps: UploadDeps,
  { upload, chunks }: Session,
  { index, chunk_id }: { index: number; chunk_id: string },
  body: ReadableStream<Uint8Array> | null,
  length: number | null,
): Promise<number> {
  const expected = chunkLength(upload.size as number, upload.part_size, index);
  if (length !== null) requireLength(length, expected, upload.part_size);
  const known = chunks.find((c) => c.chunk_index === index);
  if (known !== undefined) {
    if (body !== null) await deps.bytes.discard(body);
    if (known.chunk_id === chunk_id) return receivedBytes(chunks);
    // Writing the part again would lose verified bytes before the new ones are.
    throw new DriveError("chunk_conflict", `Another chunk has arrived at index ${index} already.`, {
      chunk_id: known.chunk_id,
    });
  }
  if (body === null) requireLength(0, expected, upload.part_size);
  const hasher = deps.bytes.hasher();
  const source = verified(
    deps.bytes.pieces(body as ReadableStream<Uint8Array>, PIECE),
    hasher,
    expected,
    upload.part_size,
  );
  const { object_key, r2_upload_id } = upload;
  const etag = await deps.objects.uploadPart(object_key, r2_upload_id as string, index + 1, source, expected);
  const hash = await hasher.digest();
  if (hash !== chunk_id)
    throw new DriveError("hash_mismatch", "The bytes that arrived do not have the hash that was said.", {
      received_hash: hash,
    });
  const { tenant_id, upload_id } = upload;
  const chunk: ChunkRow = { tenant_id, upload_id, chunk_index: index, chunk_id, size: expected, etag };
  if (!(await deps.uploads.putChunk(chunk))) throw new DriveError("unknown_upload", "This upload ended meanwhile.");
  return receivedBytes([...chunks.filter((c) => c.chunk_index !== index), chunk]);
}

export interface Assembled {
  parts: { part: number; etag: string }[];
  extents: Extent[];
}

/**
 * The order of `chunks` is the file's; an index only named an R2 part. So a chunk may be there twice in the file and
 * once in the object, and a client may order its chunks late.
 */
export function assemble({ upload, chunks }: Session, wanted: string[]): Assembled {
  const size = upload.size as number;
  const count = chunkCount(size, upload.part_size);
  if (wanted.length > count)
    throw new DriveError("too_many_chunks", `This upload has ${count} chunks, not ${wanted.length}.`, { count });
  const have = new Set(chunks.map((c) => c.chunk_id));
  const missing = [...new Set(wanted)].filter((id) => !have.has(id));
  if (missing.length > 0) throw new DriveError("missing_chunks", "Some chunks have not arrived.", { missing });

  const ordered = chunks.toSorted((a, b) => a.chunk_index - b.chunk_index);
  const places = new Map<string, Extent>();
  const byIndex = new Map<number, { id: string; extent: Extent }>();
  let offset = 0;
  for (const chunk of ordered) {
    const extent = { key: upload.object_key, offset, length: chunk.size };
    places.set(chunk.chunk_id, extent);
    byIndex.set(chunk.chunk_index, { id: chunk.chunk_id, extent });
    offset += chunk.size;
  }
  const extents = wanted.map((id, i) => {
    const here = byIndex.get(i);
    return { ...(here?.id === id ? here.extent : (places.get(id) as Extent)) };
  });
  const total = extents.reduce((sum, e) => sum + e.length, 0);
  if (total !== size) {
    const unsent = wanted.length < count ? " Some chunks are not in the list." : "";
    throw new DriveError(
      "size_mismatch",
      `These chunks have ${total} bytes in all; the file was said to have ${size}.${unsent}`,
    );
  }
  return { parts: ordered.map((c) => ({ part: c.chunk_index + 1, etag: c.etag })), extents };
}
