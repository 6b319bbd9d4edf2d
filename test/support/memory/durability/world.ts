/**
 * A tenant whose uploads, edits, copies, purges, downloads, rounds and sweeps run at once over stores in memory, each
 * call of each at a moment that the test chooses. A block is a letter; a pack's object is the letters in it.
 */
import type { ContentRow, VersionRow } from "../../../../core/files/model.ts";
import { collectGarbage, type NextSlice } from "../../../../core/garbage/round.ts";
import type { Entry } from "../../../../core/manifests/node.ts";
import { formatNode } from "../../../../core/manifests/root.ts";
import { newPackId, packKey } from "../../../../core/packs/format.ts";
import type { Engine } from "../../../../core/storage/engine.ts";
import type { Command, Result } from "../../../../core/sync/commands.ts";
import { Hub } from "../../../../core/sync/hub.ts";
import { expireUploads } from "../../../../core/uploads/expire.ts";
import type { UploadTarget } from "../../../../core/uploads/model.ts";
import { MemoryDrive, TENANT } from "../drive.ts";
import { MemoryUploadStore } from "../upload-store.ts";
import { type Actor, Stage } from "./actors.ts";
import type { Mutation } from "./mutations.ts";
import { driveSeenBy, expirySeenBy, Garbage, Objects } from "./stores.ts";

type Turn = Actor["turn"];

export const DAY = 24 * 60 * 60 * 1000;
/** Bytes of a letter. */
const BLOCK = 8;
/** A request that began longer ago is ended by the platform. */
const REQUEST_MAX = DAY / 2;
/** Clocks are wrong by so much at most, each way. */
export const SKEW = 2 * DAY;

/** A letter and where it lies. */
interface Place {
  pack_id: string;
  index: number;
  letter: string;
}

export class World {
  readonly drive = new MemoryDrive();
  readonly stage = new Stage();
  readonly objects = new Objects();
  readonly garbage: Garbage;
  /** Messages of rounds that wait. */
  readonly queue: (NextSlice | null)[] = [];
  /** Pages of a slice: few, so that others come in between. */
  pages = 2;
  /** Added to the true time by whoever looks at a clock. */
  skew = 0;
  readonly #uploads = new MemoryUploadStore(this.drive.store);
  readonly #mutation: Mutation | null;
  readonly #manifests = new Map<string, Place[]>();
  /** What each content is to be, by its id. */
  readonly #letters = new Map<string, string>();
  #names = 0;

  constructor(mutation: Mutation | null, grace_days: number) {
    this.#mutation = mutation;
    this.garbage = new Garbage(this.drive.store, 2, mutation);
    this.garbage.grace_days = grace_days;
  }

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
    return this.drive.submit(hub, command);
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
      const pack_id = newPackId(upload_id);
      const objects = this.objects.seenBy(turn, null);
      const put = async (): Promise<boolean> => {
        await turn("put");
        if (this.drive.now > deadline) return false;
        const bytes = Uint8Array.from(new TextEncoder().encode(sent));
        this.objects.all.set(packKey(TENANT, pack_id), { bytes, metadata: {} });
        return true;
      };
      if (this.#mutation === "staging" && !(await put())) return;
      if (!(await this.#submit(turn, { op: "reserve_upload", upload })).ok) return;
      const borrowed = base === null ? [] : await this.#read(turn, base.content_id);
      if (this.#mutation !== "staging" && this.#mutation !== "visible" && !(await put())) return;
      const own = [...sent].map((letter, index): Place => ({ pack_id, index, letter }));
      const content = await this.#content([...own, ...borrowed], [{ pack_id, size: 1, key_version: 1 }]);
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
    return content === undefined ? [] : this.#placesOf(content).slice(0, 3);
  }

  #placesOf = (content: ContentRow): Place[] => this.#manifests.get(content.manifest) ?? [];

  async #content(places: Place[], packs: { pack_id: string; size: number; key_version: number }[]) {
    const entries = places.map(({ pack_id, index, letter }): Entry => {
      const hash = new Uint8Array(32).fill(letter.charCodeAt(0));
      const [length, stored] = [BLOCK, BLOCK + 16];
      return { kind: "data", hash, length, stored, span: length, pack_id, index, offset: index * stored };
    });
    const size = entries.length * BLOCK;
    const used = [...new Set(places.map(({ pack_id }) => pack_id))];
    const manifest = await formatNode({ kind: "root", bits: 14, size, packs: used, entries });
    this.#manifests.set(manifest, places);
    const own = new Set(packs.map(({ pack_id }) => pack_id));
    const borrowed = used.filter((pack_id) => !own.has(pack_id));
    const content = { ...this.drive.content(size), manifest, packs, borrowed };
    this.#letters.set(content.content_id, places.map(({ letter }) => letter).join(""));
    return content;
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
      const needed = new Set(this.#placesOf(kept).map(({ pack_id }) => pack_id));
      await turn();
      this.drive.store.interfere(({ contents, packs }) => {
        const now = contents.get(content.content_id);
        if (now === undefined || now.manifest !== content.manifest) return;
        if (this.#mutation !== "repoint" && [...needed].some((id) => packs.get(id)?.state !== "live")) return;
        contents.set(content.content_id, { ...now, manifest: kept.manifest });
      });
    });
  }

  /** Reads letter by letter, again and again; must get all of them when it is done within the grace, whatever is purged meanwhile. */
  download(version: VersionRow): Promise<void> {
    const content = this.drive.store.state.contents.get(version.content_id) as ContentRow;
    const until = this.drive.now + this.garbage.grace_days * DAY - 2 * SKEW;
    return this.stage.start(async (turn) => {
      const places = this.#placesOf(content);
      for (const place of [...places, ...places, ...places]) {
        await turn();
        if (this.drive.now < until) this.#require(place, "a download was cut");
      }
    });
  }

  #require({ pack_id, index, letter }: Place, otherwise: string): void {
    const object = this.objects.all.get(packKey(TENANT, pack_id));
    if (object?.bytes[index] !== letter.charCodeAt(0)) throw new Error(otherwise);
  }

  /** One message of the queue `cleanup`: null is the day's tick. */
  collect(slice: NextSlice | null, alone?: Turn): Promise<void> {
    const run = async (turn: Turn): Promise<void> => {
      const engine = { objects: this.objects.seenBy(turn, this.#mutation) } as Engine;
      const forget = async (): Promise<void> => undefined;
      const report = (content_id: string, error: unknown): never => {
        throw new Error(`${content_id}: ${String(error)}`);
      };
      const store = this.garbage.seenBy(turn);
      const rest = { engine, forget, report, pages: alone === undefined ? this.pages : 1_000, now: this.#clock };
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

  /** Every version that there is can be read, exactly. */
  check(): void {
    if (this.stage.errors.length > 0) throw this.stage.errors[0];
    for (const { content_id } of this.versions) {
      const content = this.drive.store.state.contents.get(content_id);
      if (content === undefined) throw new Error("a version has no content");
      const places = this.#placesOf(content);
      if (places.map(({ letter }) => letter).join("") !== this.#letters.get(content_id))
        throw new Error("a content was exchanged for another one");
      for (const place of places) this.#require(place, "a block is missing");
    }
  }

  /** All processes end, the clocks are right again, and two months of days pass: no garbage is left, nothing is missing. */
  async settle(): Promise<void> {
    const turn = async (): Promise<void> => undefined;
    this.skew = 0;
    for (const days of [2, 40, 40, 40]) {
      this.drive.now += days * DAY;
      await this.expire(turn);
      await this.round();
    }
    this.check();
    const { contents, packs, uploads } = this.drive.store.state;
    const living = new Set(this.versions.map(({ content_id }) => content_id));
    const needed = [...living].flatMap((id) => this.#placesOf(contents.get(id) as ContentRow)).map((p) => p.pack_id);
    const same = (what: string, found: Iterable<string>, wanted: Iterable<string>): void => {
      const [a, b] = [found, wanted].map((ids) => [...new Set(ids)].toSorted().join());
      if (a !== b) throw new Error(`${what} are left: ${a}; needed: ${b}`);
    };
    same("contents", contents.keys(), living);
    same("packs", packs.keys(), needed);
    same(
      "states",
      [...packs.values()].map(({ state }) => state),
      packs.size > 0 ? ["live"] : [],
    );
    same(
      "objects",
      this.objects.all.keys(),
      needed.map((pack_id) => packKey(TENANT, pack_id)),
    );
    same("uploads", uploads.keys(), []);
  }
}
