import type { TenantId } from "../protocol/ids.ts";

export interface TenantKeyRow {
  tenant_id: TenantId;
  version: number;
  /** Of the master key that wrapped it. */
  master_version: string;
  /** Base64. */
  wrapped_key: string;
  created_at: number;
}

export interface KeyStore {
  newest(tenant_id: TenantId): Promise<TenantKeyRow | null>;
  find(tenant_id: TenantId, version: number): Promise<TenantKeyRow | null>;
  /** Adds a version unless it is there. @returns the row that is there then, another caller's perhaps */
  add(row: TenantKeyRow): Promise<TenantKeyRow>;
}
