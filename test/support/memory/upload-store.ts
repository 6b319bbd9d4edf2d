/** Upload sessions in memory, over the drive whose hub changes them: the rules of the D1 stores. */
import { packPrefix } from "../../../core/packs/format.ts";
import { parseText } from "../../../core/manifests/root.ts";
import type { BlockBits } from "../../../core/blocks/classes.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { nameKey } from "../../../core/files/names.ts";
import type { ExpiryStore, UploadKey } from "../../../core/uploads/expire.ts";
import type { ChunkRow, ReceivedChunk, UploadRow, VersionRef } from "../../../core/uploads/model.ts";
import type { Access, Principal } from "../../../core/sharing/rights.ts";
import type { Made, Staged, StoredVersion, UploadStore } from "../../../core/uploads/ports.ts";
import type { MemoryDriveStore } from "./drive-store.ts";
import { MemoryRightsStore } from "./rights-store.ts";

const PAGE = 100;
/** Candidates for an instant upload. */
const CANDIDATES = 20;

const keyOf = ({ upload_id, chunk_index, chunk_id }: Pick<ChunkRow, "upload_id" | "chunk_index" | "chunk_id">) =>
  `${upload_id}/${chunk_index}/${chunk_id}`;

export class MemoryUploadStore implements UploadStore, ExpiryStore {
  readonly #drive: MemoryDriveStore;
  readonly #rights: MemoryRightsStore;
  readonly #chunks = new Map<string, ChunkRow>();

  constructor(drive: MemoryDriveStore) {
    this.#drive = drive;
    this.#rights = new MemoryRightsStore(drive, () => Date.now());
  }

  /** All rows of chunks, for a test to look at. */
  get allChunks(): readonly ChunkRow[] {
    return [...this.#chunks.values()];
  }

  async stage(upload: UploadRow, needed: number): Promise<Staged> {
    const { drive, tenant_state, files, uploads } = this.#drive.state;
    const { target } = upload;
    const found =
      target?.kind !== "file" || target.on_name_conflict !== "fail" || target.base !== undefined
        ? undefined
        : [...files.values()].find(
            (f) => f.parent_id === target.parent_id && f.name_key === nameKey(target.name) && f.trashed_at === null,
          );
    const isThere = drive.drive_id === upload.drive_id;
    const free_bytes = isThere ? Math.max(0, drive.limit_bytes - drive.used_bytes - drive.reserved_bytes) : null;
    const holder = found === undefined ? null : { file_id: found.file_id, name: found.name };
    const is_staged = tenant_state === "active" && free_bytes !== null && needed <= free_bytes && holder === null;
    if (is_staged) {
      if (uploads.has(upload.upload_id)) throw new Error("UNIQUE constraint failed: uploads");
      this.#drive.interfere((state) => state.uploads.set(upload.upload_id, structuredClone(upload)));
    }
    return { is_staged, free_bytes, holder };
  }

  async find(upload_id: string): Promise<{ upload: UploadRow; chunks: ReceivedChunk[] } | null> {
    const upload = this.#drive.state.uploads.get(upload_id);
    if (upload === undefined) return null;
    const chunks = (await this.chunks(upload_id)).map(({ chunk_index, chunk_id, size }) => ({
      chunk_index,
      chunk_id,
      size,
    }));
    return { upload: structuredClone(upload), chunks };
  }

  async chunks(upload_id: string): Promise<ChunkRow[]> {
    return this.allChunks
      .filter((chunk) => chunk.upload_id === upload_id)
      .map((chunk) => ({ ...chunk }))
      .toSorted((a, b) => a.chunk_index - b.chunk_index);
  }

  async putChunk(chunk: ChunkRow): Promise<boolean> {
    if (this.#drive.state.uploads.get(chunk.upload_id)?.state !== "open") return false;
    if (!this.#chunks.has(keyOf(chunk))) this.#chunks.set(keyOf(chunk), { ...chunk });
    return true;
  }

  async repeatChunk(upload_id: string, chunk_id: string, chunk_index: number): Promise<void> {
    const same = this.allChunks.find((chunk) => chunk.upload_id === upload_id && chunk.chunk_id === chunk_id);
    if (same === undefined) return;
    const again = { ...same, chunk_index };
    if (!this.#chunks.has(keyOf(again))) this.#chunks.set(keyOf(again), again);
  }

  async blockBits(file_id: string): Promise<BlockBits | null> {
    const { files, contents } = this.#drive.state;
    const content = contents.get(files.get(file_id)?.content_id ?? "");
    return content === undefined ? null : (await parseText(content.manifest)).bits;
  }

  async versions(principal: Principal, refs: readonly VersionRef[]): Promise<StoredVersion[]> {
    const { versions, contents } = this.#drive.state;
    const found: StoredVersion[] = [];
    for (const { file_id, version_id, size, content_hash, content_id } of versions.values()) {
      if (!refs.some((ref) => ref.file_id === file_id && ref.version_id === version_id)) continue;
      const access = await this.#rights.find(principal, file_id);
      const content = contents.get(content_id);
      if (access === null || content === undefined) continue;
      found.push({ file_id, version_id, size, content_hash, manifest: content.manifest, access });
    }
    return found;
  }

  async hooked(drive_id: string, hooks: readonly string[]): Promise<VersionRef[]> {
    const counts = new Map<string, { ref: VersionRef; count: number }>();
    for (const { hash, content_id, file_id, version_id, ...hook } of this.#drive.state.hooks.values()) {
      if (hook.drive_id !== drive_id || !hooks.includes(hash)) continue;
      const count = (counts.get(content_id)?.count ?? 0) + 1;
      counts.set(content_id, { ref: { file_id, version_id }, count });
    }
    return [...counts]
      .toSorted(([a, x], [b, y]) => y.count - x.count || (a < b ? 1 : -1))
      .slice(0, 32)
      .map(([, { ref }]) => ref);
  }

  async withContent(user_id: string, drive_id: string, content_hash: string, size: number): Promise<Access[]> {
    const isCandidate = (f: FileRow): boolean =>
      [drive_id, user_id].includes(f.drive_id) &&
      f.content_hash === content_hash &&
      f.size === size &&
      f.trashed_at === null &&
      f.integrity === "ok";
    const found = [...this.#drive.state.files.values()].filter(isCandidate).slice(0, CANDIDATES);
    const accesses = found.map(({ file_id }) => this.#rights.find({ kind: "user", user_id }, file_id));
    return (await Promise.all(accesses)) as Access[];
  }

  async madeBy(drive_id: string, op_ids: readonly string[]): Promise<Map<string, Made>> {
    const { journal, files } = this.#drive.state;
    const made = new Map<string, Made>();
    for (const entry of journal) {
      const file = files.get(entry.file_id);
      if (entry.drive_id !== drive_id || !op_ids.includes(entry.op_id) || file === undefined) continue;
      const { op, at, file_id, version_id, conflict_of } = entry;
      const original = structuredClone(files.get(conflict_of ?? "") ?? null);
      made.set(entry.op_id, {
        entry: { op, at, file_id, version_id, conflict_of },
        file: structuredClone(file),
        original,
      });
    }
    return made;
  }

  async expired(open: boolean, before: number, after: UploadKey | null): Promise<UploadRow[]> {
    const page = [...this.#drive.state.uploads.values()]
      .filter((u) => (u.state === "open") === open && u.expires_at <= before && u.upload_id > (after?.upload_id ?? ""))
      .toSorted((a, b) => (a.upload_id < b.upload_id ? -1 : 1));
    return structuredClone(page.slice(0, PAGE));
  }

  async abandon({ upload_id }: UploadKey): Promise<boolean> {
    const { tenant_state, uploads } = this.#drive.state;
    const upload = uploads.get(upload_id);
    if (tenant_state !== "deleted" || upload?.state !== "open") return false;
    this.#drive.interfere((state) => state.uploads.set(upload_id, { ...upload, state: "aborted" }));
    return true;
  }

  async takenPacks({ upload_id }: UploadKey): Promise<Set<string>> {
    return new Set([...this.#drive.state.packs.keys()].filter((id) => id.startsWith(packPrefix(upload_id))));
  }

  async forget({ upload_id }: UploadKey): Promise<void> {
    for (const chunk of await this.chunks(upload_id)) this.#chunks.delete(keyOf(chunk));
    this.#drive.interfere(({ uploads }) => {
      if (uploads.get(upload_id)?.state !== "open") uploads.delete(upload_id);
    });
  }
}
