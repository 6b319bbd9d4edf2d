/** What every `GarbageStore` promises, and what a `DriveStore` tells it. docs/spec/durability.md. */
import { describe, expect, it } from "vitest";
import type { FileRow, PackRow, VersionRow } from "../../core/files/model.ts";
import { type GarbageStore, RoundOver } from "../../core/garbage/ports.ts";
import { livePack } from "../../core/packs/live.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { Bench, type OpenDrive } from "./drive-bench.ts";

export interface OpenGarbage extends OpenDrive {
  garbage: GarbageStore;
  /** Marks the tenant as deleted. */
  end(): Promise<void>;
}

const [FIRST, SECOND] = ["a".repeat(16), "b".repeat(16)] as const;
const NOTHING = { condemned: [], revived: [], deleted: [], forgotten: [] };
const packId = (letter: string): string => letter.repeat(48);

class GarbageBench extends Bench {
  readonly garbage: GarbageStore;

  constructor(open: OpenGarbage) {
    super(open);
    this.garbage = open.garbage;
  }

  pack(letter: string): PackRow {
    const tenant_id = tenantOf(this.root);
    return livePack(tenant_id, { pack_id: packId(letter), size: 1, key_version: 1 }, 1);
  }

  /** A file with a content of its own. */
  async fileOf(name: string): Promise<FileRow> {
    const file = this.file(name, this.root, 1);
    const [version, content] = this.bytesOf(file);
    await this.commit({ files: [file], versions: [version], contents: [content] });
    return file;
  }

  /** One more version that has a file's content. */
  share(file: FileRow, version_number: number): VersionRow {
    return { ...this.bytesOf(file)[0], version_id: this.id(), version_number, is_shared: true };
  }

  async garbageOf(...files: FileRow[]): Promise<(boolean | null)[]> {
    const found = new Map((await this.garbage.contents("")).map((c) => [c.content_id, c.is_garbage]));
    return files.map((file) => found.get(file.content_id as string) ?? null);
  }

  states = async (): Promise<string> =>
    (await this.garbage.packs("")).map(({ pack_id, state }) => `${pack_id[0]} ${state}`).join(", ");
}

export function garbageStoreContract(name: string, open: () => Promise<OpenGarbage>): void {
  const setUp = async () => new GarbageBench(await open());

  describe(`content life: ${name}`, () => {
    it("G2: a content is garbage when its home and all shared versions of it are purged, in any order", async () => {
      const bench = await setUp();
      const files = [await bench.fileOf("home first"), await bench.fileOf("home last"), await bench.fileOf("alone")];
      const [homeFirst, homeLast, alone] = files as [FileRow, FileRow, FileRow];
      const shared = [bench.share(homeFirst, 2), bench.share(homeLast, 2)] as const;
      await bench.commit({ versions: [...shared] });
      const homes = files.map(({ file_id }) => ({ file_id, version_number: 1 }));
      await bench.commit({ purged_versions: [homes[0]!, shared[1], homes[2]!] });
      expect(await bench.garbageOf(homeFirst, homeLast, alone)).toEqual([false, false, true]);
      await bench.commit({ purged_versions: [shared[0], homes[1]!] });
      expect(await bench.garbageOf(homeFirst, homeLast, alone)).toEqual([true, true, true]);
    });

    it("G2: purged with a tree, but for what a file elsewhere shares", async () => {
      const bench = await setUp();
      const folder = bench.folder("Folder", bench.root);
      const [inside, shared] = ["inside", "shared"].map((n) => bench.file(n, folder.file_id, 1)) as [FileRow, FileRow];
      const outside = { ...bench.file("outside", bench.root, 1), content_id: shared.content_id };
      const [versions, contents] = bench.bytesOfAll([inside, shared]);
      const copy = { ...bench.bytesOf(outside)[0], is_shared: true };
      await bench.commit({ files: [folder, inside, shared, outside], versions: [...versions, copy], contents });
      await bench.commit({ purged_files: [folder.file_id] });
      expect(await bench.garbageOf(inside, shared)).toEqual([true, false]);
      await bench.commit({ purged_files: [outside.file_id] });
      expect(await bench.garbageOf(inside, shared)).toEqual([true, true]);
    });

    it("G1: a batch that shares a content which is gone, or which no version has, fails as a whole", async () => {
      const bench = await setUp();
      const file = await bench.fileOf("file");
      const unknown = bench.file("unknown", bench.root, 1);
      const late = bench.file("late", bench.root, 1);
      await expect(bench.commit({ files: [late], versions: [bench.share(unknown, 2)] })).rejects.toThrow(
        "content_gone",
      );
      await bench.commit({ purged_versions: [{ file_id: file.file_id, version_number: 1 }] });
      await expect(bench.commit({ files: [late], versions: [bench.share(file, 2)] })).rejects.toThrow("content_gone");
      expect((await bench.load({ file_ids: new Set([late.file_id]) })).files).toEqual([]);
    });

    it("G1: a version that is restored and purged in one batch keeps its content", async () => {
      const bench = await setUp();
      const file = await bench.fileOf("file");
      const home = { file_id: file.file_id, version_number: 1 };
      await bench.commit({ purged_versions: [home], versions: [bench.share(file, 2)] });
      expect(await bench.garbageOf(file)).toEqual([false]);
    });

    it("G4: a batch needs packs that are live; its own count as well, when they have a row already", async () => {
      const bench = await setUp();
      const file = bench.file("file", bench.root, 1);
      const [own, other] = [bench.pack("1"), bench.pack("2")];
      await bench.commit({ packs: [own, other] });
      await bench.commit({ packs: [own], borrowed: [other.pack_id] });
      await expect(bench.commit({ files: [file], borrowed: [packId("3")] })).rejects.toThrow("pack_not_live");
      await bench.garbage.begin(FIRST);
      await bench.garbage.judge(FIRST, { ...NOTHING, condemned: [own.pack_id] }, 5);
      await expect(bench.commit({ files: [file], borrowed: [own.pack_id] })).rejects.toThrow("pack_not_live");
      await expect(bench.commit({ files: [file], packs: [own] })).rejects.toThrow("pack_not_live");
      expect((await bench.load({ file_ids: new Set([file.file_id]) })).files).toEqual([]);
      expect((await bench.load({ pack_ids: new Set([own.pack_id, packId("9")]) })).packs).toEqual([
        { pack_id: own.pack_id, state: "condemned" },
      ]);
    });
  });

  describe(`GarbageStore: ${name}`, () => {
    it("G7: contents and packs come by id, in pages", async () => {
      const bench = await setUp();
      const files = Array.from({ length: 3 }, (_, i) => bench.file(`f${i}`, bench.root, 1));
      const [versions, contents] = bench.bytesOfAll(files);
      const packs = ["3", "1", "2"].map((letter) => bench.pack(letter));
      await bench.commit({ files, versions, contents, packs });
      const ids = contents.map((content) => content.content_id).toSorted();
      const page = await bench.garbage.contents("");
      expect(page.map((content) => content.content_id)).toEqual(ids);
      expect(page[0]).toEqual({ content_id: ids[0], manifest: contents[0]!.manifest, is_garbage: false });
      expect((await bench.garbage.contents(ids[1]!)).map((content) => content.content_id)).toEqual([ids[2]]);
      expect(await bench.garbage.contents(ids[2]!)).toEqual([]);
      expect((await bench.garbage.packs(packId("1"))).map((pack) => pack.pack_id)).toEqual([packId("2"), packId("3")]);
      expect((await bench.garbage.packs(""))[0]).toEqual({
        pack_id: packId("1"),
        state: "live",
        changed_at: 1,
        round: "",
      });
      expect(await bench.garbage.packs(packId("3"))).toEqual([]);
    });

    it("G7: drops only what is garbage when it is dropped", async () => {
      const bench = await setUp();
      const [living, garbage] = [await bench.fileOf("living"), await bench.fileOf("garbage")];
      await bench.commit({ purged_files: [garbage.file_id] });
      await bench.garbage.begin(FIRST);
      await bench.garbage.drop(FIRST, [living.content_id as string, garbage.content_id as string]);
      expect(await bench.garbageOf(living, garbage)).toEqual([false, null]);
    });

    it("M10: drops the hooks of contents that are gone, page by page, for the newest round only", async () => {
      const bench = await setUp();
      const [living, garbage] = [await bench.fileOf("living"), await bench.fileOf("garbage")];
      const hook = (hash: string, file: FileRow) => ({
        tenant_id: tenantOf(bench.root),
        drive_id: bench.root,
        hash: hash.repeat(16),
        content_id: file.content_id as string,
        file_id: file.file_id,
        version_id: file.version_id as string,
      });
      await bench.commit({ hooks: [hook("a", living), hook("a", garbage), hook("b", garbage), hook("c", living)] });
      await bench.commit({ purged_files: [garbage.file_id] });
      await bench.garbage.begin(FIRST);
      const last = `${bench.root}/${"c".repeat(16)}/${String(living.content_id)}`;
      expect(await bench.garbage.dropHooks(FIRST, ""), "the content is there still").toBe(last);
      await bench.garbage.drop(FIRST, [garbage.content_id as string]);
      expect(await bench.garbage.dropHooks(FIRST, last)).toBeNull();
      await expect(bench.garbage.dropHooks(SECOND, "")).rejects.toThrow(RoundOver);
      expect(await bench.garbage.dropHooks(FIRST, "")).toBe(last);
      // What is gone can be written again; what stayed cannot.
      await bench.commit({ hooks: [hook("a", garbage), hook("b", garbage)] });
      for (const hash of ["a", "c"]) await expect(bench.commit({ hooks: [hook(hash, living)] })).rejects.toThrow();
    });

    it("G8: condemned, revived, deleted by another round only, forgotten; each only from the state before it", async () => {
      const bench = await setUp();
      await bench.commit({ packs: ["1", "2", "3"].map((letter) => bench.pack(letter)) });
      const all = ["1", "2", "3"].map(packId);
      const { garbage, states } = bench;
      await garbage.begin(FIRST);
      await garbage.judge(FIRST, { ...NOTHING, forgotten: all, deleted: all, revived: all }, 5);
      expect(await states()).toBe("1 live, 2 live, 3 live");
      await garbage.judge(FIRST, { ...NOTHING, condemned: all.slice(0, 2) }, 5);
      expect((await garbage.packs(""))[0]).toMatchObject({ state: "condemned", changed_at: 5, round: FIRST });
      expect(await garbage.judge(FIRST, { ...NOTHING, deleted: all }, 6)).toEqual([]);
      await garbage.begin(SECOND);
      await garbage.judge(SECOND, { ...NOTHING, revived: [packId("2")] }, 7);
      expect(await garbage.judge(SECOND, { ...NOTHING, deleted: all }, 8)).toEqual([packId("1")]);
      expect(await states()).toBe("1 deleted, 2 live, 3 live");
      await garbage.judge(SECOND, { ...NOTHING, condemned: all, revived: [packId("1")] }, 9);
      expect(await states()).toBe("1 deleted, 2 condemned, 3 condemned");
      await garbage.judge(SECOND, { ...NOTHING, forgotten: all }, 10);
      expect(await states()).toBe("2 condemned, 3 condemned");
    });

    it("G8: a round that is not the newest any more changes nothing; nor one of a tenant that is moving", async () => {
      const open_ = await open();
      const bench = new GarbageBench(open_);
      const garbageFile = await bench.fileOf("garbage");
      await bench.commit({ packs: [bench.pack("1")], purged_files: [garbageFile.file_id] });
      await bench.garbage.begin(FIRST);
      expect(await bench.garbage.policy()).toEqual({ garbage_round: FIRST, grace_days: 30, is_deleted: false });
      await bench.garbage.begin(SECOND);
      const judged = { ...NOTHING, condemned: [packId("1")] };
      await expect(bench.garbage.judge(FIRST, judged, 5)).rejects.toThrow(RoundOver);
      await expect(bench.garbage.drop(FIRST, [garbageFile.content_id as string])).rejects.toThrow(RoundOver);
      await open_.suspend();
      await expect(bench.garbage.judge(SECOND, judged, 5)).rejects.toThrow(RoundOver);
      expect(await bench.garbage.policy()).toBeNull();
      expect(await bench.states()).toBe("1 live");
      expect(await bench.garbageOf(garbageFile)).toEqual([true]);
    });

    it("G14: the grace of what is noted and condemned begins anew; of nothing else", async () => {
      const bench = await setUp();
      await bench.commit({ packs: ["1", "2", "3"].map((letter) => bench.pack(letter)) });
      await bench.garbage.begin(FIRST);
      await bench.garbage.judge(FIRST, { ...NOTHING, condemned: [packId("1"), packId("2")] }, 5);
      await bench.garbage.note(FIRST, [packId("1"), packId("3")], 9);
      const times = (await bench.garbage.packs("")).map(({ pack_id, changed_at }) => `${pack_id[0]} ${changed_at}`);
      expect(times).toEqual(["1 9", "2 5", "3 1"]);
    });

    it("G13: of a deleted tenant any content can be dropped", async () => {
      const open_ = await open();
      const bench = new GarbageBench(open_);
      const file = await bench.fileOf("file");
      await open_.end();
      expect(await bench.garbage.policy()).toMatchObject({ is_deleted: true });
      await bench.garbage.begin(FIRST);
      await bench.garbage.drop(FIRST, [file.content_id as string]);
      expect(await bench.garbageOf(file)).toEqual([null]);
    });
  });
}
