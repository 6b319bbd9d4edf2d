/** The frames of a batch, into one pack. docs/spec/uploads.md, U21 and U22. */
import type { BlockBits } from "../blocks/classes.ts";
import type { ByteSource } from "../delta/ports.ts";
import { refusal } from "../delta/refusal.ts";
import { unpackWith } from "../delta/unpack.ts";
import { frameBlocks } from "../frames/blocks.ts";
import type { Frame } from "../frames/format.ts";
import type { PackWriter } from "../packs/writer.ts";
import { DriveError } from "../protocol/errors.ts";
import type { Codec, Bytes } from "../storage/ports.ts";
import { refuse } from "./items.ts";
import type { Item } from "./items.ts";
import type { Put } from "./model.ts";
import { StoredFrames } from "./stored-frames.ts";

export interface PutItem extends Item<Put> {
  /** The class of its blocks. */
  bits: BlockBits;
  base(): Promise<ByteSource | undefined>;
  /** Where its own frames begin among the bytes of all frames; known once they came. */
  start: number;
}

/** Blocks of each file that may be shorter than their class says: the last one, and one to spare. */
const SPARE = 2;

/** A frame that is stored, and where its bytes begin among those of all frames. */
interface Kept {
  item: PutItem;
  start: number;
}

const wrongSize = ({ size }: Put): DriveError =>
  new DriveError("size_mismatch", `The frames of this change do not stand for ${size} bytes, as it says.`);

/** Reads frames with the changes that they belong to; those of refused changes are read over. */
class FrameFilter {
  readonly #puts: readonly PutItem[];
  /** Of the frames that are stored. */
  readonly kept: Kept[] = [];
  readonly stored = new StoredFrames();
  #room: number;
  #at = 0;

  constructor(puts: readonly PutItem[]) {
    this.#puts = puts;
    this.#room = puts.reduce((sum, { answer, change }) => sum + (answer === null ? change.size : 0), 0);
  }

  async *of(frames: AsyncGenerator<Frame>): AsyncGenerator<Frame> {
    try {
      for (const item of this.#puts) yield* this.#own(frames, item);
      if ((await frames.next()).done !== true) throw miscounted();
    } finally {
      await frames.return(undefined);
    }
  }

  async *#own(frames: AsyncGenerator<Frame>, item: PutItem): AsyncGenerator<Frame> {
    const { change } = item;
    const start = (item.start = this.#at);
    const isWhole = change.segments === null;
    for (let i = 0; i < change.frames; i++) {
      const { value: frame, done } = await frames.next();
      if (done === true) throw miscounted();
      const at = this.#at;
      this.#at += frame.raw_length;
      if (isWhole && item.answer === null && this.#at - start > change.size) refuse(item, wrongSize(change));
      if (item.answer !== null) continue;
      this.#room -= frame.raw_length;
      if (this.#room < 0) throw new DriveError("size_mismatch", "The frames stand for more bytes than the files have.");
      this.kept.push({ item, start: at });
      yield frame;
      // The next one is asked for once this one was verified.
      this.stored.know(at, frame.raw_length, frame.hash);
    }
    if (isWhole && item.answer === null && this.#at - start !== change.size) refuse(item, wrongSize(change));
  }
}

const miscounted = (): DriveError =>
  refusal("frame_count", "The body has another number of frames than its changes say.");

/**
 * @param puts all of the batch, the refused ones too, whose frames come all the same
 * @param pack is asked for with the first block
 */
export async function storeFrames(
  { codec, bytes }: { codec: Codec; bytes: Bytes },
  pack: () => Promise<PackWriter>,
  frames: AsyncGenerator<Frame>,
  puts: readonly PutItem[],
): Promise<StoredFrames> {
  const filter = new FrameFilter(puts);
  const { kept, stored } = filter;
  const contextOf = (frame: number) => (kept[frame] as Kept).item;
  const whole = new WholeHash(bytes, stored);
  let last = -1;
  let at = 0;
  try {
    for await (const { frame, raw } of frameBlocks(
      filter.of(frames),
      unpackWith(codec),
      contextOf,
      SPARE * puts.length,
    )) {
      const { item, start } = kept[frame] as Kept;
      if (frame !== last) at = start;
      last = frame;
      stored.add(at, await (await pack()).add("data", raw));
      await whole.add(item, at, raw);
      at += raw.length;
    }
    await whole.end();
  } catch (error) {
    // The client sends the blocks of this change whole; those of the others were good as they are.
    if (error instanceof DriveError && error.code === "base_mismatch")
      throw new DriveError(error.code, error.message, { ...error.extra, op_id: kept.at(-1)?.item.change.op_id });
    throw error;
  }
  return stored;
}

/** The hash of what all frames of a change stand for, where they are several; a single one brings its own. */
class WholeHash {
  readonly #bytes: Bytes;
  readonly #stored: StoredFrames;
  #current: { item: PutItem; start: number; length: number; hasher: ReturnType<Bytes["hasher"]> } | null = null;

  constructor(bytes: Bytes, stored: StoredFrames) {
    this.#bytes = bytes;
    this.#stored = stored;
  }

  async add(item: PutItem, start: number, raw: Uint8Array): Promise<void> {
    if (this.#current?.item !== item) {
      await this.end();
      const { segments, frames } = item.change;
      if (segments !== null || frames < 2) return;
      this.#current = { item, start, length: 0, hasher: this.#bytes.hasher() };
    }
    this.#current.length += raw.length;
    await this.#current.hasher.update(raw);
  }

  async end(): Promise<void> {
    if (this.#current === null) return;
    const { start, length, hasher } = this.#current;
    this.#current = null;
    this.#stored.know(start, length, await hasher.digest());
  }
}
