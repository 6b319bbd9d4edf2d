/** Packs of a tenant of one drive and what was found about them, in memory: the rules of the D1 stores. */
import type { Finding, FindingKind, Findings, KnownPack, ScrubStore } from "../../../core/scrub/ports.ts";
import type { ReconcileStore, RowOfPack } from "../../../core/scrub/reconcile.ts";
import type { MemoryDriveStore } from "./drive-store.ts";

interface Kept extends Finding {
  files: string[] | null;
}

export class MemoryScrubStore implements ScrubStore, ReconcileStore, Findings {
  readonly #drive: MemoryDriveStore;
  readonly #page: number;
  readonly findings = new Map<string, Kept>();
  day = 0;
  time = 0;

  /** @param page rows of one page */
  constructor(drive: MemoryDriveStore, page = 2_000) {
    this.#drive = drive;
    this.#page = page;
  }

  #isHere = (): boolean => this.#drive.state.tenant_state === "active";

  #behind = (after: string) =>
    [...this.#drive.state.packs.values()]
      .filter(({ pack_id }) => pack_id > after)
      .toSorted((a, b) => (a.pack_id < b.pack_id ? -1 : 1))
      .slice(0, this.#page);

  scrubbed = async (): Promise<number | null> => (this.#isHere() ? this.day : null);
  reconciled = async (): Promise<number | null> => (this.#isHere() ? this.time : null);

  async finishDay(day: number): Promise<void> {
    this.day = Math.max(this.day, day);
  }

  async packs(from: string, to: string, after: string) {
    const page = this.#behind(after);
    const packs = page
      .filter(
        ({ state, pack_id }) => state !== "deleted" && pack_id.slice(32, 36) >= from && pack_id.slice(32, 36) < to,
      )
      .map(({ pack_id, size, key_version }) => ({ pack_id, size, key_version }));
    return { packs, last: page.at(-1)?.pack_id ?? null };
  }

  async pack(pack_id: string): Promise<KnownPack | null> {
    const row = this.#drive.state.packs.get(pack_id);
    if (row === undefined || row.state === "deleted") return null;
    return { pack_id, size: row.size, key_version: row.key_version };
  }

  async rows(after: string, upto: string | null) {
    const page = this.#behind(after).filter(({ pack_id }) => upto === null || pack_id <= upto);
    const rows = page.map(({ pack_id, state, size, changed_at }): RowOfPack => ({
      pack_id,
      state,
      size,
      changed_at,
      tier: null,
    }));
    return { rows, more: rows.length === this.#page };
  }

  async finishReconciliation(started_at: number): Promise<void> {
    for (const [key, { kind, found_at }] of this.findings)
      if (kind !== "damaged" && found_at < started_at) this.findings.delete(key);
    this.time = Math.max(this.time, started_at);
  }

  async add(findings: readonly Finding[]): Promise<void> {
    for (const finding of findings) {
      const key = `${finding.kind}/${finding.pack_id}`;
      this.findings.set(key, { files: null, ...this.findings.get(key), ...finding });
    }
  }

  async clear(kind: FindingKind, pack_id: string): Promise<void> {
    this.findings.delete(`${kind}/${pack_id}`);
  }

  async damaged(): Promise<{ pack_id: string; is_traced: boolean }[]> {
    const damaged = [...this.findings.values()].filter(({ kind }) => kind === "damaged");
    return damaged.map(({ pack_id, files }) => ({ pack_id, is_traced: files !== null }));
  }

  async touch(pack_id: string, content_ids: readonly string[]): Promise<void> {
    const found = this.findings.get(`damaged/${pack_id}`);
    if (found === undefined) return;
    const versions = [...this.#drive.state.versions.values()];
    const files = versions.filter(({ content_id }) => content_ids.includes(content_id)).map(({ file_id }) => file_id);
    found.files = [...new Set([...(found.files ?? []), ...files])].toSorted().slice(0, 100);
  }
}
