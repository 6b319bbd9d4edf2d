/** What a restore needs of the world. docs/spec/durability.md, BK8 to BK18. */
import type { PackRow } from "../files/model.ts";
import type { TenantKeyRow } from "../keys/ports.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { Engine } from "../storage/engine.ts";
import type { ArchiveBucket, Tier } from "../tiers/ports.ts";
import type { Segment, TableRows } from "./model.ts";
import type { Vault } from "./vault.ts";

export interface RestoredContent {
  content_id: string;
  manifest: string;
  size: number;
}

export interface WithoutBytes {
  file_id: string;
  version_id: string;
  content_id: string;
}

/** `tier` where its object is not in R2. */
export type RestoredPack = PackRow & { tier?: Tier; tiered_at?: number };

/** Where a tenant is restored to. */
export interface RestoreTarget {
  /**
   * A closed tenant of our own making; what comes behind it is done only while no other attempt has begun.
   * @param is_new takes over from an earlier attempt
   * @returns false when another tenant is here, or it is open: then nothing may be done
   * @throws `precondition_failed` when another attempt has taken over
   */
  begin(attempt: string, is_new: boolean): Promise<boolean>;
  /** Some of what it has. @returns whether all is gone */
  wipe(): Promise<boolean>;
  add(rows: TableRows): Promise<void>;
  apply(segment: Segment): Promise<void>;
  /** Takes away what hangs on nothing, sets what follows from the rest. @returns drives whose files are not what they count */
  settle(): Promise<string[]>;
  addPacks(packs: readonly RestoredPack[]): Promise<void>;
  /** A page of living contents behind an id. */
  contents(after: string): Promise<RestoredContent[]>;
  /** Those of them that have no row. */
  missingPacks(pack_ids: readonly string[]): Promise<string[]>;
  /** Their bytes are not where their manifests say. */
  markLost(content_ids: readonly string[]): Promise<void>;
  /** A page of those behind an id. */
  lost(after: string): Promise<RestoredContent[]>;
  lostAmong(content_ids: readonly string[]): Promise<RestoredContent[]>;
  /** Of those that are lost; then they are no more. */
  repoint(contents: readonly Omit<RestoredContent, "size">[]): Promise<void>;
  /** Nothing is marked any more. */
  settleLost(): Promise<void>;
  /** The settings of the archive that the tenant has now; null for none. */
  setArchive(archive: string | null): Promise<void>;
  versionsOf(content_ids: readonly string[]): Promise<WithoutBytes[]>;
  addKeys(keys: readonly TenantKeyRow[]): Promise<void>;
  /** The tenant is served again. */
  open(): Promise<void>;
}

export interface LivingTenant {
  /** As its row has it, sealed. */
  archive(): Promise<string | null>;
  /** Those of them that it has. */
  contents(content_ids: readonly string[]): Promise<RestoredContent[]>;
}

export interface RestoreDeps {
  tenant_id: TenantId;
  vault: Vault;
  target: RestoreTarget;
  /** Reads by the copies of the tenant's keys in R2. */
  engine: Engine;
  /** A page of the tenant's packs, as R2 lists them. */
  packs(after: string): Promise<{ packs: PackRow[]; next: string | null }>;
  /** Its bucket for what is archived, by the settings in the target; null for none, or where it is left out. */
  archive(): Promise<Pick<ArchiveBucket, "list" | "get"> | null>;
  /** The tenant as it is now, in another shard; null where it is nowhere. */
  living: LivingTenant | null;
  /** The copies of its keys, all versions. */
  keys(): Promise<TenantKeyRow[]>;
  /** Reads every content whole, in place of one a page. */
  reads_all: boolean;
  /** Leaves the tenant closed: its rows are only looked at. */
  stays_closed: boolean;
}
