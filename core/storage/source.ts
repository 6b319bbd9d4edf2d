/** A stored content as the base of deltas: ranges in any order, in bounded memory. */
import type { ByteSource } from "../delta/ports.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader, READ_MAX } from "./block-reader.ts";
import { ContentMap, type Placed } from "./content-map.ts";
import type { Engine } from "./engine.ts";
import { joinRuns } from "./runs.ts";

/** Ranges read at once: each holds a read and a block. */
const PARALLEL = 4;

/** Bytes of blocks that are remembered: ranges that follow one another meet within a block. */
const KEPT_BYTES = 4 * 1024 * 1024;

/** @param manifest the text of a content's row, read when the first range is asked for */
export function contentSource(engine: Engine, tenant_id: TenantId, manifest: string, size: number): ByteSource {
  const reader = new BlockReader(engine, tenant_id);
  let opened: Promise<ContentMap> | undefined;
  const open = async (): Promise<ContentMap> => new ContentMap(reader, await reader.root(manifest));
  const kept = new KeptBlocks();
  const turns: Promise<unknown>[] = Array.from({ length: PARALLEL }, () => Promise.resolve());
  let next = 0;

  const read = async (offset: number, length: number): Promise<Uint8Array> => {
    opened ??= open();
    const end = Math.min(size, offset + length);
    const out = new Uint8Array(Math.max(0, end - offset));
    const put = ({ start }: Placed, raw: Uint8Array): void => {
      const from = Math.max(0, offset - start);
      const piece = raw.subarray(from, Math.min(raw.length, end - start));
      out.set(piece, Math.max(0, start - offset));
    };
    const missing: Placed[] = [];
    for (const placed of await (await opened).blocks(offset, out.length)) {
      const raw = kept.get(placed.start);
      if (raw === undefined) missing.push(placed);
      else put(placed, raw);
    }
    const places = missing.values();
    for await (const run of joinRuns(
      missing.map(({ entry }) => entry),
      READ_MAX,
    ))
      for await (const { raw } of reader.open(await reader.read(run))) {
        const placed = places.next().value as Placed;
        put(placed, raw);
        if (placed.start < offset || placed.start + raw.length > end) kept.put(placed.start, raw);
      }
    return out;
  };

  return {
    size,
    read(offset, length) {
      const turn = next++ % PARALLEL;
      const mine = (turns[turn] as Promise<unknown>).then(() => read(offset, length));
      turns[turn] = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** The blocks that were used last, by where they begin. */
class KeptBlocks {
  readonly #blocks = new Map<number, Uint8Array>();
  #bytes = 0;

  get(start: number): Uint8Array | undefined {
    return this.#blocks.get(start);
  }

  put(start: number, raw: Uint8Array): void {
    if (this.#blocks.has(start)) return;
    this.#blocks.set(start, raw);
    this.#bytes += raw.length;
    for (const [oldest, { length }] of this.#blocks) {
      if (this.#bytes <= KEPT_BYTES || oldest === start) return;
      this.#blocks.delete(oldest);
      this.#bytes -= length;
    }
  }
}
