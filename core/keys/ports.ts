import type { TenantId } from "../protocol/ids.ts";

export interface TenantKeyPlace {
  tenant_id: TenantId;
  version: number;
}

export interface TenantKeyRow extends TenantKeyPlace {
  /** Of the master key that wrapped it. */
  master_version: string;
  /** Base64. */
  wrapped_key: string;
  created_at: number;
}

export interface KeyStore {
  newest(tenant_id: TenantId): Promise<TenantKeyRow | null>;
  find(tenant_id: TenantId, version: number): Promise<TenantKeyRow | null>;
  /**
   * Adds a version unless it is there.
   * @returns the row that is there then, another caller's perhaps. @throws `not_found` when the tenant is not active
   */
  add(row: TenantKeyRow): Promise<TenantKeyRow>;
}

/** A row as the sweep sees it. */
export interface SweptKey extends TenantKeyRow {
  is_newest: boolean;
}

/** The keys of a shard's active tenants. */
export interface RotationStore {
  /** A page behind a place, by tenant and version. `next` is null at the end. */
  page(after: TenantKeyPlace | null): Promise<{ keys: SweptKey[]; next: TenantKeyPlace | null }>;
  /** Those of these that have no row, of active tenants of this shard. */
  missing(places: readonly TenantKeyPlace[]): Promise<TenantKeyPlace[]>;
  /** Compare-and-swap of one row. @returns false when it is not `from` any more, or its tenant not active */
  swap(from: TenantKeyRow, to: TenantKeyRow): Promise<boolean>;
}

/** What is kept of each master key that ever wrapped something: by it another key of its name is told (K7). */
export interface MasterChecks {
  /** Keeps a check value unless there is one of that version. @returns the one that is kept then */
  create(version: string, sealed: string): Promise<string>;
  /** By version, with the time since when each is kept, milliseconds. */
  all(): Promise<Map<string, { sealed: string; since: number }>>;
  forget(version: string): Promise<void>;
}

/** The same rows, wrapped as they are, in R2 beside the packs (K5). */
export interface KeyCopies {
  /** Keeps a row unless one of its version is kept. @returns the one that is kept then */
  create(row: TenantKeyRow): Promise<TenantKeyRow>;
  /** In place of the one that was kept. */
  put(row: TenantKeyRow): Promise<void>;
  find(place: TenantKeyPlace): Promise<TenantKeyRow | null>;
  /** A page of all tenants' behind a place, by tenant and version; empty at the end. */
  page(after: TenantKeyPlace | null): Promise<TenantKeyRow[]>;
  /** Of one tenant, all versions. */
  forget(tenant_id: TenantId): Promise<void>;
}
