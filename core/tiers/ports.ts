import type { PackRow } from "../files/model.ts";
import type { ObjectMetadata, StoredObject } from "../storage/ports.ts";

/**
 * Where a pack's object lies: R2 Standard, R2 Infrequent Access, the tenant's archive bucket, or R2 Standard again with
 * its copy still in the archive.
 */
export const TIERS = ["standard", "infrequent", "archive", "restored"] as const;
export type Tier = (typeof TIERS)[number];

/** Classes of R2. */
export type StorageClass = Extract<Tier, "standard" | "infrequent">;

export interface TieredPack extends Pick<PackRow, "pack_id" | "state" | "size" | "created_at"> {
  tier: Tier;
  /** When it came there, milliseconds since the epoch; 0 where it was written. */
  tiered_at: number;
  /** Last day on which it was read, in days since the epoch; 0 for never. */
  read_day: number;
  /** Days on which it was read, as bits: the lowest one is `read_day`, the next one the day before. */
  reads: number;
}

/** Days unread before a pack moves, as the tenant has set them. */
export interface TierSettings {
  infrequent_days: number;
  archive_days: number;
}

export interface TierPolicy extends TierSettings {
  /** Whether the tenant has a bucket for what is archived. */
  has_archive: boolean;
}

/** Bytes of a tenant in each tier, as the last walk counted them. */
export type TierBytes = Record<Tier, number>;

/** A pack that has moved, and what was seen of it before: a row that says something else by now stays as it is. */
export interface Moved extends Pick<TieredPack, "pack_id" | "read_day"> {
  from: Tier;
  to: Tier;
}

/** The packs of one tenant. */
export interface TierStore {
  /** Null when the tenant is not active here. */
  policy(): Promise<TierSettings | null>;
  /** A page behind `after`, by id, without tombstones; empty at the end. */
  page(after: string): Promise<TieredPack[]>;
  /** Writes the rows of those that are `live` still, in the tier they moved from, and were not read since. */
  settle(moved: readonly Moved[], now: number): Promise<void>;
  account(bytes: TierBytes, now: number): Promise<void>;
}

/** An object on its way from one store to another. */
export interface Moving {
  /** Of exactly `size` bytes. */
  body: ReadableStream<Uint8Array>;
  size: number;
  metadata: ObjectMetadata;
  /** Of the bytes, hex: whoever takes them checks it. */
  md5: string;
}

export interface ArchivedObject {
  key: string;
  size: number;
  /** Milliseconds since the epoch. */
  uploaded_at: number;
}

/** A tenant's own bucket for what nobody reads. Throws when it does not do what it was asked. */
export interface ArchiveBucket {
  /** Whether it has the object, as long as it should be. */
  has(key: string, size: number): Promise<boolean>;
  /** Done only when the bucket says that it holds these very bytes. */
  put(key: string, object: Moving): Promise<void>;
  /** At most `limit` objects whose keys begin so, by key, behind `after`. @returns the last key where there are more */
  list(prefix: string, after: string, limit: number): Promise<{ objects: ArchivedObject[]; next: string | null }>;
  take(key: string): Promise<Moving | null>;
  /** As `ObjectStore.get`. */
  get(key: string, offset: number, length: number): Promise<StoredObject | null>;
  delete(keys: readonly string[]): Promise<void>;
}

/** R2, as moves need it. */
export interface TierObjects {
  /**
   * Rewrites the object under its own key, checked against its MD5; readers have the old or the new object, which are the
   * same bytes. Nothing is done to one that is in the class already, or that another call replaced meanwhile.
   * @returns false when there is no such object: it is never brought back
   */
  move(key: string, to: StorageClass): Promise<boolean>;
  /** @returns false when there is no such object */
  copyTo(archive: ArchiveBucket, key: string): Promise<boolean>;
  /** Into Standard. @returns false when the archive has no such object */
  copyFrom(archive: ArchiveBucket, key: string): Promise<boolean>;
  /** Only R2's: the archive keeps what it has. */
  drop(keys: readonly string[]): Promise<void>;
}
