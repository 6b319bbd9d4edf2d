import { DriveError } from "../protocol/errors.ts";
import { type Extent, slice } from "./manifest.ts";
import type { ObjectStore } from "./ports.ts";

/** One ranged read. Long extents are multipart objects, which are read faster by ranges in parallel. */
const SEGMENT = 8 * 1024 * 1024;
/** Ranged reads under way: bounds a download's memory at `AHEAD` segments. */
const AHEAD = 3;

function* segments(extents: Extent[]): Generator<Extent> {
  for (const { key, offset, length } of extents)
    for (let at = 0; at < length; at += SEGMENT)
      yield { key, offset: offset + at, length: Math.min(SEGMENT, length - at) };
}

async function open(store: ObjectStore, extent: Extent): Promise<ReadableStream<Uint8Array>> {
  const body = await store.get(extent.key, extent.offset, extent.length);
  if (body === null) throw new DriveError("integrity_error", "Some of this file's bytes cannot be read right now.");
  return body;
}

async function whole(store: ObjectStore, extent: Extent): Promise<Uint8Array> {
  const bytes = new Uint8Array(await new Response(await open(store, extent)).arrayBuffer());
  if (bytes.length !== extent.length) throw new DriveError("integrity_error", "Some of this file's bytes are missing.");
  return bytes;
}

/**
 * `length` bytes of a content from `offset`. What fits one read is passed through; longer ones are read ahead in
 * order. An unreadable segment errors the stream: never wrong bytes, never a short success.
 */
export async function readContent(
  store: ObjectStore,
  extents: Extent[],
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array>> {
  const wanted = [...segments(slice(extents, offset, length))];
  if (wanted.length === 0) return new Blob([]).stream();
  if (wanted.length === 1) return open(store, wanted[0] as Extent);
  const reads: Promise<Uint8Array>[] = [];
  let next = 0;
  const ahead = (): void => {
    while (reads.length < AHEAD && next < wanted.length) {
      const read = whole(store, wanted[next++] as Extent);
      // It is awaited in its turn; until then a failure must not count as unhandled.
      read.catch(() => undefined);
      reads.push(read);
    }
  };
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        ahead();
        const read = reads.shift();
        if (read === undefined) return controller.close();
        controller.enqueue(await read);
        ahead();
        if (reads.length === 0) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}
