/** What every `CompactionStore` promises, and what rounds tell it. docs/spec/durability.md, C1, C5, C7 and C8. */
import { describe, expect, it } from "vitest";
import { COMPACTED_MIN, type CompactionStore, StagingOver } from "../../core/compaction/ports.ts";
import type { PackRow } from "../../core/files/model.ts";
import { type GarbageStore, RoundOver } from "../../core/garbage/ports.ts";
import { livePack } from "../../core/packs/live.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { UploadRow } from "../../core/uploads/model.ts";
import { Bench, type OpenDrive } from "./drive-bench.ts";

export interface OpenCompaction extends OpenDrive {
  garbage: GarbageStore;
  compaction: CompactionStore;
  /** The operator's order. */
  rewriteBelow(version: number): Promise<void>;
}

const [FIRST, SECOND] = ["a".repeat(16), "b".repeat(16)] as const;
const packId = (letter: string): string => letter.repeat(48);

class CompactionBench extends Bench {
  readonly garbage: GarbageStore;
  readonly compaction: CompactionStore;

  constructor(open: OpenCompaction) {
    super(open);
    this.garbage = open.garbage;
    this.compaction = open.compaction;
  }

  pack = (letter: string, more: Partial<PackRow> = {}): PackRow => ({
    ...livePack(tenantOf(this.root), { pack_id: packId(letter), size: COMPACTED_MIN, key_version: 1 }, 1),
    ...more,
  });

  found = async (before = 1): Promise<string> =>
    (await this.compaction.candidates("", before, (await this.compaction.policy())!.rewrite_below)).packs
      .map(({ pack_id }) => pack_id[0])
      .join("");

  staging(expires_at: number): UploadRow {
    const nobody = { drive_id: "", target: null, base: null, created_by: "", device_id: null, file_id: null };
    const rest = { size: null, reserved_bytes: 0, declared_hash: null, part_size: 0, block_bits: 16 } as const;
    const row = { tenant_id: tenantOf(this.root), upload_id: this.id(), state: "aborted", created_at: 1 } as const;
    return { ...row, ...nobody, ...rest, expires_at };
  }

  manifestOf = async (content_id: string): Promise<string | undefined> =>
    (await this.garbage.contents("")).find((content) => content.content_id === content_id)?.manifest;

  states = async (): Promise<string> =>
    (await this.garbage.packs("")).map(({ pack_id, state }) => `${pack_id[0]} ${state}`).join(", ");
}

export function compactionStoreContract(name: string, open: () => Promise<OpenCompaction>): void {
  const setUp = async () => new CompactionBench(await open());

  describe(`CompactionStore: ${name}`, () => {
    it("C1: packs that lost a content are found, when they are live, old and large enough, until they are settled", async () => {
      const bench = await setUp();
      const { compaction, garbage } = bench;
      const small = bench.pack("4", { size: COMPACTED_MIN - 1 });
      await bench.commit({ packs: ["1", "2", "3", "5"].map((letter) => bench.pack(letter)) });
      await bench.commit({ packs: [small, bench.pack("6", { created_at: 2 })] });
      await garbage.begin(FIRST);
      expect(await bench.found()).toBe("");
      await garbage.note(FIRST, ["1", "2", "4", "5", "6", "9"].map(packId), 1);
      await garbage.judge(FIRST, { condemned: [packId("5")], revived: [], deleted: [], forgotten: [] }, 5);
      expect(await bench.found()).toBe("12");
      expect(await bench.found(2)).toBe("126");
      expect(await compaction.candidates(packId("1"), 1, 0)).toEqual({
        packs: [{ pack_id: packId("2"), size: COMPACTED_MIN, is_old: false }],
        last: packId("6"),
      });
      expect(await compaction.candidates(packId("6"), 1, 0)).toEqual({ packs: [], last: null });
      await compaction.settle(FIRST, [packId("2")]);
      expect(await bench.found()).toBe("1");
    });

    it("C12: live packs with an older key than ordered are found, of any size, when they are old", async () => {
      const open_ = await open();
      const bench = new CompactionBench(open_);
      const packs = [
        bench.pack("1", { size: 1 }),
        bench.pack("2", { key_version: 2 }),
        bench.pack("3", { created_at: 2 }),
        bench.pack("4", { key_version: 3 }),
        bench.pack("5"),
      ];
      await bench.commit({ packs });
      await bench.garbage.begin(FIRST);
      await bench.garbage.note(FIRST, [packId("4")], 1);
      await bench.garbage.judge(FIRST, { condemned: [packId("5")], revived: [], deleted: [], forgotten: [] }, 5);
      expect(await bench.found()).toBe("4");
      await open_.rewriteBelow(2);
      expect(await bench.found()).toBe("14");
      await open_.rewriteBelow(3);
      expect((await bench.compaction.policy())!.rewrite_below).toBe(3);
      const { packs: found } = await bench.compaction.candidates("", 1, 3);
      expect(found.map(({ pack_id, is_old }) => `${pack_id[0]} ${is_old}`)).toEqual(["1 true", "2 true", "4 false"]);
    });

    it("C1: nothing is noted by a round that is over, and nothing settled when another has begun", async () => {
      const bench = await setUp();
      await bench.commit({ packs: [bench.pack("1")] });
      await bench.garbage.begin(FIRST);
      await bench.garbage.note(FIRST, [packId("1")], 1);
      await bench.garbage.begin(SECOND);
      await expect(bench.garbage.note(FIRST, [packId("1")], 1)).rejects.toThrow(RoundOver);
      expect(await bench.compaction.policy()).toEqual({ round: SECOND, rewrite_below: 0 });
      await bench.compaction.settle(FIRST, [packId("1")]);
      expect(await bench.found()).toBe("1");
    });

    it("C5: each content gets the other manifest where it has the old one and all packs of the other are live", async () => {
      const bench = await setUp();
      const { compaction } = bench;
      const files = ["a", "b", "c"].map((letter) => bench.file(letter, bench.root, 1));
      const [versions, contents] = bench.bytesOfAll(files);
      await bench.commit({ files, versions, contents, packs: [bench.pack("1"), bench.pack("2")] });
      const staging = bench.staging(10);
      await compaction.stage(staging);
      const [a, b, c] = contents.map(({ content_id, manifest: from }) => ({ content_id, from, to: "new" })) as [
        { content_id: string; from: string; to: string },
        { content_id: string; from: string; to: string },
        { content_id: string; from: string; to: string },
      ];
      const fresh = [{ pack_id: packId("f"), size: 5, key_version: 1 }];
      const exchanges = [
        { ...a, packs: [packId("1"), packId("f")] },
        { ...b, packs: [packId("f")], from: "another" },
        { ...c, packs: [packId("f"), packId("9")] },
      ];
      expect(await compaction.exchange(staging.upload_id, fresh, exchanges, 9)).toBe(1);
      const found = await Promise.all([a, b, c].map(({ content_id }) => bench.manifestOf(content_id)));
      expect(found).toEqual(["new", b.from, c.from]);
      expect(await bench.states()).toBe("1 live, 2 live, f live");
      await bench.garbage.begin(FIRST);
      await bench.garbage.judge(FIRST, { condemned: [packId("f")], revived: [], deleted: [], forgotten: [] }, 5);
      expect(await compaction.exchange(staging.upload_id, fresh, [{ ...b, packs: [packId("f")] }], 9)).toBe(0);
      expect(await bench.states()).toBe("1 live, 2 live, f condemned");
    });

    it("C8: no pack gets a row when the run's own row is gone or its time is over, or the tenant is not here", async () => {
      const open_ = await open();
      const bench = new CompactionBench(open_);
      const staging = bench.staging(10);
      const fresh = [{ pack_id: packId("f"), size: 5, key_version: 1 }];
      const tries = [bench.id(), staging.upload_id] as const;
      await bench.compaction.stage(staging);
      await expect(bench.compaction.exchange(tries[0], fresh, [], 9)).rejects.toThrow(StagingOver);
      await expect(bench.compaction.exchange(tries[1], fresh, [], 10)).rejects.toThrow(StagingOver);
      await open_.suspend();
      await expect(bench.compaction.exchange(tries[1], fresh, [], 9)).rejects.toThrow(StagingOver);
      expect(await bench.compaction.policy()).toBeNull();
      expect(await bench.states()).toBe("");
    });
  });
}
