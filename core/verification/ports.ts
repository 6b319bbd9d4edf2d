import type { ContentRow, VerificationRow } from "../files/model.ts";

/** A verification with its content as it is now. */
export interface Due extends Omit<VerificationRow, "tenant_id" | "drive_id"> {
  /** Null when no version has it any more. */
  content: Pick<ContentRow, "content_hash" | "size" | "manifest"> | null;
}

/** Verifications of one drive. Each change is a compare-and-swap: of several runs over the same row one goes on. */
export interface VerificationStore {
  /** Rows whose time has come, the longest waiting first. */
  due(now: number, limit: number): Promise<Due[]>;
  /** Counts an attempt before it is made, and keeps others off until `until`. False when another run was first. */
  claim(row: Due, until: number): Promise<boolean>;
  /** What a slice has hashed; the row is due again at once, its attempts begin anew. */
  save(content_id: string, progress: Pick<VerificationRow, "hashed_bytes" | "state">, now: number): Promise<void>;
  fail(content_id: string, error: string, next_at: number): Promise<void>;
  end(content_id: string): Promise<void>;
}

export type VerifiedContent = Pick<ContentRow, "content_id" | "size" | "manifest"> & { content_hash: string };

/** A tenant's contents, found by what they hold. */
export interface EqualContents {
  /** Verified contents of this hash and size that are some file's current one, some tens at most, the oldest first. */
  find(content_hash: string, size: number): Promise<VerifiedContent[]>;
  /**
   * Gives `content` the manifest of `kept`, if both rows are what was read and all of `packs` are live.
   * @returns whether it did
   */
  repoint(content: VerifiedContent, kept: VerifiedContent, packs: readonly string[]): Promise<boolean>;
}
