/** Any range of any content, as a stream. docs/spec/storage.md, S1 to S3. */
import type { TenantId } from "../protocol/ids.ts";
import type { Allowance } from "./allowance.ts";
import { BlockReader, READ_MAX, type ReadRun } from "./block-reader.ts";
import { damaged, isDamage } from "./damage.ts";
import type { Engine } from "./engine.ts";
import { free } from "./free.ts";
import { joinRuns, readAhead } from "./runs.ts";

type Piece = Uint8Array<ArrayBuffer>;

/** Ranged reads under way, where the isolate has memory to spare. */
export const AHEAD = 5;

/**
 * The wanted bytes, block by block: `start` is where the first entry's bytes begin in the content. A generator's turn is
 * the reader's turn, so nothing piles up behind a slow one.
 */
async function* wanted(
  reader: BlockReader,
  spare: Allowance,
  manifest: string,
  offset: number,
  length: number,
): AsyncGenerator<Piece> {
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
  for await (const run of readAhead(joinRuns(entries(), READ_MAX), read, AHEAD, (run) => spare.take(run.length)))
    for await (const { raw } of reader.open(run)) {
      const piece = raw.subarray(Math.max(0, offset - at), Math.min(raw.length, offset + length - at));
      at += raw.length;
      yield piece;
    }
}

export interface ReadOptions {
  /** A piece is valid only until the next one is asked for: then its memory goes back at once. */
  fleeting: boolean;
  /** The content's manifest as it is now, null when there is none: asked for once, where what it named cannot be read. */
  again?: () => Promise<string | null>;
}

/** The same, from another manifest once the first one fails: its packs may have been compacted away meanwhile. */
async function* wantedAgain(
  read: (manifest: string, offset: number, length: number) => AsyncGenerator<Piece>,
  manifest: string,
  offset: number,
  length: number,
  again: () => Promise<string | null>,
): AsyncGenerator<Piece> {
  let at = offset;
  try {
    for await (const piece of read(manifest, offset, length)) {
      at += piece.length;
      yield piece;
    }
  } catch (error) {
    const now = isDamage(error) ? await again() : null;
    if (now === null || now === manifest) throw error;
    yield* read(now, at, offset + length - at);
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
  options: ReadOptions = { fleeting: false },
): Promise<ReadableStream<Uint8Array>> {
  if (length === 0) return new Blob([]).stream();
  const read = (text: string, from: number, bytes: number): AsyncGenerator<Piece> =>
    wanted(new BlockReader(engine, tenant_id), engine.spare, text, from, bytes);
  const { again } = options;
  const pieces =
    again === undefined ? read(manifest, offset, length) : wantedAgain(read, manifest, offset, length, again);
  let next: Promise<IteratorResult<Piece>> | null = Promise.resolve(await pieces.next());
  let last: Piece | null = null;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (last !== null) free(last);
        last = null;
        const { value, done } = await (next ?? pieces.next());
        next = null;
        if (done) return controller.close();
        if (options.fleeting) last = value;
        controller.enqueue(value);
      },
      async cancel() {
        await pieces.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
