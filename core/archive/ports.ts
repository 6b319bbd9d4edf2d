import type { TenantId } from "../protocol/ids.ts";

/** An item as an archive needs it. Times are milliseconds since the epoch. */
export interface ArchiveItem {
  file_id: string;
  name: string;
  is_folder: boolean;
  size: number;
  /** Null for a folder. */
  content_id: string | null;
  modified_at: number;
}

/** A folder whose page is wanted: what comes behind `after`, a key of the page before, empty at the beginning. */
export interface FolderPage {
  folder_id: string;
  after: string;
}

/** What an archive reads of one tenant. Rights were asked before. */
export interface ArchiveStore {
  readonly tenant_id: TenantId;
  /** What lives in each folder, in the order of the wish; `next` is null when there is no more. One query. */
  children(wanted: readonly FolderPage[], per_folder: number): Promise<{ items: ArchiveItem[]; next: string | null }[]>;
  /** Where the bytes of these contents lie: the text that `core/storage` parses. Unknown ids are missing. */
  manifests(content_ids: readonly string[]): Promise<Map<string, string>>;
}

/** CRC-32 of ISO 3309, carried on over pieces; 0 at the beginning. Runtimes have it natively. */
export type Crc32 = (piece: Uint8Array, crc: number) => number;
