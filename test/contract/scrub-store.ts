/** What stores of scrubbing, of reconciliation and of findings promise. docs/spec/durability.md, SC1 to RC3. */
import { describe, expect, it } from "vitest";
import type { PackRow } from "../../core/files/model.ts";
import type { GarbageStore } from "../../core/garbage/ports.ts";
import { livePack } from "../../core/packs/live.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import type { Findings, ScrubStore } from "../../core/scrub/ports.ts";
import type { ReconcileStore } from "../../core/scrub/reconcile.ts";
import { Bench, type OpenDrive } from "./drive-bench.ts";

export interface OpenScrub extends OpenDrive {
  garbage: GarbageStore;
  scrub: ScrubStore & ReconcileStore;
  findings: Findings;
  /** What is stored of findings: kind, first letter of the pack, detail, files. */
  stored(): Promise<string[]>;
}

const NOTHING = { condemned: [], revived: [], deleted: [], forgotten: [] };
const ROUNDS = ["a".repeat(16), "b".repeat(16)] as const;

/** A pack whose random bytes begin so. */
const packId = (letter: string, random: string): string => letter.repeat(32) + random.padEnd(16, "0");

export function scrubStoreContract(name: string, open: () => Promise<OpenScrub>): void {
  const setUp = async () => {
    const opened = await open();
    const bench = new Bench(opened);
    const pack = (id: string, size = 10): PackRow =>
      livePack(tenantOf(opened.root), { pack_id: id, size, key_version: 3 }, 1);
    /** Two rounds: condemned by the first one, deleted by the second. */
    const kill = async (condemned: string[], deleted: string[]): Promise<void> => {
      await opened.garbage.begin(ROUNDS[0]);
      await opened.garbage.judge(ROUNDS[0], { ...NOTHING, condemned: [...condemned, ...deleted] }, 5);
      await opened.garbage.begin(ROUNDS[1]);
      await opened.garbage.judge(ROUNDS[1], { ...NOTHING, deleted }, 6);
    };
    return { ...opened, bench, pack, kill };
  };

  describe(`ScrubStore: ${name}`, () => {
    it("SC1: packs of a part, the condemned too, the deleted not; behind an id, and up to where was looked", async () => {
      const { bench, pack, kill, scrub } = await setUp();
      const ids = [
        packId("1", "00ff"),
        packId("2", "0100"),
        packId("3", "01ff"),
        packId("4", "0150"),
        packId("5", "ffff"),
      ];
      await bench.commit({ packs: ids.map((id) => pack(id)) });
      await kill([ids[2] as string], [ids[3] as string]);
      const found = async (from: string, to: string, after = ""): Promise<string> =>
        (await scrub.packs(from, to, after)).packs.map(({ pack_id }) => pack_id[0]).join("");
      expect(await found("0100", "0200")).toBe("23");
      expect(await found("0100", "0200", ids[1])).toBe("3");
      expect(await found("0000", "0100")).toBe("1");
      expect(await found("0200", "g")).toBe("5");
      expect((await scrub.packs("0100", "0200", "")).last).toBe(ids[4]);
      expect(await scrub.packs("0100", "0200", ids[4] as string)).toEqual({ packs: [], last: null });
      expect(await scrub.pack(ids[2] as string)).toEqual({ pack_id: ids[2], size: 10, key_version: 3 });
      expect(await scrub.pack(ids[3] as string)).toBeNull();
      expect(await scrub.pack(packId("9", ""))).toBeNull();
    });

    it("SC1: the day that is done never goes back; a tenant that is not here has none", async () => {
      const { scrub, suspend } = await setUp();
      expect(await scrub.scrubbed()).toBe(0);
      for (const day of [20, 10]) await scrub.finishDay(day);
      expect(await scrub.scrubbed()).toBe(20);
      await suspend();
      expect([await scrub.scrubbed(), await scrub.reconciled()]).toEqual([null, null]);
    });
  });

  describe(`ReconcileStore: ${name}`, () => {
    it("RC1: rows of a range, by id; a run that ends forgets what runs before it found, and no damage", async () => {
      const { bench, pack, scrub, findings, stored } = await setUp();
      const ids = ["3", "1", "2"].map((letter) => packId(letter, ""));
      await bench.commit({ packs: ids.map((id) => pack(id)) });
      const rows = async (after: string, upto: string | null): Promise<string> =>
        (await scrub.rows(after, upto)).rows.map(({ pack_id }) => pack_id[0]).join("");
      expect(await rows("", null)).toBe("123");
      expect(await rows(packId("1", ""), packId("2", ""))).toBe("2");
      const row = { pack_id: packId("1", ""), state: "live", size: 10, changed_at: 1, tier: null };
      expect(await scrub.rows("", packId("1", ""))).toEqual({ rows: [row], more: false });
      const found = (kind: "size" | "damaged", letter: string, found_at: number) =>
        ({ kind, pack_id: packId(letter, ""), detail: "other", found_at }) as const;
      await findings.add([found("size", "1", 5), found("damaged", "2", 5), found("size", "3", 9)]);
      await scrub.finishReconciliation(9);
      expect(await stored()).toEqual(["damaged 2 other null", "size 3 other null"]);
      await scrub.finishReconciliation(4);
      expect(await scrub.reconciled()).toBe(9);
    });
  });

  describe(`Findings: ${name}`, () => {
    it("SC4, SC5: made again a finding is one, and keeps its files; files come once; it goes when it is cleared", async () => {
      const { bench, findings, stored } = await setUp();
      const file = bench.file("file", bench.root, 1);
      const other = bench.file("other", bench.root, 1);
      const [versions, contents] = bench.bytesOfAll([file, other]);
      await bench.commit({ files: [file, other], versions, contents });
      const pack_id = packId("1", "");
      await findings.add([{ kind: "damaged", pack_id, detail: "a block", found_at: 5 }]);
      expect(await findings.damaged()).toEqual([{ pack_id, is_traced: false }]);
      await findings.touch(pack_id, []);
      expect(await findings.damaged()).toEqual([{ pack_id, is_traced: true }]);
      for (let i = 0; i < 2; i++) await findings.touch(pack_id, [file.content_id as string]);
      await findings.add([{ kind: "damaged", pack_id, detail: "the footer", found_at: 6 }]);
      expect(await stored()).toEqual([`damaged 1 the footer ["${file.file_id}"]`]);
      await findings.clear("size", pack_id);
      expect(await findings.damaged()).toHaveLength(1);
      await findings.clear("damaged", pack_id);
      expect(await stored()).toEqual([]);
    });
  });
}
