/** The daily walk over a tenant's packs, slice by slice: moves what is due, counts what lies where. docs/spec/tiers.md, TI8 to TI12. */
import { z } from "zod";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { isToDrop, wantedTier } from "./policy.ts";
import type { ArchiveBucket, Moved, Tier, TierBytes, TieredPack, TierObjects, TierPolicy, TierStore } from "./ports.ts";

/** Bytes that a slice moves at most, and a page beyond it: some seconds of streaming. */
const SLICE_BYTES = 2 * 1024 ** 3;
/** Packs moved at once: six connections are all that an invocation has. */
const PARALLEL = 4;

const bytes = z.number().int().min(0);

/** Where a walk goes on. */
export const placeSchema = z.object({
  after: z.string(),
  counted: z.object({ standard: bytes, infrequent: bytes, archive: bytes, restored: bytes }),
});
export type WalkPlace = z.infer<typeof placeSchema>;

export interface WalkDeps {
  tenant_id: TenantId;
  store: TierStore;
  objects: TierObjects;
  /** Null where the tenant has none. */
  archive: ArchiveBucket | null;
  /** Pages of one slice. */
  pages: number;
  now(): number;
  /** A pack that could not be moved: it stays where it is, until the next walk. */
  report(pack_id: string, error: unknown): void;
}

const nothing = (): TierBytes => ({ standard: 0, infrequent: 0, archive: 0, restored: 0 });

/** @returns where the next slice begins; null when the walk is done, or the tenant is not active */
export async function walkPacks(deps: WalkDeps, from: WalkPlace | null): Promise<WalkPlace | null> {
  const settings = await deps.store.policy();
  if (settings === null) return null;
  const policy = { ...settings, has_archive: deps.archive !== null };
  const place = from ?? { after: "", counted: nothing() };
  let moved = 0;
  for (let pages = 0; pages < deps.pages && moved < SLICE_BYTES; pages++) {
    const page = await deps.store.page(place.after);
    const last = page.at(-1);
    if (last === undefined) {
      await deps.store.account(place.counted, deps.now());
      return null;
    }
    moved += await runPage(deps, policy, page, place.counted);
    place.after = last.pack_id;
  }
  return place;
}

/** @returns the bytes that moved */
async function runPage(deps: WalkDeps, policy: TierPolicy, page: TieredPack[], counted: TierBytes): Promise<number> {
  const now = deps.now();
  const { archive } = deps;
  const due = page.flatMap((pack) => {
    const to = wantedTier(pack, policy, now);
    return to === pack.tier ? [] : [{ pack, to }];
  });
  const tiers = new Map<string, Tier>();
  let bytes = 0;
  for (let at = 0; at < due.length; at += PARALLEL) {
    const some = due.slice(at, at + PARALLEL);
    const moved = (await Promise.all(some.map(({ pack, to }) => tryMove(deps, pack, to)))).filter((m) => m !== null);
    // Behind each few: a crash costs these, and their objects are found in their new class.
    if (moved.length > 0) await deps.store.settle(moved, deps.now());
    for (const { pack_id, to } of moved) tiers.set(pack_id, to);
    for (const { pack } of some) bytes += pack.size;
  }
  for (const { pack_id, tier, size } of page) counted[tiers.get(pack_id) ?? tier] += size;
  if (archive !== null)
    await drop(
      deps,
      archive,
      page.filter((pack) => !tiers.has(pack.pack_id) && isToDrop(pack, now)),
    );
  return bytes;
}

/** The archive is asked once more: what it does not have stays in R2. */
async function drop(
  { objects, tenant_id, report }: WalkDeps,
  archive: ArchiveBucket,
  packs: TieredPack[],
): Promise<void> {
  const kept: string[] = [];
  for (let at = 0; at < packs.length; at += PARALLEL) {
    const asked = packs.slice(at, at + PARALLEL).map(async ({ pack_id, size }) => {
      const key = packKey(tenant_id, pack_id);
      try {
        if (!(await archive.has(key, size))) throw new Error("the archive does not have it");
        kept.push(key);
      } catch (error) {
        report(pack_id, error);
      }
    });
    await Promise.all(asked);
  }
  if (kept.length > 0) await objects.drop(kept);
}

/** Null when it did not move. */
async function tryMove(deps: WalkDeps, pack: TieredPack, to: Tier): Promise<Moved | null> {
  const { pack_id, tier, read_day } = pack;
  try {
    return (await move(deps, pack, to)) ? { pack_id, read_day, from: tier, to } : null;
  } catch (error) {
    deps.report(pack_id, error);
    return null;
  }
}

/** @returns whether its bytes are where the row is to say */
async function move({ objects, archive, tenant_id }: WalkDeps, pack: TieredPack, to: Tier): Promise<boolean> {
  const key = packKey(tenant_id, pack.pack_id);
  if (to !== "archive") return objects.move(key, to === "infrequent" ? to : "standard");
  if (archive === null) return false;
  // A copy that is there still, after a restore or a crash, is not written again.
  return (await archive.has(key, pack.size)) || objects.copyTo(archive, key);
}
