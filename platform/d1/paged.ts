/** Tables read page by page, in the order of their keys. */
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Key } from "../../core/backup/ports.ts";
import type { Stored } from "./shard/rows.ts";

/** Columns of a table's key, in order. */
export function keyOf(table: SQLiteTable): string[] {
  const { primaryKeys, columns } = getTableConfig(table);
  return primaryKeys[0]?.columns.map((c) => c.name) ?? columns.filter((c) => c.primary).map((c) => c.name);
}

/** @param within values of the first columns of the key: only such rows are read. @param after of the others */
export async function readPage(
  db: D1Database,
  table: SQLiteTable,
  within: readonly (string | number)[],
  after: Key | null,
  limit: number,
): Promise<{ rows: Stored[]; last: Key | null }> {
  const { name } = getTableConfig(table);
  const key = keyOf(table);
  const rest = key.slice(within.length);
  const conditions = within.map((_, i) => `${key[i]} = ?${i + 1}`);
  if (after !== null && rest.length > 0)
    conditions.push(`(${rest.join(", ")}) > (${rest.map((_, i) => `?${within.length + i + 1}`).join(", ")})`);
  const where = conditions.length > 0 ? `where ${conditions.join(" and ")}` : "";
  const { results } = await db
    .prepare(`select * from ${name} ${where} order by ${key.join(", ")} limit ${limit}`)
    .bind(...within, ...(after ?? []))
    .all<Stored>();
  const last = results.length < limit || rest.length === 0 ? undefined : results.at(-1);
  return { rows: results, last: last === undefined ? null : rest.map((column) => last[column] as string | number) };
}

export async function databaseNow(db: D1Database): Promise<number> {
  return (await db.prepare(`select ${NOW} as now`).first<number>("now")) as number;
}

/** Milliseconds since the epoch, as the database's clock says: one order for all that is read. */
export const NOW = "cast(unixepoch('subsec') * 1000 as integer)";
