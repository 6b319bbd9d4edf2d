/** What a shard has of a tenant: to be compared, and to be lost. */
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import * as schema from "../../../platform/d1/shard/schema.ts";

interface Of {
  tenant: number;
  shard: D1Database;
}

const names = Object.values(schema).map((table) => getTableConfig(table as SQLiteTable).name);

/** What a restored tenant has again, to the byte; times and numbers that a restore sets are left out. */
const SHOWN: Record<string, string> = {
  drives: "drive_id, kind, name, used_bytes, limit_bytes, created_at",
  files: "*",
  versions:
    "file_id, version_number, version_id, content_id, content_hash, size, mime_type, created_by, device_id, created_at, change_description",
  contents: "content_id, content_hash, size, manifest, created_at",
  permissions: "*",
  journal: "*",
};

/** Rows that are not garbage, table by table. */
export async function dump({ tenant, shard }: Of): Promise<Record<string, unknown[]>> {
  const where: Record<string, string> = {
    contents: "and content_id in (select content_id from versions where tenant_id = ?1)",
    journal: "and op_id not like 'restored/%'",
  };
  const tables = Object.entries(SHOWN);
  const answers = await shard.batch(
    tables.map(([name, columns]) =>
      shard
        .prepare(`select ${columns} from ${name} where tenant_id = ?1 ${where[name] ?? ""} order by 1, 2, 3`)
        .bind(tenant),
    ),
  );
  return Object.fromEntries(tables.map(([name], i) => [name, answers[i]?.results ?? []]));
}

/** As if the shard had been lost. @param kept tables whose rows stay */
export async function wipe({ tenant, shard }: Of, kept: readonly string[] = ["tenant_keys"]): Promise<void> {
  const lost = names.filter((name) => !kept.includes(name));
  await shard.batch(lost.map((name) => shard.prepare(`delete from ${name} where tenant_id = ?1`).bind(tenant)));
}
