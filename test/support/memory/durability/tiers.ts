/** Tiers of a world's packs: walks and restores whose every call waits for its turn. docs/spec/tiers.md, TI8 to TI20. */
import type { PackRow } from "../../../../core/files/model.ts";
import { packKey } from "../../../../core/packs/format.ts";
import type { Engine } from "../../../../core/storage/engine.ts";
import { dayOf, noteDay } from "../../../../core/tiers/policy.ts";
import type { ArchiveBucket, Moved, TieredPack, TierObjects, TierStore } from "../../../../core/tiers/ports.ts";
import { unarchive, type Unarchiving, type UnarchivingStore } from "../../../../core/tiers/unarchive.ts";
import { walkPacks, type WalkPlace } from "../../../../core/tiers/walk.ts";
import { MemoryTierObjects } from "../archive-bucket.ts";
import { TENANT } from "../drive.ts";
import type { MemoryDriveStore } from "../drive-store.ts";
import { type Actor, portsOf } from "./actors.ts";
import type { Mutation } from "./mutations.ts";
import type { Objects } from "./stores.ts";

type Turn = Actor["turn"];
type Place = Pick<TieredPack, "tier" | "tiered_at" | "read_day" | "reads">;

/** What packs count as, so that every move is paid (TI5); they are short. */
const SIZE = 1e9;
const WRITTEN: Place = { tier: "standard", tiered_at: 0, read_day: 0, reads: 0 };

export class Tiers implements TierStore, Pick<UnarchivingStore, "archived"> {
  readonly #drive: MemoryDriveStore;
  readonly #objects: Objects;
  readonly #mutation: Mutation | null;
  readonly #places = new Map<string, Place>();

  constructor(drive: MemoryDriveStore, objects: Objects, mutation: Mutation | null) {
    this.#drive = drive;
    this.#objects = objects;
    this.#mutation = mutation;
  }

  #tiered({ pack_id, state, created_at }: PackRow): TieredPack {
    return { pack_id, state, created_at, size: SIZE, ...(this.#places.get(pack_id) ?? WRITTEN) };
  }

  isArchived = (pack_id: string): boolean => this.#places.get(pack_id)?.tier === "archive";

  /** In R2, or where a restore brings it back from. */
  has(pack_id: string): boolean {
    const key = packKey(TENANT, pack_id);
    const { tier } = this.#places.get(pack_id) ?? WRITTEN;
    const isKept = tier === "archive" || tier === "restored";
    return this.#objects.all.has(key) || (isKept && this.#objects.archive.objects.has(key));
  }

  /** Somebody has read it. */
  note(pack_id: string, now: number): void {
    const place = this.#places.get(pack_id) ?? WRITTEN;
    this.#places.set(pack_id, { ...place, ...noteDay(place, dayOf(now)) });
  }

  async policy() {
    return { infrequent_days: 5, archive_days: 20 };
  }

  /** One at a time, so that others come in between. */
  async page(after: string): Promise<TieredPack[]> {
    return [...this.#drive.state.packs.values()]
      .filter(({ pack_id, state }) => pack_id > after && state !== "deleted")
      .toSorted((a, b) => (a.pack_id < b.pack_id ? -1 : 1))
      .slice(0, 1)
      .map((pack) => this.#tiered(pack));
  }

  async settle(moved: readonly Moved[], now: number): Promise<void> {
    for (const { pack_id, from, to, read_day } of moved) {
      const place = this.#places.get(pack_id) ?? WRITTEN;
      const isLive = this.#drive.state.packs.get(pack_id)?.state === "live";
      if (!isLive || place.tier !== from || (to === "archive" && place.read_day !== read_day)) continue;
      this.#places.set(pack_id, { ...place, tier: to, tiered_at: now });
    }
  }

  async account(): Promise<void> {
    await Promise.resolve();
  }

  async archived(pack_ids: readonly string[]) {
    const { packs } = this.#drive.state;
    return pack_ids
      .flatMap((pack_id) => packs.get(pack_id) ?? [])
      .map((pack) => this.#tiered(pack))
      .filter(({ tier }) => tier === "archive" || tier === "restored");
  }

  #ports(turn: Turn): { archive: ArchiveBucket; objects: TierObjects } {
    const { archive: bucket, all } = this.#objects;
    // Of any length: what packs count as is made up.
    const archive = portsOf(turn)(bucket);
    const has = (key: string): Promise<boolean> => archive.has(key, bucket.objects.get(key)?.bytes.length ?? 0);
    const objects = new MemoryTierObjects(all);
    if (this.#mutation === "moved_first") {
      const copyTo = objects.copyTo.bind(objects);
      objects.copyTo = async (to, key) => {
        const object = all.get(key);
        const slow = { ...to, put: async (...args: Parameters<typeof to.put>) => (all.delete(key), to.put(...args)) };
        return object !== undefined && copyTo(slow as ArchiveBucket, key);
      };
    }
    const bound = new Proxy(archive, { get: (target, key) => (key === "has" ? has : Reflect.get(target, key)) });
    return { archive: bound, objects: portsOf(turn)(objects) };
  }

  /** A whole walk. */
  async walk(turn: Turn, now: () => number): Promise<void> {
    const ports = { ...this.#ports(turn), store: portsOf(turn)<TierStore>(this) };
    let place: WalkPlace | null = null;
    do place = await walkPacks({ tenant_id: TENANT, ...ports, pages: 3, now, report: () => undefined }, place);
    while (place !== null);
  }

  /** Somebody asks for a content that may be archived. */
  async restore(turn: Turn, content_id: string, engine: Engine, now: () => number): Promise<void> {
    const times = { requested_at: now(), attempts: 1, next_at: 0 };
    const row: Unarchiving = { content_id, drive_id: "", file_id: "", size: 0, ...times };
    const store: UnarchivingStore = {
      claim: async () => ({ ...row, manifest: this.#drive.state.contents.get(content_id)?.manifest ?? null }),
      archived: (ids) => this.archived(ids),
      settle: (...args) => this.settle(...args),
      again: async () => undefined,
      end: async () => undefined,
    };
    const ports = { ...this.#ports(turn), store: portsOf(turn)(store) };
    const announce = async (): Promise<void> => undefined;
    await unarchive({ tenant_id: TENANT, ...ports, engine, announce, now, report: () => undefined }, content_id);
  }
}
