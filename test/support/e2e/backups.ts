import type { Product } from "../../../scripts/lib/start-product.ts";
import { waitFor } from "../wait-for.ts";

/** A minute in which backups are made; and that all of it is in R2. */
export async function backUp(product: Product): Promise<void> {
  const bucket = await product.mf.getR2Bucket("BLOBS", "edgedrive-api");
  const ends = async (prefix: string): Promise<number> =>
    (await bucket.list({ prefix })).objects.filter(({ key }) => key.includes("/end-")).length;
  const before = await ends("backup/directory/");
  await product.tick(new Date("2026-11-20T12:05:00Z"));
  await waitFor(async () => (await ends("backup/directory/")) > before, 30_000);
  const unsaved = async (shard: string): Promise<number> => {
    const db = await product.mf.getD1Database(shard, "edgedrive-api");
    const row = await db
      .prepare(
        `select count(*) as n from drives d left join event_marks m
           on m.tenant_id = d.tenant_id and m.drive_id = d.drive_id and m.consumer = 'backup' where coalesce(m.seq, -1) < d.seq`,
      )
      .first<{ n: number }>();
    return row?.n ?? 0;
  };
  const isWhole = async (): Promise<boolean> => {
    if ((await unsaved("SHARD_00")) + (await unsaved("SHARD_01")) > 0) return false;
    const fulls = (await bucket.list({ prefix: "backup/" })).objects
      .map(({ key }) => key)
      .filter((key) => key.includes("/full/") && !key.startsWith("backup/directory/"));
    const sets = new Set(fulls.map((key) => key.slice(0, key.lastIndexOf("/"))));
    return [...sets].every((set) => fulls.some((key) => key.startsWith(`${set}/end-`)));
  };
  await waitFor(isWhole, 30_000);
}
