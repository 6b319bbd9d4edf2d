/**
 * The bytes of a version, through an immutable entry of the edge cache: keyed by tenant and version, kept as a whole,
 * ranges cut from it. Memory is one piece, however large the file is. docs/spec/links.md, L7, L8.
 */
import { readContent } from "../../core/storage/read.ts";
import type { TenantId } from "../../core/protocol/ids.ts";
import type { SharedFile } from "../../core/sharing/links.ts";
import type { CacheKey } from "../../platform/cache/edge-cache.ts";
import type { Deps } from "./deps.ts";

type BytesDeps = Pick<Deps, "engine" | "reads" | "bytes_cache" | "now" | "waitUntil">;
type Bytes = ReadableStream<Uint8Array>;

/** Larger files stream from R2 each time: filling an entry would cost more than it saves. */
const ENTRY_MAX = 128 * 1024 * 1024;

/**
 * Versions whose entries this isolate fills right now, with the time of the last piece: parallel visitors of a new
 * file do not all fill it. A request that dies cannot say so, hence the time.
 */
const filling = new Map<string, number>();
/** A filling that has taken no piece for so long counts as dead. Milliseconds. */
const STALLED = 30_000;

/** Whether somebody is at it; forgets the dead. */
function isFilling(version_id: string, now: number): boolean {
  for (const [id, at] of filling) if (at + STALLED <= now) filling.delete(id);
  return filling.has(version_id);
}

/** Straight from R2: for guarded links, whose bytes no cache may hold. */
export const openStored = (
  { engine }: Pick<Deps, "engine">,
  tenant: TenantId,
  file: SharedFile,
  offset: number,
  length: number,
): Promise<Bytes> => readContent(engine, tenant, file.manifest ?? "", offset, length, { fleeting: true });

/**
 * A source that fills an entry while it is read, piece by piece: the reader's pace is the cache's pace, so nothing
 * piles up (`tee` would). A cache that gives up does not stop the reader; a source that breaks breaks both.
 */
class Filling {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #entry: WritableStreamDefaultWriter<Uint8Array>;
  readonly #moved: () => void;
  #keeping = true;

  constructor(deps: BytesDeps, key: CacheKey, version_id: string, source: Bytes, size: number) {
    const { readable, writable } = new FixedLengthStream(size);
    const headers = { "cache-control": "public, max-age=31536000, immutable", "content-length": String(size) };
    filling.set(version_id, deps.now());
    this.#moved = () => {
      if (filling.has(version_id)) filling.set(version_id, deps.now());
    };
    const put = deps.bytes_cache.put(key, new Response(readable, { headers }));
    const kept = put.finally(() => filling.delete(version_id));
    deps.waitUntil(kept);
    this.#reader = source.getReader();
    this.#entry = writable.getWriter();
  }

  async #keep(step: () => Promise<void>): Promise<void> {
    if (!this.#keeping) return;
    this.#moved();
    try {
      await step();
    } catch {
      this.#keeping = false;
    }
  }

  /** Null at the end. */
  async next(): Promise<Uint8Array | null> {
    try {
      const { value, done } = await this.#reader.read();
      await this.#keep(() => (done ? this.#entry.close() : this.#entry.write(value)));
      return done ? null : value;
    } catch (error) {
      await this.#keep(() => this.#entry.abort(error));
      throw error;
    }
  }

  /** Reads on for the entry alone. */
  async rest(): Promise<void> {
    try {
      while (this.#keeping && (await this.next()) !== null);
      await this.#reader.cancel();
    } catch {
      // The entry is not kept; whoever reads the file next meets the same fault and says so.
    }
  }
}

/** For `Representation.open` of a link that anyone may open; guarded links read R2 themselves. */
export async function openShared(
  deps: BytesDeps,
  tenant: TenantId,
  file: SharedFile,
  offset: number,
  length: number,
): Promise<Bytes> {
  const whole = offset === 0 && length === file.size;
  if (length === 0 || file.size > ENTRY_MAX || file.version_id === null)
    return openStored(deps, tenant, file, offset, length);
  const key = [String(tenant), file.version_id];
  const entry = await deps.bytes_cache.match(key, whole ? undefined : { offset, length });
  if (entry?.body) {
    deps.waitUntil(deps.reads.noteContent(tenant, file.version_id, file.manifest ?? ""));
    return entry.body;
  }
  if (isFilling(file.version_id, deps.now())) return openStored(deps, tenant, file, offset, length);
  const fill = new Filling(deps, key, file.version_id, await openStored(deps, tenant, file, 0, file.size), file.size);
  if (!whole) {
    // The rest of the file is on nobody's way: a second read fills the entry behind the answer.
    deps.waitUntil(fill.rest());
    return openStored(deps, tenant, file, offset, length);
  }
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const piece = await fill.next();
        if (piece === null) controller.close();
        else controller.enqueue(piece);
      },
      cancel() {
        deps.waitUntil(fill.rest());
      },
    },
    { highWaterMark: 0 },
  );
}
