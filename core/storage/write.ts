import { DriveError } from "../protocol/errors.ts";
import { type Extent, formatManifest } from "./manifest.ts";
import type { Bytes, ObjectStore } from "./ports.ts";

/** Bodies up to here are one `put`; longer ones a multipart upload in parts of this size (R2: equal, 5 MiB at least). */
export const PIECE = 8 * 1024 * 1024;

export interface Stored {
  size: number;
  /** Computed by the server in passing. */
  content_hash: string;
  manifest: string;
}

/** Streams a body of any length into one object; memory is one piece. Throws `file_too_large` past `max` bytes. */
export async function writeContent(
  store: ObjectStore,
  bytes: Bytes,
  key: string,
  body: ReadableStream<Uint8Array>,
  max: number,
): Promise<Stored> {
  const hasher = bytes.hasher();
  const parts: { part: number; etag: string }[] = [];
  let multipart: string | null = null;
  let size = 0;
  try {
    for await (const piece of bytes.pieces(body, PIECE)) {
      size += piece.length;
      if (size > max)
        throw new DriveError("file_too_large", `A file can have ${max} bytes at most here.`, { max_bytes: max });
      await hasher.update(piece);
      if (piece.length < PIECE && multipart === null) {
        await store.put(key, piece);
        continue;
      }
      multipart ??= await store.createMultipart(key);
      const part = parts.length + 1;
      parts.push({ part, etag: await store.uploadPart(key, multipart, part, once(piece), piece.length) });
    }
    if (multipart !== null) await store.completeMultipart(key, multipart, parts);
  } catch (error) {
    // Best effort: the sweep finds what stays behind, by the upload's row.
    if (multipart !== null) await store.abortMultipart(key, multipart).catch(() => undefined);
    throw error;
  }
  const extents: Extent[] = size === 0 ? [] : [{ key, offset: 0, length: size }];
  return { size, content_hash: await hasher.digest(), manifest: formatManifest(extents) };
}

async function* once(piece: Uint8Array): AsyncIterable<Uint8Array> {
  yield piece;
}
