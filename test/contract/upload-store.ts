/** What every `UploadStore` and `ExpiryStore` promises: docs/spec/uploads.md and events.md, E10 to E12. */
import { describe, expect, it } from "vitest";
import { formatNode } from "../../core/manifests/root.ts";
import { packPrefix } from "../../core/packs/format.ts";
import { newId, tenantOf } from "../../core/protocol/ids.ts";
import type { ExpiryStore } from "../../core/uploads/expire.ts";
import type { ChunkRow, UploadRow } from "../../core/uploads/model.ts";
import type { UploadStore } from "../../core/uploads/ports.ts";
import { Bench, type OpenDrive } from "./drive-bench.ts";

export interface OpenUploads extends OpenDrive {
  uploads: UploadStore;
  expiry: ExpiryStore;
  /** Marks the tenant as deleted. */
  end(): Promise<void>;
}

class UploadBench extends Bench {
  readonly uploads: UploadStore;
  readonly expiry: ExpiryStore;
  readonly end: OpenUploads["end"];

  constructor(open: OpenUploads) {
    super(open);
    this.uploads = open.uploads;
    this.expiry = open.expiry;
    this.end = open.end;
  }

  async session(fields: Partial<UploadRow> = {}): Promise<UploadRow> {
    const upload = { ...this.upload(10), ...fields };
    await this.commit({ uploads: [upload] });
    return upload;
  }

  close({ upload_id }: UploadRow, state: "committed" | "aborted"): Promise<void> {
    const file_id = state === "committed" ? this.root : null;
    return this.commit({ settled: [{ upload_id, state, file_id }] });
  }

  chunk({ upload_id }: UploadRow, index: number, letter: string): ChunkRow {
    const pack_id = `${packPrefix(upload_id)}${letter.repeat(16)}`;
    const place = { pack_id, pack_size: 5, key_version: 1 };
    const of = { tenant_id: tenantOf(this.root), upload_id, chunk_index: index, chunk_id: letter.repeat(64) };
    return { ...of, size: 5, manifest: "m", content_hash: null, hooks: [], ...place };
  }

  pack(upload_id: string, letter: string) {
    const pack_id = `${packPrefix(upload_id)}${letter.repeat(16)}`;
    return {
      tenant_id: tenantOf(this.root),
      pack_id,
      state: "live",
      size: 1,
      key_version: 1,
      created_at: 1,
      changed_at: 1,
      round: "",
      is_shrunk: false,
    } as const;
  }

  /** All pages of what is expired. */
  async expired(open: boolean, before: number): Promise<string[]> {
    const found: UploadRow[] = [];
    for (;;) {
      const page = await this.expiry.expired(open, before, found.at(-1) ?? null);
      if (page.length === 0) return found.map((upload) => upload.upload_id);
      found.push(...page);
    }
  }
}

export function uploadStoreContract(name: string, open: () => Promise<OpenUploads>): void {
  describe(`UploadStore: ${name}`, () => {
    const setUp = async () => new UploadBench(await open());

    it("U1: the session of one request is there at once, open, and reserves nothing", async () => {
      const bench = await setUp();
      const upload = { ...bench.upload(1000), reserved_bytes: 0 };
      expect(await bench.uploads.stage(upload, 1000)).toEqual({ is_staged: true, free_bytes: 1000, holder: null });
      expect(await bench.uploads.find(upload.upload_id)).toEqual({ upload, chunks: [] });
      expect((await bench.load({})).drive).toMatchObject({ seq: 0, used_bytes: 0, reserved_bytes: 0 });
      expect(await bench.expired(true, upload.expires_at)).toEqual([upload.upload_id]);
      await bench.close(upload, "committed");
    });

    it("U1, Q2: none without the space; what needs none is never refused", async () => {
      const bench = await setUp();
      await bench.commit({ used_delta: 600, reserved_delta: 300 });
      const [fits, not, unknown] = [bench.upload(100), bench.upload(101), { ...bench.upload(0), size: null }];
      expect(await bench.uploads.stage(not, 101)).toEqual({ is_staged: false, free_bytes: 100, holder: null });
      expect(await bench.uploads.find(not.upload_id)).toBeNull();
      expect((await bench.uploads.stage(fits, 100)).is_staged).toBe(true);
      expect((await bench.uploads.stage(bench.upload(5000), 100)).is_staged, "a version that adds 100").toBe(true);
      await bench.commit({ used_delta: 600 });
      expect(await bench.uploads.stage(unknown, 0)).toEqual({ is_staged: true, free_bytes: 0, holder: null });
    });

    it("U1: none where the name is taken and has to be free", async () => {
      const bench = await setUp();
      const holder = bench.file("Name", bench.root, 5);
      await bench.create(holder, { ...bench.file("trashed", bench.root, 5), trashed_at: 1 });
      const named = (name: string, more: object = {}): UploadRow => {
        const target = { kind: "file", parent_id: bench.root, name, on_name_conflict: "fail" } as const;
        return { ...bench.upload(1), target: { ...target, mime_type: null, modified_at: null, ...more } };
      };
      const refused = await bench.uploads.stage(named("nAME"), 1);
      expect(refused).toMatchObject({ is_staged: false, holder: { file_id: holder.file_id, name: "Name" } });
      const version = { kind: "version", file_id: holder.file_id, if_version_id: null };
      const others = [{}, { on_name_conflict: "rename" }, { on_name_conflict: "new_version" }, version, { base: {} }];
      for (const [i, more] of others.entries())
        expect((await bench.uploads.stage(named(i === 0 ? "trashed" : "name", more), 1)).is_staged).toBe(true);
    });

    it("U1: none of a tenant that is not active here, nor of an unknown drive", async () => {
      const bench = await setUp();
      expect((await bench.uploads.stage({ ...bench.upload(1), drive_id: bench.id() }, 1)).free_bytes).toBeNull();
      await bench.drive.suspend();
      const upload = bench.upload(1);
      expect((await bench.uploads.stage(upload, 1)).is_staged).toBe(false);
      expect(await bench.uploads.find(upload.upload_id)).toBeNull();
    });

    it("U4: a session with its chunks, in the order of their indices; an unknown one is null", async () => {
      const bench = await setUp();
      const { uploads } = bench;
      expect(await uploads.find(bench.id())).toBeNull();
      const session = await bench.session();
      expect(await uploads.find(session.upload_id)).toEqual({ upload: session, chunks: [] });
      const rows = [bench.chunk(session, 1, "b"), bench.chunk(session, 0, "a"), bench.chunk(session, 1, "c")];
      for (const row of rows) expect(await uploads.putChunk(row)).toBe(true);
      const found = await uploads.find(session.upload_id);
      expect(found?.chunks.map((c) => c.chunk_index)).toEqual([0, 1, 1]);
      expect(found?.chunks[0]).toEqual({ chunk_index: 0, chunk_id: "a".repeat(64), size: 5 });
      const chunks = await uploads.chunks(session.upload_id);
      expect(new Set(chunks.map((c) => c.pack_id))).toEqual(new Set(rows.map((row) => row.pack_id)));
      expect(chunks[0]).toEqual(rows[1]);
    });

    it("U4, U13: the first pack of a chunk is kept, so what crossed it is a stray", async () => {
      const bench = await setUp();
      const session = await bench.session();
      const row = bench.chunk(session, 0, "a");
      const crossed = { ...row, pack_id: bench.chunk(session, 0, "b").pack_id };
      for (const one of [row, crossed]) expect(await bench.uploads.putChunk(one)).toBe(true);
      expect(await bench.uploads.chunks(session.upload_id)).toEqual([row]);
    });

    it("U4: a chunk at another index is the same pack; one that did not arrive is not there either", async () => {
      const bench = await setUp();
      const session = await bench.session();
      const row = bench.chunk(session, 0, "a");
      await bench.uploads.putChunk(row);
      for (const index of [3, 3]) await bench.uploads.repeatChunk(session.upload_id, row.chunk_id, index);
      await bench.uploads.repeatChunk(session.upload_id, "f".repeat(64), 4);
      expect(await bench.uploads.chunks(session.upload_id)).toEqual([row, { ...row, chunk_index: 3 }]);
    });

    it.each(["committed", "aborted"] as const)("U13: a session that is %s takes no chunk", async (state) => {
      const bench = await setUp();
      const session = await bench.session();
      await bench.close(session, state);
      expect(await bench.uploads.putChunk(bench.chunk(session, 0, "a"))).toBe(false);
      expect(await bench.uploads.chunks(session.upload_id)).toEqual([]);
      expect((await bench.uploads.find(session.upload_id))?.upload.state).toBe(state);
      expect(await bench.uploads.putChunk(bench.chunk(bench.upload(1), 0, "a")), "nor does an unknown one").toBe(false);
    });

    it("B5: the class of a file's blocks; none for a folder and for what is unknown", async () => {
      const bench = await setUp();
      const manifest = await formatNode({ kind: "root", bits: 18, size: 0, packs: [], entries: [] });
      const file = bench.file("f", bench.root, 0);
      const [version, content] = bench.bytesOf(file);
      const journal = [bench.entry(1, "created", file.file_id)];
      await bench.commit({ files: [file], versions: [version], contents: [{ ...content, manifest }], journal });
      expect(await bench.uploads.blockBits(file.file_id)).toBe(18);
      for (const id of [bench.root, bench.id()]) expect(await bench.uploads.blockBits(id)).toBeNull();
    });

    it("U11: living files of this drive, of that hash and size, whose hash is the server's own, with what is held on them", async () => {
      const bench = await setUp();
      const make = (name: string, fields: object) => ({ ...bench.file(name, bench.root, 5), ...fields });
      const content_hash = "d".repeat(64);
      const right = make("right", { content_hash });
      const others = [
        make("size", { content_hash, size: 6 }),
        make("hash", { content_hash: "e".repeat(64) }),
        make("trash", { content_hash, trashed_at: 1 }),
        make("pending", { content_hash, integrity: "pending" }),
      ];
      await bench.create(right, ...others);
      const [own] = await bench.uploads.withContent(bench.root, bench.root, content_hash, 5);
      expect(own).toMatchObject({ file: right, grants: [] });
      expect(own!.chain.map((at) => at.file_id)).toEqual([right.file_id, bench.root]);
      const guest = bench.permission(bench.root);
      await bench.commit({ permissions: [guest], journal: [bench.entry(6, "shared", bench.root)] });
      const theirs = await bench.uploads.withContent(guest.user_id as string, bench.root, content_hash, 5);
      expect(theirs.map(({ file, grants }) => [file.file_id, grants[0]?.permission])).toEqual([
        [right.file_id, guest.permission],
      ]);
      expect(await bench.uploads.withContent(bench.id(), bench.id(), content_hash, 5)).toEqual([]);
    });

    it("U16, U19: versions with who may read them; what is unknown, purged or of another tenant is missing", async () => {
      const bench = await setUp();
      const file = bench.file("base.bin", bench.root, 5);
      const [version, content] = bench.bytesOf(file);
      const journal = [bench.entry(1, "created", file.file_id)];
      await bench.commit({ files: [file], versions: [version], contents: [content], journal });
      const reader = { kind: "user", user_id: bench.id() } as const;
      const { file_id, version_id, size, content_hash } = version;
      const find = (...refs: { file_id: string; version_id: string }[]) => bench.uploads.versions(reader, refs);
      const [found, ...more] = await find(
        { file_id, version_id },
        { file_id, version_id: bench.id() },
        { file_id: bench.id(), version_id },
        { file_id: newId(tenantOf(bench.root) + 1, 1), version_id },
      );
      expect(more).toEqual([]);
      expect(found).toMatchObject({ file_id, version_id, size, content_hash, manifest: content.manifest });
      expect(found?.access).toMatchObject({ file: { file_id, drive_id: bench.root }, grants: [] });
      expect(found?.access.chain.map((at) => at.file_id)).toEqual([file_id, bench.root]);
      expect(await find()).toEqual([]);
      await bench.commit({ permissions: [{ ...bench.permission(bench.root), user_id: reader.user_id }] });
      expect((await find({ file_id, version_id }))[0]?.access.grants).toHaveLength(1);
      await bench.commit({ purged_files: [file_id] });
      expect(await find({ file_id, version_id })).toEqual([]);
    });

    it("M10, U20: versions by the hooks of their contents, the most first, whatever other drives have; each hook once", async () => {
      const bench = await setUp();
      const hook = (hash: string, n: number, drive_id = bench.root) => ({
        tenant_id: tenantOf(bench.root),
        drive_id,
        hash: hash.repeat(16),
        content_id: `content ${n}`,
        file_id: `file ${n}`,
        version_id: `version ${n}`,
      });
      await bench.commit({ hooks: [hook("a", 1), hook("a", 2), hook("b", 2), hook("c", 3)] });
      const others = Array.from({ length: 40 }, (_, i) => hook("a", 100 + i, bench.id()));
      await bench.commit({ hooks: others });
      const found = async (...hashes: string[]) =>
        (
          await bench.uploads.hooked(
            bench.root,
            hashes.map((hash) => hash.repeat(16)),
          )
        ).map((ref) => ref.version_id);
      expect(await found("a", "b")).toEqual(["version 2", "version 1"]);
      expect(await found("c", "d")).toEqual(["version 3"]);
      expect(await found()).toEqual([]);
      await expect(bench.commit({ hooks: [hook("c", 3)] })).rejects.toThrow();
    });

    it("U7: what an operation made, while its file is there", async () => {
      const bench = await setUp();
      const file = bench.file("f", bench.root, 5);
      const { version_id } = file;
      await bench.commit({ files: [file], journal: [{ ...bench.entry(1, "created", file.file_id), version_id }] });
      const entry = { op: "created", at: 1, file_id: file.file_id, version_id, conflict_of: null };
      const asked = ["op-0", "op-1", "op-2"];
      expect(await bench.uploads.madeBy(bench.root, asked)).toEqual(
        new Map([["op-1", { entry, file, original: null }]]),
      );
      for (const [drive, op_ids] of [
        [bench.root, ["op-2"]],
        [bench.root, []],
        [bench.id(), asked],
      ] as const)
        expect(await bench.uploads.madeBy(drive, op_ids)).toEqual(new Map());
      await bench.commit({ purged_files: [file.file_id] });
      expect(await bench.uploads.madeBy(bench.root, asked)).toEqual(new Map());
    });

    it("E10: what has expired by its time and state, page by page", async () => {
      const bench = await setUp();
      const early = await bench.session({ expires_at: 100 });
      const late = await bench.session({ expires_at: 101 });
      const done = await bench.session({ expires_at: 100 });
      const ended = await bench.session({ expires_at: 100 });
      await bench.close(done, "committed");
      await bench.close(ended, "aborted");
      const ids = (...rows: UploadRow[]): string[] => rows.map((row) => row.upload_id).toSorted();
      expect(await bench.expired(true, 100)).toEqual(ids(early));
      expect(await bench.expired(true, 101)).toEqual(ids(early, late));
      expect(await bench.expired(false, 100)).toEqual(ids(done, ended));
      const many = Array.from({ length: 230 }, () => ({ ...bench.upload(1), expires_at: 50 }));
      await bench.commit({ uploads: many });
      expect(await bench.expired(true, 50)).toEqual(ids(...many));
    });

    it("E10: one is abandoned only in a deleted tenant, and only while it is open", async () => {
      const bench = await setUp();
      const [open, done] = [await bench.session(), await bench.session()];
      await bench.close(done, "committed");
      expect(await bench.expiry.abandon(open)).toBe(false);
      await bench.end();
      expect([await bench.expiry.abandon(open), await bench.expiry.abandon(done)]).toEqual([true, false]);
      expect((await bench.uploads.find(open.upload_id))?.upload.state).toBe("aborted");
      expect((await bench.uploads.find(done.upload_id))?.upload.state).toBe("committed");
    });

    it("E12: the packs that a commit took, of this name and no other", async () => {
      const bench = await setUp();
      const [one, other] = [await bench.session(), await bench.session()];
      const packs = [bench.pack(one.upload_id, "0"), bench.pack(one.upload_id, "f"), bench.pack(other.upload_id, "a")];
      await bench.commit({ packs });
      expect(await bench.expiry.takenPacks(one)).toEqual(new Set(packs.slice(0, 2).map((pack) => pack.pack_id)));
      expect(await bench.expiry.takenPacks(bench.upload(1))).toEqual(new Set());
    });

    it("E11: a session is forgotten with its chunks, once and again; never one that is open", async () => {
      const bench = await setUp();
      const [open, ended, other] = [await bench.session(), await bench.session(), await bench.session()];
      for (const one of [ended, other]) await bench.uploads.putChunk(bench.chunk(one, 0, "a"));
      await bench.close(ended, "aborted");
      for (const one of [open, ended, ended]) await bench.expiry.forget(one);
      expect(await bench.uploads.find(ended.upload_id)).toBeNull();
      expect(await bench.uploads.chunks(ended.upload_id)).toEqual([]);
      expect(await bench.uploads.find(open.upload_id)).not.toBeNull();
      expect((await bench.uploads.chunks(other.upload_id)).length).toBe(1);
    });
  });
}
