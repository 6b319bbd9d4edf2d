import type { TenantId } from "../protocol/ids.ts";

/** What of an erased tenant lies in its shard. */
export interface ErasureStore {
  /** Nobody reads or changes anything from now on: the tenant is `deleted`, its keys are gone, its uploads over. */
  close(): Promise<void>;
  /** @returns the ids of its drives that are there still */
  drives(): Promise<string[]>;
  /** Deletes a page of metadata. @returns whether nothing of it is left */
  dropMetadata(): Promise<boolean>;
  /** Whether rounds of garbage collection and the sweep of uploads have no more to do. */
  isEmpty(): Promise<boolean>;
  /** Deletes what was kept for their sake; the tenant's row last. */
  forget(): Promise<void>;
}

export interface ErasurePorts {
  tenant_id: TenantId;
  store: ErasureStore;
  /** Leaves its number where no database can forget it: durability.md, BK17. A repeat does no harm. */
  bury(): Promise<void>;
  /** Its copies of keys. */
  forgetKeys(): Promise<void>;
  /** What the objects of a drive keep: its hub, its index. */
  eraseDrive(drive_id: string): Promise<void>;
  /** Objects that are left, of packs and of pictures. */
  deleteObjects(): Promise<void>;
  /** Notes that it is done. */
  finish(): Promise<void>;
}
