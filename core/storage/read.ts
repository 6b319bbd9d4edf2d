/** Any range of any content, as a stream. docs/spec/storage.md, S1 to S3. */
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader, READ_MAX, type ReadRun } from "./block-reader.ts";
import { damaged } from "./damage.ts";
import type { Engine } from "./engine.ts";
import { joinRuns, readAhead } from "./runs.ts";

/** Ranged reads under way: with `READ_MAX`, the memory of a download. */
const AHEAD = 5;

/**
 * The wanted bytes, block by block: `start` is where the first entry's bytes begin in the content. A generator's turn is
 * the reader's turn, so nothing piles up behind a slow one.
 */
async function* wanted(
  reader: BlockReader,
  manifest: string,
  offset: number,
  length: number,
): AsyncGenerator<Uint8Array> {
  const root = await reader.root(manifest);
  if (offset + length > root.size) throw damaged("a manifest is shorter than its file");
  let at = -1;
  const entries = async function* () {
    for await (const { entry, start } of reader.data(root, offset, length)) {
      if (at < 0) at = start;
      yield entry;
    }
  };
  const read = (run: Parameters<BlockReader["read"]>[0]): Promise<ReadRun> => reader.read(run);
  for await (const run of readAhead(joinRuns(entries(), READ_MAX), read, AHEAD))
    for await (const { raw } of reader.open(run)) {
      const piece = raw.subarray(Math.max(0, offset - at), Math.min(raw.length, offset + length - at));
      at += raw.length;
      yield piece;
    }
}

/**
 * `length` bytes of a content from `offset`. The first ones are read before the answer; what is damaged later errors
 * the stream: never wrong bytes, never a short success.
 */
export async function readContent(
  engine: Engine,
  tenant_id: TenantId,
  manifest: string,
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array>> {
  if (length === 0) return new Blob([]).stream();
  const pieces = wanted(new BlockReader(engine, tenant_id), manifest, offset, length);
  let next: Promise<IteratorResult<Uint8Array>> | null = Promise.resolve(await pieces.next());
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await (next ?? pieces.next());
        next = null;
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
