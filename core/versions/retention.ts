/**
 * What is not kept any longer: old versions, and what has lain in the trash. docs/spec/versions.md, V6 to V9.
 *
 * A sweep only looks for what may end; the hub ends it, in the drive's order and under its own conditions: never the
 * current version, nothing that was taken out of the trash meanwhile. So a look that is out of date ends nothing wrong,
 * and every step can be repeated.
 */
import { DriveError } from "../protocol/errors.ts";
import { endHistory, type Run } from "./history.ts";
import { DAY } from "../time.ts";

/** Pages of one job; the rest is the next job's. */
const PAGES = 20;
/** Commands under way at once: the hub commits together what arrives together. */
const PARALLEL = 50;

/** A tenant's own numbers, in its row of the shard. */
export interface RetentionPolicy {
  version_days: number;
  version_count: number;
  trash_days: number;
}

export interface TrashKey {
  drive_id: string;
  trashed_at: number;
  file_id: string;
}

/** A file with versions that are not kept: all up to the number `through`. */
export interface Outlived {
  drive_id: string;
  file_id: string;
  version_count: number;
  through: number;
}

/** What the sweep reads of one tenant. */
export interface RetentionStore {
  /** Null when the tenant is not active here. */
  policy(): Promise<RetentionPolicy | null>;
  /** A page of what was trashed at `before` or earlier, behind `after`; empty at the end. */
  trashed(before: number, after: TrashKey | null): Promise<TrashKey[]>;
  /**
   * A page of files behind `after`, and which of them have versions that are neither among the newest `keep` nor were
   * current at `since` or later; `next` is null at the end.
   */
  outlived(keep: number, since: number, after: string | null): Promise<{ files: Outlived[]; next: string | null }>;
}

export interface RetentionDeps {
  store: RetentionStore;
  /** For the hub of one drive. */
  runIn(drive_id: string): Run;
  now(): number;
  /** A file that was not done; the next sweep tries again. */
  report(file_id: string, error: unknown): void;
}

/** @returns where to go on, null at the end */
export async function purgeTrash(deps: RetentionDeps, start: TrashKey | null): Promise<TrashKey | null> {
  const policy = await deps.store.policy();
  if (policy === null) return null;
  const before = deps.now() - policy.trash_days * DAY;
  let after = start;
  for (let page = 0; page < PAGES; page++) {
    const items = await deps.store.trashed(before, after);
    await each(deps, items, async ({ drive_id, file_id }) => {
      await deps.runIn(drive_id)({ op: "purge", file_id, trashed_before: before }, `purge_trash:${file_id}`);
    });
    after = items.at(-1) ?? null;
    if (after === null) return null;
  }
  return after;
}

/** @returns where to go on, null at the end */
export async function endVersions(deps: RetentionDeps, start: string | null): Promise<string | null> {
  const policy = await deps.store.policy();
  if (policy === null) return null;
  const since = deps.now() - policy.version_days * DAY;
  let after = start;
  for (let page = 0; page < PAGES; page++) {
    const { files, next } = await deps.store.outlived(policy.version_count, since, after);
    await each(deps, files, (file) =>
      endHistory(deps.runIn(file.drive_id), file, file.through, `end_versions:${file.file_id}:${file.through}`),
    );
    after = next;
    if (after === null) return null;
  }
  return after;
}

/** Gone, restored or trashed anew since the look: then there is nothing to end. */
const isSettled = (error: unknown): boolean =>
  error instanceof DriveError && (error.code === "not_found" || error.code === "not_trashed");

/** One file that fails holds up none of the others. */
async function each<T extends { file_id: string }>(
  { report }: RetentionDeps,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const one = (item: T): Promise<void> =>
    work(item).catch((error: unknown) => (isSettled(error) ? undefined : report(item.file_id, error)));
  for (let at = 0; at < items.length; at += PARALLEL) await Promise.all(items.slice(at, at + PARALLEL).map(one));
}
