/** What holds after every step: docs/spec/uploads.md, storage.md, sync.md. */
import { expect } from "vitest";
import type { Engine } from "../../core/storage/engine.ts";
import type { StoredObject } from "../../core/storage/ports.ts";
import { parseText } from "../../core/manifests/root.ts";
import { packKey, packPrefix } from "../../core/packs/format.ts";
import { readContent } from "../../core/storage/read.ts";
import { nameKey } from "../../core/files/names.ts";
import { same } from "../support/memory/engine.ts";
import type { ReadBack } from "./attempt.ts";
import type { Ledger } from "./ledger.ts";
import { TENANT, type World } from "./world.ts";

/** A slow deep comparison only where it has something to show. */
function agree(stored: unknown, wanted: unknown, what: string): void {
  if (JSON.stringify(stored) !== JSON.stringify(wanted)) expect(stored, what).toEqual(wanted);
}

export async function readAll(engine: Engine, manifest: string, size: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  if (size > 0)
    for await (const piece of await readContent(engine, TENANT, manifest, 0, size)) pieces.push(piece.slice());
  return Buffer.concat(pieces);
}

export class Invariants {
  readonly #world: World;
  readonly #ledger: Ledger;
  readonly #engine: Engine;
  /** Objects of each content whose bytes were compared; objects never change. */
  readonly #seen = new Map<string, { bytes: Uint8Array; packs: [string, StoredObject][] }>();

  constructor(world: World, ledger: Ledger) {
    this.#world = world;
    this.#ledger = ledger;
    this.#engine = world.observer();
  }

  async check(): Promise<void> {
    this.#tree();
    this.#quota();
    this.#owners();
    await this.#bytes(this.#engine, false);
  }

  #tree(): void {
    const { files, versions, journal, drive } = this.#world.drive.state;
    const { model } = this.#ledger;
    for (const f of files.values()) {
      const n = model.nodes.get(f.file_id);
      agree(
        [
          f.file_id,
          f.parent_id,
          f.name,
          f.name_key,
          f.is_folder,
          f.trashed_at !== null,
          f.size,
          f.version_count,
          f.version_id,
        ],
        [
          n === undefined ? null : f.file_id,
          n?.parent,
          n?.name.normalize("NFC"),
          nameKey(n?.name ?? ""),
          n?.folder,
          n?.trashed,
          n?.versions.at(-1)?.size ?? 0,
          n?.versions.length,
          n?.versions.at(-1)?.id ?? null,
        ],
        "a file",
      );
    }
    expect(files.size, "files").toBe(model.nodes.size);
    const wanted = [...model.nodes].flatMap(([id, n]) => n.versions.map((v) => `${id} ${v.number} ${v.id}`));
    const stored = [...versions.values()].map((v) => `${v.file_id} ${v.version_number} ${v.version_id}`);
    agree(stored.toSorted(), wanted.toSorted(), "versions");
    expect([drive.seq, journal.length, journal.at(-1)?.seq ?? 0]).toEqual([
      model.changes,
      model.changes,
      model.changes,
    ]);
    if (journal.some((entry, i) => entry.seq !== i + 1)) expect.unreachable("J1: a gap in the journal");
    const op_ids = new Set(journal.map((entry) => entry.op_id));
    for (const op_id of this.#world.announced.splice(0)) if (!op_ids.has(op_id)) expect(op_id, "H7").toBe("committed");
  }

  #quota(): void {
    const { drive, uploads } = this.#world.drive.state;
    const { model } = this.#ledger;
    const open = [...uploads.values()].filter((u) => u.state === "open");
    const reserved = open.reduce((sum, u) => sum + u.reserved_bytes, 0);
    agree([drive.used_bytes, drive.reserved_bytes, reserved], [model.used, model.reserved, model.reserved], "Q1, Q2");
    expect(drive.used_bytes + drive.reserved_bytes, "Q3").toBeLessThanOrEqual(drive.limit_bytes);
  }

  /** U1, PK10: every object is a pack of a commit, or the sweep finds it by an upload's row. */
  #owners(): void {
    const { packs, uploads } = this.#world.drive.state;
    const open = new Set([...uploads.keys()].map(packPrefix));
    for (const [key, { bytes }] of this.#world.objects.objects) {
      const pack_id = key.slice(key.indexOf("/") + 1);
      const row = packs.get(pack_id);
      if (row === undefined && !open.has(pack_id.slice(0, 32))) expect(key).toBe("owned");
      if (row !== undefined && row.size !== bytes.length) expect(bytes.length, key).toBe(row.size);
    }
    for (const { pack_id } of packs.values())
      if (!this.#world.objects.objects.has(packKey(TENANT, pack_id))) expect(pack_id).toBe("stored");
  }

  async #bytes(engine: Engine, again: boolean): Promise<void> {
    const { versions, contents, packs } = this.#world.drive.state;
    const { objects } = this.#world.objects;
    for (const { version_id, content_id, size, content_hash } of versions.values()) {
      const bytes = this.#ledger.bytes.get(version_id) as Uint8Array;
      const seen = again ? undefined : this.#seen.get(content_id);
      if (seen !== undefined) {
        if (seen.bytes !== bytes && !same(seen.bytes, bytes)) expect.unreachable("a version with other bytes");
        for (const [key, object] of seen.packs) if (objects.get(key) !== object) expect(key).toBe("unchanged");
        continue;
      }
      const content = contents.get(content_id);
      if (content === undefined) throw new Error("a version without a content");
      const got = await readAll(engine, content.manifest, size);
      if (!same(got, bytes)) expect.unreachable(`${got.length} bytes, wanted ${bytes.length}, or others`);
      if (content_hash !== null && content_hash !== (await hashOf(bytes))) expect.unreachable("U10: another hash");
      const ids = (await parseText(content.manifest)).packs;
      for (const id of ids) expect(packs.get(id)?.state, "a pack of a content").toBe("live");
      const kept = ids.map((id): [string, StoredObject] => [packKey(TENANT, id), objects.get(packKey(TENANT, id))!]);
      this.#seen.set(content_id, { bytes, packs: kept });
    }
  }

  /** What readers got while things happened: the bytes of that version, or the beginning of them. */
  checkReads(reads: ReadBack[]): void {
    for (const { version_id, offset, length, pieces, ended } of reads.splice(0)) {
      const wanted = (this.#ledger.bytes.get(version_id) as Uint8Array).subarray(offset, offset + length);
      const got = Buffer.concat(pieces);
      if (ended) expect(got.length, "S3: never a short success").toBe(length);
      if (!same(got, wanted.subarray(0, got.length))) expect.unreachable("S3: wrong bytes");
    }
  }

  /** When all sessions have ended and were swept: nothing is left over, and another process reads everything. */
  async checkEnd(): Promise<void> {
    const { uploads, packs, drive } = this.#world.drive.state;
    expect([...uploads.values()], "sessions").toEqual([]);
    expect(this.#world.uploads.allChunks, "chunks").toEqual([]);
    expect(drive.reserved_bytes).toBe(0);
    const owned = [...packs.keys()].map((id) => packKey(TENANT, id));
    agree([...this.#world.objects.objects.keys()].toSorted(), owned.toSorted(), "E11, E12: objects");
    expect(this.#world.objects.objects.size).toBe(packs.size);
    await this.#bytes(this.#world.observer(), true);
  }
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  return Buffer.from(await crypto.subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString("hex");
}
