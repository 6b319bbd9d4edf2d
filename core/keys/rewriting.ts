/** The order to write a tenant's bytes under its newest key, and what still needs the older ones. docs/spec/storage.md, K10. */
import { DriveError } from "../protocol/errors.ts";

/** Packs that an upload or a compaction wrote under an older key have their rows by then, or are gone (E10, C8). */
const STAGING_MAX = 3 * 24 * 60 * 60_000;

export interface TenantKeyAge {
  version: number;
  created_at: number;
}

/** Packs under one version of the key; tombstones are not among them. */
export interface PackCount {
  key_version: number;
  /** In R2, and to be written anew when that is ordered. */
  live: number;
  /** In the tenant's archive alone: they stay as they are. */
  archived: number;
  /** They wait for the end of the grace. */
  condemned: number;
  /** Of all of them. */
  bytes: number;
}

/** Of one tenant. */
export interface KeyUseStore {
  /** From now on compaction writes anew what has a lower version. An order for fewer changes nothing. @throws `precondition_failed` when the tenant is not open */
  order(below: number): Promise<void>;
  /** What was ordered; 0 for nothing. */
  ordered(): Promise<number>;
  /** By version. */
  keys(): Promise<TenantKeyAge[]>;
  packs(): Promise<PackCount[]>;
  /** The version that wraps the secret of its archive; null without one. */
  archiveKey(): Promise<number | null>;
}

export interface KeyUse extends Omit<PackCount, "key_version"> {
  version: number;
  made_at: number;
  /** Objects of the tenant's backup. */
  backups: number;
  wraps_archive_secret: boolean;
  /** False: nothing that is kept is under this version any more. */
  is_needed: boolean;
}

export interface Rewriting {
  newest: number;
  /** Packs below are written anew; 0 when nothing was ordered. */
  rewrite_below: number;
  /** Packs that are to be written anew, and those that cannot be because they are archived. */
  left: number;
  archived: number;
  versions: KeyUse[];
}

export interface RewritingDeps {
  store: KeyUseStore;
  /** Objects of the tenant's backup by the version of the key that wraps theirs. */
  backups(): Promise<Map<number, number>>;
  now(): number;
}

/** @returns the newest key. @throws `precondition_failed` when the tenant has no older one */
export async function orderRewriting(store: KeyUseStore): Promise<TenantKeyAge> {
  const newest = (await store.keys()).at(-1);
  if (newest === undefined || newest.version === 1)
    throw new DriveError("precondition_failed", "This tenant has no older key: give it a new one first.");
  await store.order(newest.version);
  return newest;
}

/** Counts everything anew. Nothing is dropped: a key is a row of 60 bytes, and one that is known to others protects nothing. */
export async function reportRewriting({ store, backups, now }: RewritingDeps): Promise<Rewriting> {
  const [keys, rewrite_below, packs, archiveKey, saved] = await Promise.all([
    store.keys(),
    store.ordered(),
    store.packs(),
    store.archiveKey(),
    backups(),
  ]);
  const versions = keys.map(({ version, created_at }, i): KeyUse => {
    const none = { live: 0, archived: 0, condemned: 0, bytes: 0 };
    const { key_version: _, ...counted } = packs.find(({ key_version }) => key_version === version) ?? {
      ...none,
      key_version: version,
    };
    const wraps_archive_secret = archiveKey === version;
    const kept = counted.live + counted.archived + counted.condemned + (saved.get(version) ?? 0);
    const next = keys[i + 1];
    const is_needed = kept > 0 || wraps_archive_secret || next === undefined || next.created_at > now() - STAGING_MAX;
    return {
      version,
      made_at: created_at,
      ...counted,
      backups: saved.get(version) ?? 0,
      wraps_archive_secret,
      is_needed,
    };
  });
  const old = packs.filter(({ key_version }) => key_version < rewrite_below);
  const sum = (name: "live" | "archived"): number => old.reduce((total, count) => total + count[name], 0);
  return { newest: keys.at(-1)?.version ?? 0, rewrite_below, left: sum("live"), archived: sum("archived"), versions };
}
