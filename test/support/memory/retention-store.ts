import type { Outlived, RetentionPolicy, RetentionStore, TrashKey } from "../../../core/versions/retention.ts";
import type { MemoryDriveStore } from "./drive-store.ts";

/** What a sweep of retention looks for, in memory: one drive. */
export class MemoryRetentionStore implements RetentionStore {
  readonly #drive: MemoryDriveStore;
  readonly #policy: RetentionPolicy;

  constructor(drive: MemoryDriveStore, policy: RetentionPolicy) {
    this.#drive = drive;
    this.#policy = policy;
  }

  async policy(): Promise<RetentionPolicy | null> {
    return this.#drive.state.tenant_state === "active" ? this.#policy : null;
  }

  async trashed(before: number, after: TrashKey | null): Promise<TrashKey[]> {
    const key = ({ trashed_at, file_id }: Pick<TrashKey, "trashed_at" | "file_id">): string =>
      `${String(trashed_at).padStart(16, "0")}/${file_id}`;
    const found: TrashKey[] = [];
    for (const { drive_id, trashed_at, file_id } of this.#drive.state.files.values())
      if (trashed_at !== null && trashed_at <= before && (after === null || key({ trashed_at, file_id }) > key(after)))
        found.push({ drive_id, trashed_at, file_id });
    return found.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)).slice(0, 500);
  }

  async outlived(
    keep: number,
    since: number,
    after: string | null,
  ): Promise<{ files: Outlived[]; next: string | null }> {
    const { files, versions } = this.#drive.state;
    const page = [...files.values()]
      .filter(({ file_id }) => file_id > (after ?? ""))
      .toSorted((a, b) => (a.file_id < b.file_id ? -1 : 1))
      .slice(0, 5_000);
    const outlived = page.flatMap(({ file_id, drive_id, version_count }): Outlived[] => {
      const history = [...versions.values()]
        .filter((v) => v.file_id === file_id)
        .toSorted((a, b) => b.version_number - a.version_number);
      // A version was current until the next one came.
      const ended = history.filter((_, i) => i >= keep && (history[i - 1]?.created_at ?? Infinity) < since);
      return ended.length === 0
        ? []
        : [{ file_id, drive_id, version_count, through: Math.max(...ended.map((v) => v.version_number)) }];
    });
    return { files: outlived, next: page.at(-1)?.file_id ?? null };
  }
}
