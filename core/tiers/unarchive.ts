/** Archived contents come back to R2, and who asked is told. docs/spec/tiers.md, TI18 and TI19. */
import { parseText } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import type { Engine } from "../storage/engine.ts";
import type { ArchiveBucket, Moved, TieredPack, TierObjects, TierStore } from "./ports.ts";

export interface Unarchiving {
  content_id: string;
  drive_id: string;
  file_id: string;
  size: number;
  requested_at: number;
  attempts: number;
  /** Milliseconds since the epoch; `NEVER` when it is dead. */
  next_at: number;
}

export interface UnarchivingStore extends Pick<TierStore, "settle"> {
  /** Counts an attempt of a row that is as it was seen, and due; null when it is not. */
  claim(content_id: string, now: number, until: number): Promise<(Unarchiving & { manifest: string | null }) | null>;
  /** Those of the packs that are, or may be, in the archive only. */
  archived(pack_ids: readonly string[]): Promise<Pick<TieredPack, "pack_id" | "size" | "tier" | "read_day">[]>;
  /** Makes the row due again: at once after progress. */
  again(content_id: string, attempts: number, error: string | null, next_at: number): Promise<void>;
  end(content_id: string): Promise<void>;
}

export const NEVER = Number.MAX_SAFE_INTEGER;
/** A claim ends after so long: its process is gone. Milliseconds. */
const CLAIM = 10 * 60_000;
/** Seconds until the next try; after the last one the row is dead. */
const DELAYS = [30, 120, 480, 1_920];
/** Bytes that one job brings back at most, and a pack beyond. */
const SLICE_BYTES = 2 * 1024 ** 3;
const PARALLEL = 4;

/** What a door tells: the sweep's minute, and what waits in the tenant at 20 MB/s. Seconds. */
export const estimate = (waiting_bytes: number): number => Math.ceil(60 + waiting_bytes / 20e6);

export interface UnarchiveDeps {
  tenant_id: TenantId;
  store: UnarchivingStore;
  objects: TierObjects;
  archive: ArchiveBucket | null;
  /** That reads what is archived: a large content's root may be. */
  engine: Engine;
  /** Tells the drive; again with the same content and time, it is told once. */
  announce(row: Unarchiving): Promise<void>;
  now(): number;
  report(content_id: string, error: unknown, isDead: boolean): void;
}

/** Takes one content as far as a job goes. @returns whether there is more to do at once */
export async function unarchive(deps: UnarchiveDeps, content_id: string): Promise<boolean> {
  const now = deps.now();
  const row = await deps.store.claim(content_id, now, now + CLAIM);
  if (row === null) return false;
  try {
    const isWhole = row.manifest === null || (await bringBack(deps, row.manifest));
    if (!isWhole) {
      await deps.store.again(content_id, 0, null, deps.now());
      return true;
    }
    if (row.manifest !== null) await deps.announce(row);
    await deps.store.end(content_id);
  } catch (error) {
    const delay = DELAYS[row.attempts - 1];
    await deps.store.again(
      content_id,
      row.attempts,
      error instanceof Error ? error.message.slice(0, 200) : "unknown",
      delay === undefined ? NEVER : deps.now() + delay * 1_000,
    );
    deps.report(content_id, error, delay === undefined);
  }
  return false;
}

/** @returns whether all of it is in R2 */
async function bringBack(deps: UnarchiveDeps, manifest: string): Promise<boolean> {
  const root = await new BlockReader(deps.engine, deps.tenant_id).root(manifest);
  const needed = [...new Set([...(await parseText(manifest)).packs, ...root.packs])];
  // Those that are back already come last, and count for nothing: else a large content would never end.
  const packs = (await deps.store.archived(needed)).toSorted((a, b) => Number(isBack(a)) - Number(isBack(b)));
  let bytes = 0;
  for (let at = 0; at < packs.length; at += PARALLEL) {
    if (bytes >= SLICE_BYTES) return false;
    const some = packs.slice(at, at + PARALLEL);
    const back = await Promise.all(some.map((pack) => copyBack(deps, pack)));
    // Each few at a time: who is cut off has less to do.
    await deps.store.settle(
      back.filter((moved) => moved.from !== moved.to),
      deps.now(),
    );
    for (const pack of some) if (!isBack(pack)) bytes += pack.size;
  }
  return true;
}

const isBack = ({ tier }: Pick<TieredPack, "tier">): boolean => tier === "restored";

async function copyBack(
  { objects, archive, tenant_id }: UnarchiveDeps,
  { pack_id, tier, read_day }: Pick<TieredPack, "pack_id" | "tier" | "read_day">,
): Promise<Moved> {
  const key = packKey(tenant_id, pack_id);
  if (archive === null) throw new Error("the tenant has no archive any more");
  if (!(await objects.copyFrom(archive, key))) throw new Error("the archive has lost a pack");
  return { pack_id, read_day, from: tier, to: "restored" };
}
