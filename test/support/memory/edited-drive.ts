/** A drive whose files have real bytes and histories, and a clock for its rounds and compactions. */
import { type BlockBits } from "../../../core/blocks/classes.ts";
import { cutBlocks } from "../../../core/blocks/stream.ts";
import { compact, type CompactionDeps, MOVED_MAX, type NextCompaction } from "../../../core/compaction/compact.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { collectGarbage, type NextSlice } from "../../../core/garbage/round.ts";
import { dataEntry, type Entry } from "../../../core/manifests/node.ts";
import { spanOf } from "../../../core/manifests/leaves.ts";
import { sha256 } from "../../../core/packs/block.ts";
import { BlockReader } from "../../../core/storage/block-reader.ts";
import { collect } from "../../../core/storage/collect.ts";
import { ContentMap } from "../../../core/storage/content-map.ts";
import { readContent } from "../../../core/storage/read.ts";
import { packsBelow, slice } from "../../../core/storage/slice.ts";
import { PackSeries, writeBlocks, writeRoot } from "../../../core/storage/write.ts";
import type { UploadTarget } from "../../../core/uploads/model.ts";
import { expireUploads } from "../../../core/uploads/expire.ts";
import { MemoryCompactionStore } from "./compaction-store.ts";
import { MemoryDrive, TENANT } from "./drive.ts";
import { anotherKey, memoryEngine, piecesOf } from "./engine.ts";
import { MemoryGarbageStore } from "./garbage-store.ts";
import { MemoryUploadStore } from "./upload-store.ts";
import { DAY } from "../../../core/time.ts";

export const noise = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};

export class EditedDrive {
  readonly drive = new MemoryDrive(2 ** 40);
  readonly engine = memoryEngine();
  readonly garbage: MemoryGarbageStore;
  readonly compaction: MemoryCompactionStore;
  readonly uploads: MemoryUploadStore;
  readonly reports: object[] = [];
  readonly #hub = this.drive.hub();
  readonly #bits: BlockBits;

  /** @param page rows of one page, @param bits class of all blocks */
  constructor(page = 500, bits: BlockBits = 14) {
    this.#bits = bits;
    this.garbage = new MemoryGarbageStore(this.drive.store, page);
    this.compaction = new MemoryCompactionStore(this.drive.store, this.garbage, page);
    this.uploads = new MemoryUploadStore(this.drive.store);
  }

  /** Leaves that were kept are forgotten, as by another isolate. */
  get reader(): BlockReader {
    return new BlockReader(memoryEngine(this.engine.objects, this.engine.store), TENANT);
  }

  async #commit(target: UploadTarget, size: number, make: (series: PackSeries) => Promise<Entry[]>): Promise<FileRow> {
    const upload = this.drive.upload(target, size);
    const { upload_id } = upload;
    await this.drive.submit(this.#hub, { op: "reserve_upload", upload });
    const series = new PackSeries(this.engine, TENANT, upload_id);
    const entries = await make(series);
    const packs = await packsBelow(this.reader, entries, ["below leaves"]);
    const manifest = await writeRoot(series, { kind: "root", bits: this.#bits, size: spanOf(entries), packs, entries });
    const own = new Set(series.finished.map(({ pack_id }) => pack_id));
    const borrowed = packs.filter((pack_id) => !own.has(pack_id));
    const content = { ...this.drive.content(size), manifest, packs: series.finished, borrowed };
    const result = await this.drive.submit(this.#hub, { op: "commit_upload", upload_id, target, content });
    if (!result.ok) throw new Error(result.failure.code);
    return result.outcome.file as FileRow;
  }

  file(name: string, bytes: Uint8Array): Promise<FileRow> {
    return this.#commit(this.drive.target(name), bytes.length, async (series) => {
      const options = { bits: this.#bits, size: bytes.length, whole: true } as const;
      return (await writeBlocks(series, piecesOf(bytes), options)).entries;
    });
  }

  /** A version of a file that borrows what it begins and ends with from the one before (U18). */
  async edit({ file_id, content_id }: FileRow, bytes: Uint8Array): Promise<FileRow> {
    const target = { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null } as const;
    const { reader } = this;
    const map = new ContentMap(reader, await reader.root(this.manifestOf(content_id as string)));
    const old = await map.blocks(0, map.root.size);
    const blocks: Uint8Array[] = [];
    for await (const block of cutBlocks(piecesOf(bytes), this.#bits)) blocks.push(block.slice());
    const hashes = await Promise.all(blocks.map(async (block) => Buffer.from(await sha256(block)).toString("hex")));
    const isSame = (i: number, j: number): boolean =>
      old[i] !== undefined && hashes[j] === Buffer.from(old[i].entry.hash).toString("hex");
    let head = 0;
    while (isSame(head, head)) head++;
    let tail = 0;
    while (tail < blocks.length - head && isSame(old.length - 1 - tail, blocks.length - 1 - tail)) tail++;
    const start = old[head]?.start ?? map.root.size;
    const end = tail === 0 ? map.root.size : (old[old.length - tail] as { start: number }).start;
    return this.#commit(target, bytes.length, async (series) => {
      const entries = start === 0 ? [] : ((await slice(map, 0, start)) as Entry[]);
      if (head + tail < blocks.length) {
        const pack = await series.open(null);
        for (const block of blocks.slice(head, blocks.length - tail))
          entries.push(dataEntry(await pack.add("data", block)));
        await series.finish(pack);
      }
      const rest = map.root.size - end;
      return rest === 0 ? entries : [...entries, ...((await slice(map, end, rest)) as Entry[])];
    });
  }

  async purge({ file_id }: FileRow): Promise<void> {
    await this.drive.submit(this.#hub, { op: "trash", file_id });
    await this.drive.submit(this.#hub, { op: "purge", file_id });
  }

  /** Ends all versions of a file but the newest ones. */
  async keep(file_id: string, count: number): Promise<void> {
    const versions = [...this.drive.store.state.versions.values()].filter((v) => v.file_id === file_id);
    const old = versions.toSorted((a, b) => b.version_number - a.version_number).slice(count);
    for (const { version_id } of old) await this.drive.submit(this.#hub, { op: "purge_version", file_id, version_id });
  }

  manifestOf = (content_id: string): string => this.drive.store.state.contents.get(content_id)?.manifest as string;

  async read(content_id: string): Promise<Uint8Array> {
    const { manifest, size } = this.drive.store.state.contents.get(content_id)!;
    const engine = memoryEngine(this.engine.objects, this.engine.store);
    return collect(await readContent(engine, TENANT, manifest, 0, size), size);
  }

  compactionDeps(more: Partial<CompactionDeps> = {}): CompactionDeps {
    const [store, contents] = [this.compaction, this.garbage];
    const report: CompactionDeps["report"] = (what) => void this.reports.push(what);
    const rest = {
      engine: this.engine,
      pages: 1_000,
      blocks: MOVED_MAX,
      now: () => this.drive.now,
      copyLater: async () => undefined,
      report,
    };
    return { tenant_id: TENANT, store, contents, ...rest, ...more };
  }

  /** A whole run. @returns its slices */
  async compact(more: Partial<CompactionDeps> = {}): Promise<number> {
    const deps = this.compactionDeps(more);
    let slices = 1;
    let next: NextCompaction | null = await compact(deps, null);
    for (; next !== null; slices++) next = await compact(deps, next);
    return slices;
  }

  /** A run of which one call fails, counted from 0. @returns whether it came to its end before */
  crashes(at: number): Promise<boolean> {
    let calls = 0;
    const crashing = <T extends object>(target: T): T =>
      new Proxy(target, {
        get: (_, name) => {
          const value = Reflect.get(target, name) as unknown;
          if (typeof value !== "function") return value;
          return (...args: unknown[]) => {
            if (calls++ === at) throw new Error("crash");
            return (value as (...all: unknown[]) => unknown).apply(target, args);
          };
        },
      });
    const engine = { ...this.engine, objects: crashing(this.engine.objects) };
    const deps = { engine, store: crashing(this.compaction), contents: crashing(this.garbage), pages: 2 };
    return this.compact(deps).then(
      () => true,
      () => false,
    );
  }

  /** What is written from now on has another key of the tenant, and packs with the earlier ones are to go (C12). */
  async rewrite(): Promise<void> {
    this.compaction.rewrite_below = await anotherKey(this.engine);
  }

  /** A whole round of garbage collection, without what follows it. */
  async round(): Promise<void> {
    const deps = {
      tenant_id: TENANT,
      store: this.garbage,
      engine: this.engine,
      forget: async () => undefined,
      done: async () => undefined,
      pages: 1_000,
      now: () => this.drive.now,
      report: (content_id: string) => void this.reports.push({ content_id }),
    };
    let next: NextSlice | null = await collectGarbage(deps, null);
    while (next !== null) next = await collectGarbage(deps, next);
  }

  /** Days pass, each with its sweeps. */
  async days(count: number, each = 1): Promise<void> {
    for (let i = 0; i < count; i++) {
      this.drive.now += each * DAY;
      await expireUploads({
        store: this.uploads,
        objects: this.engine.objects,
        submit: (_drive_id, { command }) => this.drive.submit(this.#hub, command),
        now: () => this.drive.now,
        report: (_upload, error) => {
          throw error;
        },
      });
      await this.round();
      await this.compact();
    }
  }

  get storedBytes(): number {
    let bytes = 0;
    for (const { bytes: object } of this.engine.objects.objects.values()) bytes += object.length;
    return bytes;
  }

  /** Stored bytes of all blocks that contents need: each once, data and manifests. */
  async neededBytes(): Promise<number> {
    const needed = new Map<string, number>();
    const add = ({ pack_id, index, stored }: Entry): void => void needed.set(`${pack_id}/${index}`, stored);
    for (const { manifest } of this.drive.store.state.contents.values()) {
      const { reader } = this;
      const root = await reader.root(manifest);
      for (const entry of root.entries) add(entry);
      for await (const { entry } of reader.data(root, 0, root.size)) add(entry);
    }
    return [...needed.values()].reduce((sum, stored) => sum + stored, 0);
  }
}
