/** What every `DriveStore` promises to the hub: core/sync/ports.ts and docs/spec/sync.md. */
import { describe, expect, it } from "vitest";
import type { FileRow, PermissionRow } from "../../core/files/model.ts";
import { nameKey } from "../../core/files/names.ts";
import { newId } from "../../core/protocol/ids.ts";
import { noNeeds } from "../../core/sync/plan/index.ts";
import { CHANGED_MAX, PURGE_MAX } from "../../core/sync/ports.ts";
import { Bench, emptyWrites, type OpenDrive } from "./drive-bench.ts";

const ascending = (a: number, b: number): number => a - b;

export function driveStoreContract(name: string, open: () => Promise<OpenDrive>): void {
  describe(`DriveStore: ${name}`, () => {
    const setUp = async () => new Bench(await open());

    it("reads null for a drive that does not exist only; an empty drive is its row and its root", async () => {
      const { store, load, root } = await setUp();
      const found = await load({ file_ids: new Set([root]) });
      expect(found.drive).toMatchObject({ seq: 0, used_bytes: 0, reserved_bytes: 0 });
      expect(found.files.map((f) => [f.file_id, f.parent_id, f.is_folder])).toEqual([[root, null, true]]);
      expect(await store.load(noNeeds())).not.toBeNull();
    });

    it("J1: a commit writes all that it names, in one piece, and moves the sequence number", async () => {
      const bench = await setUp();
      const folder = bench.folder("Folder", bench.root);
      const file = bench.file("file.txt", folder.file_id, 5);
      const [version, content] = bench.bytesOf(file);
      await bench.commit({
        files: [folder, file],
        versions: [version],
        contents: [content],
        due: { "search-index": 2 },
        used_delta: 5,
        reserved_delta: 7,
        journal: [bench.entry(1, "created", folder.file_id), bench.entry(2, "created", file.file_id)],
      });
      const found = await bench.load({
        file_ids: new Set([file.file_id]),
        versions: [{ file_id: file.file_id, version_id: file.version_id as string }],
        op_ids: new Set(["op-1", "op-2", "op-3"]),
      });
      expect(found.drive).toMatchObject({ seq: 2, due: { "search-index": 2 }, used_bytes: 5, reserved_bytes: 7 });
      expect(new Map(found.files.map((f) => [f.file_id, f])).get(file.file_id)).toEqual(file);
      expect(found.versions).toEqual([version]);
      expect(found.done.map((d) => [d.entry.op_id, d.entry.seq, d.file?.name])).toEqual([
        ["op-1", 1, "Folder"],
        ["op-2", 2, "file.txt"],
      ]);
    });

    it("G4: a list of packs may be longer than a parameter of the store", async () => {
      const bench = await setUp();
      const ids = Array.from({ length: 60_000 }, (_, i) => i.toString(16).padStart(48, "0"));
      expect((await bench.load({ pack_ids: new Set(ids) })).packs).toEqual([]);
      await expect(bench.commit({ borrowed: ids })).rejects.toThrow("pack_not_live");
    });

    it("reads a file with all its ancestors, whatever was trashed", async () => {
      const bench = await setUp();
      const folders = bench.chain(4);
      folders[1]!.trashed_at = 9;
      await bench.commit({ files: folders, journal: folders.map((f, i) => bench.entry(i + 1, "created", f.file_id)) });
      const found = await bench.load({ file_ids: new Set([folders[3]!.file_id]) });
      expect(new Set(found.files.map((f) => f.file_id))).toEqual(
        new Set([bench.root, ...folders.map((f) => f.file_id)]),
      );
    });

    it("finds living siblings by their key, and all that begin so", async () => {
      const bench = await setUp();
      const names = ["Photo.jpg", "Photo (2).jpg", "photos", "Phone.txt", "été.txt"];
      const files = names.map((n) => bench.file(n, bench.root, 0));
      const trashed = { ...bench.file("Photo (3).jpg", bench.root, 0), trashed_at: 5 };
      await bench.create(...files, trashed);
      const parent_id = bench.root;
      const found = await bench.load({
        names: ["PHOTO.JPG", "e\u0301te\u0301.txt", "photo (3).jpg", "other"].map((n) => ({
          parent_id,
          name_key: nameKey(n),
        })),
        numbered: [{ parent_id, prefix: "photo" }],
      });
      expect(found.files.map((f) => f.name).toSorted()).toEqual(["Photo.jpg", "été.txt"]);
      expect(found.taken.map((t) => t.name_key).toSorted()).toEqual(["photo (2).jpg", "photo.jpg", "photos"]);
    });

    it("a living name is there once a folder: a second one fails the batch, a trashed one does not", async () => {
      const bench = await setUp();
      await bench.create(bench.file("name.txt", bench.root, 1));
      await expect(bench.create(bench.file("NAME.txt", bench.root, 1))).rejects.toThrow();
      await bench.create({ ...bench.file("name.txt", bench.root, 1), trashed_at: 3 });
      expect((await bench.load({})).drive.seq).toBe(2);
    });

    it("a name moves from one file to another within a batch", async () => {
      const bench = await setUp();
      const [first, second] = [bench.file("one", bench.root, 0), bench.file("two", bench.root, 0)];
      await bench.create(first, second);
      const renamed = { ...first, name: "three", name_key: "three" };
      const taken = { ...second, name: "one", name_key: "one" };
      await bench.commit({ files: [renamed, taken], journal: [bench.entry(3, "updated", first.file_id)] });
      const found = await bench.load({ names: [{ parent_id: bench.root, name_key: "one" }] });
      expect(found.files.map((f) => f.file_id)).toEqual([second.file_id]);
    });

    it("H6: a batch planned on an older sequence number changes nothing at all", async () => {
      const bench = await setUp();
      await bench.create(bench.folder("First", bench.root));
      const late = bench.folder("Late", bench.root);
      const stale = { seq: 2, files: [late], journal: [bench.entry(2, "created", late.file_id)] };
      await expect(bench.store.commit({ ...emptyWrites(), ...stale, used_delta: 9 })).rejects.toThrow("drive_moved");
      const found = await bench.load({ file_ids: new Set([late.file_id]) });
      expect(found.files).toEqual([]);
      expect(found.drive).toMatchObject({ seq: 1, used_bytes: 0 });
    });

    it("H6: two batches at once on the same sequence number: one is committed", async () => {
      const bench = await setUp();
      const writes = ["a", "b", "c"].map((n, i) => {
        const folder = bench.folder(n, bench.root);
        const journal = [{ ...bench.entry(1, "created", folder.file_id), op_id: `op-${i}` }];
        return { ...emptyWrites(), seq: 1, files: [folder], journal };
      });
      const results = await Promise.allSettled(writes.map((w) => bench.store.commit(w)));
      expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
      expect((await bench.load({})).drive.seq).toBe(1);
    });

    it("H6: two batches at once that only reserve, on the same counters: one is committed", async () => {
      const bench = await setUp();
      const writes = [10, 20].map((size) => ({
        ...emptyWrites(),
        uploads: [bench.upload(size)],
        reserved_delta: size,
      }));
      const results = await Promise.allSettled(writes.map((w) => bench.store.commit(w)));
      expect(results.filter((r) => r.status === "fulfilled")).toHaveLength(1);
    });

    it("H6: a tenant that is not active here takes no batch", async () => {
      const bench = await setUp();
      await bench.drive.suspend();
      await expect(bench.create(bench.folder("x", bench.root))).rejects.toThrow("tenant_not_active");
      expect((await bench.load({})).drive.seq).toBe(0);
    });

    it("H5: an operation is recorded once: its second batch fails", async () => {
      const bench = await setUp();
      await bench.create(bench.folder("Once", bench.root));
      const again = bench.folder("Twice", bench.root);
      const journal = [{ ...bench.entry(2, "created", again.file_id), op_id: "op-1" }];
      await expect(bench.commit({ files: [again], journal })).rejects.toThrow();
      expect((await bench.load({})).drive.seq).toBe(1);
    });

    it("J1: a sequence number is given once", async () => {
      const bench = await setUp();
      await bench.create(bench.folder("One", bench.root));
      const journal = [{ ...bench.entry(1, "created", bench.root), op_id: "another" }];
      await expect(bench.commit({ seq: 2, journal })).rejects.toThrow();
    });

    it("U1: a session closes once, by commit or release, and its file is kept", async () => {
      const bench = await setUp();
      const upload = bench.upload(10);
      await bench.commit({ uploads: [upload], reserved_delta: 10 });
      expect((await bench.load({ upload_ids: new Set([upload.upload_id]) })).uploads).toEqual([upload]);
      const close = (state: "committed" | "aborted", file_id: string | null) =>
        bench.commit({
          settled: [{ upload_id: upload.upload_id, state, file_id }],
          reserved_delta: -10,
        });
      await close("committed", bench.root);
      await expect(close("aborted", null)).rejects.toThrow("upload_not_open");
      await expect(
        bench.commit({ settled: [{ upload_id: newId(1, 1), state: "aborted", file_id: null }] }),
      ).rejects.toThrow("upload_not_open");
      const found = await bench.load({ upload_ids: new Set([upload.upload_id]) });
      expect(found.uploads[0]).toMatchObject({ state: "committed", file_id: bench.root });
      expect(found.drive.reserved_bytes).toBe(0);
    });

    it("U22: a session can be settled and stay open, until it is closed; a pack's row is made once", async () => {
      const bench = await setUp();
      const upload = { ...bench.upload(0), target: null };
      const { upload_id, tenant_id } = upload;
      await bench.commit({ uploads: [upload] });
      const pack = {
        tenant_id,
        pack_id: "p".repeat(48),
        state: "live",
        size: 5,
        key_version: 1,
        round: "",
        is_shrunk: false,
      } as const;
      const settle = (state: "open" | "committed", file_id: string, at: number) =>
        bench.commit({
          settled: [{ upload_id, state, file_id }],
          packs: [{ ...pack, created_at: at, changed_at: at }],
        });
      for (const at of [1, 2]) {
        const file_id = bench.id();
        await settle("open", file_id, at);
        expect((await bench.load({ upload_ids: new Set([upload_id]) })).uploads).toEqual([{ ...upload, file_id }]);
      }
      await settle("committed", bench.root, 3);
      await expect(settle("open", bench.root, 4)).rejects.toThrow("upload_not_open");
    });

    it("reads the oldest versions of a file up to a number, and ends the ones named", async () => {
      const bench = await setUp();
      const file = bench.file("long.txt", bench.root, 5);
      const [first, content] = bench.bytesOf(file);
      const versions = Array.from({ length: PURGE_MAX + 5 }, (_, i) => ({
        ...first,
        version_id: i === 0 ? first.version_id : bench.id(),
        version_number: i + 1,
      }));
      const journal = [bench.entry(1, "created", file.file_id)];
      await bench.commit({ files: [file], versions, contents: [content], journal });
      const read = async (through: number): Promise<number[]> => {
        const histories = [{ file_id: file.file_id, through }];
        const asked = versions.slice(0, 2).map(({ file_id, version_id }) => ({ file_id, version_id }));
        return (await bench.load({ histories, versions: asked })).versions
          .map((v) => v.version_number)
          .toSorted(ascending);
      };
      const numbers = versions.map((v) => v.version_number);
      expect(await read(4)).toEqual([1, 2, 3, 4]);
      expect(await read(Number.MAX_SAFE_INTEGER)).toEqual(numbers.slice(0, PURGE_MAX));
      const purged_versions = numbers.slice(0, PURGE_MAX).map((n) => ({ file_id: file.file_id, version_number: n }));
      await bench.commit({ purged_versions, journal: [bench.entry(2, "version_purged", file.file_id)] });
      expect(await read(Number.MAX_SAFE_INTEGER)).toEqual(numbers.slice(PURGE_MAX));
    });

    it("sums and purges a tree with all in it, but for what was trashed by itself", async () => {
      const bench = await setUp();
      const [top, below] = bench.chain(2) as [FileRow, FileRow];
      const kept = { ...bench.file("kept.txt", below.file_id, 100), trashed_at: 4 };
      const files = [bench.file("a.txt", top.file_id, 1), bench.file("b.txt", below.file_id, 2)];
      const rows = [{ ...top, trashed_at: 5 }, below, kept, ...files];
      const [versions, contents] = bench.bytesOfAll([kept, ...files]);
      const permission = bench.permission(files[0]!.file_id);
      await bench.commit({
        files: rows,
        versions,
        contents,
        permissions: [permission],
        used_delta: 103,
        journal: rows.map((f, i) => bench.entry(i + 1, "created", f.file_id)),
      });
      const { sums } = await bench.load({ sum_ids: new Set([top.file_id, kept.file_id]) });
      expect(sums.get(top.file_id)).toEqual({ bytes: 3, count: 4 });
      expect(sums.get(kept.file_id)).toEqual({ bytes: 100, count: 1 });

      const journal = [bench.entry(6, "purged", top.file_id)];
      await bench.commit({ purged_files: [top.file_id], used_delta: -3, journal });
      const found = await bench.load({
        file_ids: new Set(rows.map((f) => f.file_id)),
        versions: versions.map(({ file_id, version_id }) => ({ file_id, version_id })),
        permissions: [permission],
      });
      expect(found.files).toEqual([kept]);
      expect(found.versions.map((v) => v.file_id)).toEqual([kept.file_id]);
      expect(found.permissions).toEqual([]);
      expect(found.drive.used_bytes).toBe(100);
    });

    it("reads a tree for a copy, parents before children, living ones only", async () => {
      const bench = await setUp();
      const chain = bench.chain(3);
      const trashed = { ...bench.file("gone.txt", chain[0]!.file_id, 1), trashed_at: 5 };
      await bench.create(...chain, trashed);
      const { trees } = await bench.load({ tree_ids: new Set([chain[0]!.file_id]) });
      expect(trees.map((f) => f.file_id)).toEqual(chain.slice(1).map((f) => f.file_id));
    });

    it("reads the grants to people that live, and any permission that is asked for", async () => {
      const bench = await setUp();
      const user = bench.permission(bench.root);
      const link: PermissionRow = { ...bench.permission(bench.root), kind: "link", user_id: null, token: "t" };
      const revoked = { ...bench.permission(bench.root), revoked_at: 3 };
      await bench.commit({ permissions: [user, link, revoked], journal: [bench.entry(1, "shared", bench.root)] });
      expect((await bench.load({ grants: new Set([bench.root]) })).permissions).toEqual([user]);
      const asked = await bench.load({ grants: new Set([bench.root]), permissions: [user, link, revoked] });
      const ids = (rows: PermissionRow[]): string[] => rows.map((p) => p.permission_id).toSorted();
      expect(ids(asked.permissions)).toEqual(ids([user, link, revoked]));
    });

    it("CF5: finds each living item on the way down from a folder, by its key", async () => {
      const bench = await setUp();
      const [top, below, deep] = bench.chain(3) as [FileRow, FileRow, FileRow];
      const file = bench.file("a.txt", below.file_id, 1);
      await bench.create(top, below, { ...deep, trashed_at: 4 }, file);
      const found = async (...paths: string[][]): Promise<string[]> => {
        const asked = paths.map((keys) => ({ parent_id: bench.root, keys }));
        return (await bench.load({ paths: asked })).files.map((f) => f.name).toSorted();
      };
      expect(await found(["level 0", "level 1", "a.txt", "none"])).toEqual(["a.txt", "level 0", "level 1"]);
      expect(await found(["level 0", "none", "a.txt"], ["level 1"])).toEqual(["level 0"]);
      expect(await found(["level 0", "level 1", "level 2"])).toEqual(["level 0", "level 1"]);
    });

    it("CF6: reads the newest changes behind a number, bounded, with their files and all ancestors", async () => {
      const bench = await setUp();
      const [top, below] = bench.chain(2) as [FileRow, FileRow];
      const file = bench.file("a.txt", below.file_id, 1);
      const journal = [top, below, file].map((f, i) => ({
        ...bench.entry(i + 1, "created", f.file_id),
        device_id: "d",
      }));
      await bench.commit({ files: [top, below, file], journal });
      const found = await bench.load({ since: 2 });
      expect(found.changed).toEqual([{ seq: 3, op: "created", file_id: file.file_id, device_id: "d" }]);
      expect(new Set(found.files.map((f) => f.name))).toEqual(new Set(["My Drive", "level 0", "level 1", "a.txt"]));
      expect((await bench.load({ since: 3 })).changed).toEqual([]);
      const many = Array.from({ length: CHANGED_MAX + 5 }, (_, i) => bench.entry(4 + i, "updated", top.file_id));
      await bench.commit({ journal: many });
      const all = (await bench.load({ since: 0 })).changed.map((entry) => entry.seq);
      expect([all.length, all[0], all.at(-1)]).toEqual([CHANGED_MAX + 1, CHANGED_MAX + 8, 8]);
    });

    it("CF13: what an operation left has with it the file that it was a conflict copy of", async () => {
      const bench = await setUp();
      const [first, copy] = [bench.file("a.txt", bench.root, 1), bench.file("a (B).txt", bench.root, 1)];
      const entry = { ...bench.entry(2, "created", copy.file_id), conflict_of: first.file_id };
      await bench.commit({
        files: [first, { ...copy, conflict_of: first.file_id }],
        journal: [bench.entry(1, "created", first.file_id), entry],
      });
      const { done } = await bench.load({ op_ids: new Set(["op-1", "op-2"]) });
      expect(done.map((d) => [d.entry.conflict_of, d.file?.name, d.original?.name])).toEqual([
        [null, "a.txt", undefined],
        [first.file_id, "a (B).txt", "a.txt"],
      ]);
    });

    it("takes a batch larger than one statement can hold", async () => {
      const bench = await setUp();
      const metadata = { note: "x".repeat(4000) };
      const files = Array.from({ length: 400 }, (_, i) => ({ ...bench.folder(`f${i}`, bench.root), metadata }));
      await bench.create(...files);
      const found = await bench.load({ file_ids: new Set(files.map((f) => f.file_id)) });
      expect(found.files).toHaveLength(401);
      expect(found.drive.seq).toBe(400);
    });

    it("names are data: nothing in them is SQL or JSON", async () => {
      const bench = await setUp();
      const names = [`'; drop table files; --`, `"}],[{"`, "%_", "\u{1f4c1} $.name", "a\\b"];
      await bench.create(...names.map((n) => bench.folder(n, bench.root)));
      const found = await bench.load({
        names: names.map((n) => ({ parent_id: bench.root, name_key: nameKey(n) })),
        numbered: [{ parent_id: bench.root, prefix: "%" }],
      });
      expect(found.files.map((f) => f.name).toSorted()).toEqual(names.toSorted());
      expect(found.taken.map((t) => t.name_key)).toEqual(["%_"]);
    });
  });
}
