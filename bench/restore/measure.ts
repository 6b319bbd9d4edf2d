/** A metadata backup of a drive of many files: how long it takes, and how long it takes to come back exactly. */
import { tenantOf } from "../../core/protocol/ids.ts";
import { operatorOf } from "../../scripts/lib/operator.ts";
import { API } from "../../scripts/lib/project.ts";
import { type Rebuilt, rebuild } from "../../scripts/lib/rebuild.ts";
import type { Product } from "../../scripts/lib/start-product.ts";
import { fillDrive } from "../growth/fill.ts";
import type { Report } from "../lib/case.ts";
import type { CleanUp } from "../lib/clean-up.ts";
import { inFlight } from "../lib/in-flight.ts";
import { Account, startBenched } from "../lib/product.ts";
import type { Sizes } from "../lib/sizes.ts";
import { timed } from "../lib/stats.ts";
import { waitUntil } from "../lib/wait-until.ts";
import { type Database, digest, empty } from "./rows.ts";

/** A minute in which backups are made. */
const TICK = new Date("2026-11-20T12:05:00Z");
/** Changes between the full backup and the loss: they come back from a segment. */
const CHANGES = 100;
const PATIENCE_MS = 600_000;

const database = async ({ mf }: Product, name: string): Promise<Database> =>
  (await mf.getD1Database(name, API.name)) as unknown as Database;

/** Ticks, and waits until the directory is in R2 and no drive of the shard is behind. */
async function backUp(product: Product, shard: Database): Promise<void> {
  const bucket = await product.mf.getR2Bucket("BLOBS", API.name);
  const ends = async (prefix: string): Promise<number> =>
    (await bucket.list({ prefix })).objects.filter(({ key }) => key.includes("/end-")).length;
  const before = await ends("backup/directory/");
  await product.tick(TICK);
  const behind = `select 1 from drives d left join event_marks m on m.tenant_id = d.tenant_id and m.drive_id = d.drive_id
    and m.consumer = 'backup' where coalesce(m.seq, -1) < d.seq`;
  const tenant = (await shard.prepare("select tenant_id from tenants").bind().all<{ tenant_id: number }>()).results[0];
  await waitUntil("the backup", PATIENCE_MS, async () => {
    const { results } = await shard.prepare(behind).bind().all();
    const isWhole = (await ends(`backup/${tenant?.tenant_id}/full/`)) > 0;
    return results.length === 0 && isWhole && (await ends("backup/directory/")) > before;
  });
}

async function storedBytes(product: Product): Promise<number> {
  const bucket = await product.mf.getR2Bucket("BLOBS", API.name);
  const { objects } = await bucket.list({ prefix: "backup/" });
  return objects.reduce((sum, { size }) => sum + size, 0);
}

const MB = 1e6;
const seconds = (ms: number): string => (ms / 1000).toFixed(1);

export async function measureRestore(cleanUp: CleanUp, { restored_files }: Sizes): Promise<Report[]> {
  const product = await startBenched(cleanUp, { observability: false });
  const account = await Account.register(product.url, "restore");
  const directory = await database(product, "DIRECTORY");
  const tenant_id = tenantOf(account.user_id);
  const { results } = await directory
    .prepare("select shard from tenants where tenant_id = ?1")
    .bind(tenant_id)
    .all<{ shard: string }>();
  const shard = await database(product, results[0]?.shard ?? "");
  await fillDrive(shard as never, { tenant_id, drive_id: account.user_id }, restored_files);
  // The daily sweeps would look for bytes that there are none of.
  await shard.prepare("update tenants set swept_at = ?1").bind(Date.now()).run();
  const full = await timed(() => backUp(product, shard));
  await inFlight(CHANGES, 8, (i) => account.folder(`later ${i}`));
  const segment = await timed(() => backUp(product, shard));
  const stored = await storedBytes(product);
  const before = await digest(shard);

  for (const name of ["DIRECTORY", "SHARD_00", "SHARD_01"])
    await empty(await database(product, name), name === "DIRECTORY" ? "directory" : "shard");
  const operator = operatorOf(product.url, product.secrets.OPERATOR_TOKEN as string);
  let done: Rebuilt | null = null;
  const took = await timed(async () => {
    done = await rebuild(operator, { at: Date.now(), reads_all: false, say: () => undefined });
  });
  const { rows: restored } = done as unknown as Rebuilt;
  const after = await digest(shard);
  const rows = Object.values(before).reduce((sum, table) => sum + table.rows, 0);
  const differing = Object.keys(before).filter((name) => before[name]?.hash !== after[name]?.hash);
  await product.stop();
  return [
    {
      title: `Backup of a drive of ${restored_files} files, and all databases lost`,
      header: ["measure", "rows", "s", "rows/s"],
      rows: [
        ["full backup", String(rows), seconds(full), (rows / (full / 1000)).toFixed(0)],
        [`segment of ${CHANGES} changes`, String(CHANGES), seconds(segment), ""],
        [
          `restored (${(stored / MB).toFixed(1)} MB in R2)`,
          String(restored),
          seconds(took),
          (restored / (took / 1000)).toFixed(0),
        ],
        [
          differing.length === 0 ? "exact: every row compared" : `differs: ${differing.join(", ")}`,
          String(rows),
          "",
          "",
        ],
      ],
    },
  ];
}
