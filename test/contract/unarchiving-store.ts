/** What every `UnarchivingStore` promises. docs/spec/tiers.md, TI18. */
import { describe, expect, it } from "vitest";
import type { Unarchiving, UnarchivingStore } from "../../core/tiers/unarchive.ts";

export interface OpenUnarchivings {
  store: UnarchivingStore & {
    request(row: Omit<Unarchiving, "attempts" | "next_at">): Promise<{ waiting_bytes: number; requested_at: number }>;
  };
  id(): string;
  /** A content with this manifest. */
  addContent(content_id: string, manifest: string): Promise<void>;
}

export function unarchivingStoreContract(name: string, open: () => Promise<OpenUnarchivings>): void {
  describe(`UnarchivingStore: ${name}`, () => {
    const setUp = async () => {
      const { store, id, addContent } = await open();
      const row = { content_id: id(), drive_id: id(), file_id: id(), size: 100, requested_at: 1_000 };
      return { store, row, id, addContent };
    };

    it("TI18: many that ask are one, and are told since when and how much waits", async () => {
      const { store, row, id } = await setUp();
      expect(await store.request(row)).toEqual({ waiting_bytes: 100, requested_at: 1_000 });
      expect(await store.request({ ...row, requested_at: 2_000 })).toEqual({ waiting_bytes: 100, requested_at: 1_000 });
      const other = { ...row, content_id: id(), size: 7, requested_at: 3_000 };
      expect(await store.request(other)).toEqual({ waiting_bytes: 107, requested_at: 3_000 });
    });

    it("TI18: a claim counts, and is one claimer's until it ends", async () => {
      const { store, row, addContent } = await setUp();
      await addContent(row.content_id, "a manifest");
      await store.request(row);
      expect(await store.claim(row.content_id, 999, 5_000)).toBeNull();
      expect(await store.claim(row.content_id, 1_000, 5_000)).toEqual({
        ...row,
        attempts: 1,
        next_at: 5_000,
        manifest: "a manifest",
      });
      expect(await store.claim(row.content_id, 4_999, 9_000)).toBeNull();
      expect(await store.claim(row.content_id, 5_000, 9_000)).toMatchObject({ attempts: 2 });
      await store.again(row.content_id, 0, null, 6_000);
      expect(await store.claim(row.content_id, 6_000, 9_000)).toMatchObject({ attempts: 1 });
      await store.end(row.content_id);
      expect(await store.claim(row.content_id, 99_000, 100_000)).toBeNull();
    });

    it("TI18: a content that is gone has no manifest", async () => {
      const { store, row } = await setUp();
      await store.request(row);
      expect(await store.claim(row.content_id, 1_000, 2_000)).toMatchObject({ manifest: null });
    });
  });
}
