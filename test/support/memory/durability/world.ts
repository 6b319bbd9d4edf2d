/**
 * A tenant whose uploads, edits, copies, purges, downloads, rounds and sweeps run at once over stores in memory, each
 * call of each at a moment that the test chooses. A block is a letter, packs are real ones.
 */
import type { ContentRow, VersionRow } from "../../../../core/files/model.ts";
import { collectGarbage, type NextSlice } from "../../../../core/garbage/round.ts";
import { compact, type CompactionDeps, MOVED_MAX, type NextCompaction } from "../../../../core/compaction/compact.ts";
import { BoundedCache } from "../../../../core/keys/bounded-cache.ts";
import { addLeaves, packsOf } from "../../../../core/manifests/leaves.ts";
import { dataEntry, type Entry } from "../../../../core/manifests/node.ts";
import { formatNode, parseText } from "../../../../core/manifests/root.ts";
import { packKey } from "../../../../core/packs/format.ts";
import type { FinishedPack } from "../../../../core/packs/writer.ts";
import { DriveError } from "../../../../core/protocol/errors.ts";
import { BlockReader } from "../../../../core/storage/block-reader.ts";
import type { ObjectStore, StoredObject } from "../../../../core/storage/ports.ts";
import { PackSeries } from "../../../../core/storage/write.ts";
import type { Engine } from "../../../../core/storage/engine.ts";
import type { Command, Result } from "../../../../core/sync/commands.ts";
import { Hub } from "../../../../core/sync/hub.ts";
import { expireUploads } from "../../../../core/uploads/expire.ts";
import type { UploadTarget } from "../../../../core/uploads/model.ts";
import { MemoryCompactionStore } from "../compaction-store.ts";
import { MemoryDrive, TENANT } from "../drive.ts";
import { memoryEngine } from "../engine.ts";
import { MemoryUploadStore } from "../upload-store.ts";
import { type Actor, Stage } from "./actors.ts";
import { Keys } from "./keys.ts";
import type { Mutation } from "./mutations.ts";
import { Tiers } from "./tiers.ts";
import { compactionSeenBy, driveSeenBy, Ended, expirySeenBy, Garbage, Objects } from "./stores.ts";
import { HOUR, DAY } from "../../../../core/time.ts";

type Turn = Actor["turn"];

/** Bytes of a letter. */
const BLOCK = 8;
const BITS = 14;
/** A request that began longer ago is ended by the platform. */
const REQUEST_MAX = DAY / 2;
/** Clocks are wrong by so much at most, each way. */
export const SKEW = 2 * DAY;

/** A letter and where it lies. */
interface Place {
  entry: Entry;
  letter: string;
}

export class World {
  readonly drive = new MemoryDrive();
  readonly stage = new Stage();
  readonly objects = new Objects();
  readonly keys = new Keys(() => this.drive.now);
  readonly tiers: Tiers;
  readonly garbage: Garbage;
  readonly compaction: MemoryCompactionStore;
  /** Messages of rounds that wait, and of compactions. */
  readonly queue: (NextSlice | null)[] = [];
  readonly compactions: (NextCompaction | null)[] = [];
  /** Pages of a slice: few, so that others come in between. */
  pages = 2;
  /** Added to the true time by whoever looks at a clock. */
  skew = 0;
  readonly #uploads = new MemoryUploadStore(this.drive.store);
  readonly #mutation: Mutation | null;
  readonly #rest = memoryEngine();
  /** Of manifests that were read. */
  readonly #places = new Map<string, Place[]>();
  /** What each content is to be, by its id. */
  readonly #letters = new Map<string, string>();
  #names = 0;

  constructor(mutation: Mutation | null, grace_days: number) {
    this.#mutation = mutation;
    this.tiers = new Tiers(this.drive.store, this.objects, mutation);
    this.garbage = new Garbage(this.drive.store, 2, mutation);
    this.garbage.grace_days = grace_days;
    this.compaction = new MemoryCompactionStore(this.drive.store, this.garbage, 2);
  }

  #engine = (objects: ObjectStore): Engine => ({
    ...this.#rest,
    keys: this.keys.ring,
    objects,
    leaves: new BoundedCache(10),
  });

  #clock = (): number => this.drive.now + this.skew;

  get versions(): VersionRow[] {
    return [...this.drive.store.state.versions.values()];
  }

  get contents(): ContentRow[] {
    return [...this.drive.store.state.contents.values()];
  }

  /** Another hub each time: two may believe that they own the drive. */
  #submit(turn: Turn, command: Command): Promise<Result> {
    const hub = new Hub({
      store: driveSeenBy(this.drive.store, turn, this.#mutation),
      now: this.#clock,
      newId: () => this.drive.id(),
      announce: () => undefined,
      report: () => undefined,
    });
    return this.drive.submit(hub, command, `op ${this.#names++}`);
  }

  #target(file_id: string | null): UploadTarget {
    if (file_id === null) return this.drive.target(`file ${this.#names++}`);
    return { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null };
  }

  /** A new file, or a version of one, of letters that are sent and letters that a version has. */
  upload(file_id: string | null, sent: string, base: VersionRow | null): Promise<void> {
    return this.stage.start(async (turn) => {
      const deadline = this.drive.now + REQUEST_MAX;
      const upload = { ...this.drive.upload(this.#target(file_id), sent.length), expires_at: this.drive.now + DAY };
      const { upload_id, target } = upload;
      const objects = this.objects.seenBy(turn, null);
      // Sealed before it is sent: what is made of it is known, whenever that is.
      const { pack, object, entries: own } = await this.#sealed(upload_id, sent);
      const { pack_id } = pack;
      const put = async (): Promise<boolean> => {
        await turn("put");
        if (this.drive.now > deadline) return false;
        this.objects.all.set(packKey(TENANT, pack_id), object);
        return true;
      };
      if (this.#mutation === "staging" && !(await put())) return;
      if (!(await this.#submit(turn, { op: "reserve_upload", upload })).ok) return;
      const borrowed = base === null ? [] : await this.#read(turn, base.content_id);
      if (this.#mutation !== "staging" && this.#mutation !== "visible" && !(await put())) return;
      const letters = sent + borrowed.map(({ letter }) => letter).join("");
      const content = await this.#content([...own, ...borrowed.map(({ entry }) => entry)], letters, [pack]);
      const { ok } = await this.#submit(turn, { op: "commit_upload", upload_id, target, content });
      if (this.#mutation === "visible") await put();
      if (ok || !(await this.#submit(turn, { op: "release_upload", upload_id })).ok) return;
      await objects.delete([packKey(TENANT, pack_id)]);
    });
  }

  /** Some letters of a content, as places that can be borrowed. */
  async #read(turn: Turn, content_id: string): Promise<Place[]> {
    await turn();
    const content = this.drive.store.state.contents.get(content_id);
    return content === undefined ? [] : (await this.#placesOf(content)).slice(0, 3);
  }

  /** A pack of letters; two of them are named by a leaf. */
  async #sealed(upload_id: string, sent: string) {
    let object: StoredObject | undefined;
    const put: ObjectStore["put"] = async (_key, body, metadata) =>
      void (object = { bytes: Uint8Array.from(body), metadata });
    const series = new PackSeries(this.#engine({ put } as ObjectStore), TENANT, upload_id);
    const writer = await series.open(sent.length);
    const data: Entry[] = [];
    for (const letter of sent)
      data.push(dataEntry(await writer.add("data", new Uint8Array(BLOCK).fill(letter.charCodeAt(0)))));
    const entries = sent.length > 1 ? await addLeaves(writer, BITS, data) : data;
    await series.finish(writer);
    return { pack: series.finished[0] as FinishedPack, object: object as StoredObject, entries };
  }

  async #content(entries: Entry[], letters: string, packs: FinishedPack[]) {
    const size = letters.length * BLOCK;
    const used = packsOf(entries);
    const manifest = await formatNode({ kind: "root", bits: BITS, size, packs: used, entries });
    const own = new Set(packs.map(({ pack_id }) => pack_id));
    const borrowed = used.filter((pack_id) => !own.has(pack_id));
    const content = { ...this.drive.content(size), manifest, packs, borrowed };
    this.#letters.set(content.content_id, letters);
    return content;
  }

  /** Read once, block by block; where something is missing, at least not all. */
  async #placesOf({ manifest }: ContentRow): Promise<Place[]> {
    const known = this.#places.get(manifest);
    if (known !== undefined) return known;
    const get: ObjectStore["get"] = async (...args) => this.objects.at(...args);
    const reader = new BlockReader(this.#engine({ get } as ObjectStore), TENANT);
    const places: Place[] = [];
    try {
      const root = await reader.root(manifest);
      for await (const { entry } of reader.data(root, 0, root.size))
        for await (const { raw } of reader.open(await reader.read({ entries: [entry], length: entry.stored })))
          places.push({ entry, letter: String.fromCharCode(raw[0] as number) });
    } catch (error) {
      throw new Error(`a block is missing: ${String(error)}`, { cause: error });
    }
    this.#places.set(manifest, places);
    return places;
  }

  copy({ file_id }: VersionRow): Promise<void> {
    const target = this.#target(null);
    return this.#command({ op: "create_from", source_file_id: file_id, target });
  }

  restore({ file_id, version_id }: VersionRow): Promise<void> {
    return this.#command({ op: "restore_version", file_id, version_id });
  }

  purgeVersion({ file_id, version_id }: VersionRow): Promise<void> {
    return this.#command({ op: "purge_version", file_id, version_id });
  }

  purge({ file_id }: VersionRow): Promise<void> {
    return this.#command({ op: "trash", file_id }, { op: "purge", file_id });
  }

  #command(...commands: Command[]): Promise<void> {
    return this.stage.start(async (turn) => {
      for (const command of commands) await this.#submit(turn, command);
    });
  }

  /** Two contents of the same letters: one is stored as the other. */
  repoint(content: ContentRow, kept: ContentRow): Promise<void> {
    return this.stage.start(async (turn) => {
      if (this.#letters.get(content.content_id) !== this.#letters.get(kept.content_id)) return;
      const needed = (await parseText(kept.manifest)).packs;
      await turn();
      this.drive.store.interfere(({ contents, packs }) => {
        const now = contents.get(content.content_id);
        if (now === undefined || now.manifest !== content.manifest) return;
        if (this.#mutation !== "repoint" && needed.some((id) => packs.get(id)?.state !== "live")) return;
        contents.set(content.content_id, { ...now, manifest: kept.manifest });
      });
    });
  }

  /** Reads letter by letter, again and again; must get all of them when it is done within the grace, whatever is purged meanwhile. */
  download(version: VersionRow): Promise<void> {
    const content = this.drive.store.state.contents.get(version.content_id) as ContentRow;
    const until = this.drive.now + this.garbage.grace_days * DAY - 2 * SKEW;
    return this.stage.start(async (turn) => {
      const places = await this.#placesOf(content);
      for (const place of [...places, ...places, ...places]) {
        await turn();
        this.tiers.note(place.entry.pack_id, this.drive.now);
        if (this.drive.now < until) this.#require(place, "a download was cut");
      }
    });
  }

  /** Packs never change, so that it is there is enough. */
  #require({ entry }: Place, otherwise: string): void {
    if (!this.tiers.has(entry.pack_id)) throw new Error(otherwise);
  }

  /** One message of the queue `cleanup`: null is the day's tick. */
  collect(slice: NextSlice | null, alone?: Turn): Promise<void> {
    const run = async (turn: Turn): Promise<void> => {
      const engine = this.#engine(this.objects.seenBy(turn, this.#mutation));
      const forget = async (): Promise<void> => undefined;
      const done = async (): Promise<void> => {
        await turn();
        this.compactions.push(null);
      };
      const report = (content_id: string, error: unknown): never => {
        throw new Error(`${content_id}: ${String(error)}`);
      };
      const store = this.garbage.seenBy(turn);
      const rest = { engine, forget, done, report, pages: alone === undefined ? this.pages : 1_000, now: this.#clock };
      const next = await collectGarbage({ tenant_id: TENANT, store, ...rest }, slice);
      if (next === null) return;
      await turn();
      this.queue.push(next);
    };
    return alone === undefined ? this.stage.start(run) : run(alone);
  }

  /** A whole round, with nothing between its calls. */
  async round(): Promise<void> {
    const turn = async (): Promise<void> => undefined;
    const others = this.queue.splice(0);
    await this.collect(null, turn);
    while (this.queue.length > 0) await this.collect(this.queue.shift() as NextSlice, turn);
    this.queue.push(...others);
  }

  /** One message of a compaction: null is what follows a round. */
  compact(slice: NextCompaction | null, alone?: Turn): Promise<void> {
    const deadline = this.drive.now + REQUEST_MAX;
    const run = async (turn: Turn): Promise<void> => {
      const objects = this.objects.seenBy(turn, this.#mutation);
      const put: ObjectStore["put"] = async (...args) => {
        await turn("put");
        if (this.drive.now > deadline) throw new Ended();
        return this.objects.seenBy(async () => undefined, this.#mutation).put(...args);
      };
      const isLate = (now: number): boolean => this.drive.now > now + HOUR / 2;
      const store = compactionSeenBy(
        this.compaction,
        turn,
        this.#mutation,
        isLate,
        this.objects,
        this.tiers.isArchived,
      );
      const deps: CompactionDeps = {
        tenant_id: TENANT,
        store,
        contents: this.garbage.seenBy(turn),
        engine: this.#engine({ ...objects, put }),
        pages: alone === undefined ? this.pages : 1_000,
        blocks: MOVED_MAX,
        // The true time, as of the sweep that ends what a run leaves behind.
        now: () => this.drive.now,
        copyLater: async () => undefined,
        report: (what, error) => {
          throw new Error(`${JSON.stringify(what)}: ${String(error)}`);
        },
      };
      try {
        const next = await compact(deps, slice);
        if (next === null) return;
        await turn();
        this.compactions.push(next);
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
      }
    };
    return alone === undefined ? this.stage.start(run) : run(alone);
  }

  expire(alone?: Turn): Promise<void> {
    const run = async (turn: Turn): Promise<void> =>
      expireUploads({
        store: expirySeenBy(this.#uploads, turn, this.#mutation),
        objects: this.objects.seenBy(turn, this.#mutation),
        submit: (_drive_id, { command }) => this.#submit(turn, command),
        // The true time: who expires early leaves bytes that only a listing finds.
        now: () => this.drive.now,
        report: () => undefined,
      });
    return alone === undefined ? this.stage.start(run) : run(alone);
  }

  /** The day's walk over the packs, or what somebody asks back. */
  move(asked: VersionRow | null): Promise<void> {
    const deadline = this.drive.now + REQUEST_MAX;
    return this.stage.start(async (turn) => {
      const limited = async (call?: string): Promise<void> => {
        await turn(call);
        if (this.drive.now > deadline) throw new Ended();
      };
      const engine = this.#engine(this.objects.seenBy(limited, this.#mutation));
      try {
        if (asked === null) await this.tiers.walk(limited, this.#clock);
        else await this.tiers.restore(limited, asked.content_id, engine, this.#clock);
      } catch (error) {
        if (!(error instanceof Ended)) throw error;
      }
    });
  }

  /** All keys get successors, under a master that is new perhaps. */
  rotate(isNewMaster: boolean): Promise<void> {
    if (isNewMaster) this.keys.addMaster();
    return this.stage.start((turn) =>
      this.keys.rotate(turn, (_, error) => {
        // What was wrapped since by a master that it does not know.
        if (!(error instanceof DriveError && error.code === "unavailable")) throw error;
      }),
    );
  }

  /** What is read from now on is read from its store. */
  forgetReads(): void {
    this.#places.clear();
  }

  /** Every version that there is can be read, exactly. */
  async check(): Promise<void> {
    if (this.stage.errors.length > 0) throw this.stage.errors[0];
    for (const { content_id } of this.versions) {
      const content = this.drive.store.state.contents.get(content_id);
      if (content === undefined) throw new Error("a version has no content");
      const places = await this.#placesOf(content);
      if (places.map(({ letter }) => letter).join("") !== this.#letters.get(content_id))
        throw new Error("a content was exchanged for another one");
      for (const place of places) this.#require(place, "a block is missing");
    }
  }
}
