/** All rows of a database, as one number: whether a restore is exact. */
import { createHash } from "node:crypto";
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import * as directory from "../../platform/d1/directory/schema.ts";
import * as shard from "../../platform/d1/shard/schema.ts";

/** The parts of D1 that are needed here; Miniflare's and the platform's types differ in the rest. */
export interface Database {
  prepare(sql: string): {
    bind(...values: unknown[]): { all<T>(): Promise<{ results: T[] }>; run(): Promise<unknown> };
  };
}

const PAGE = 20_000;

/** Columns whose values a restore sets by itself (durability.md, BK13 and the table there). */
const SET_BY_RESTORE: Record<string, readonly string[]> = {
  drives: ["seq", "due", "reserved_bytes"],
  versions: ["is_shared"],
  contents: ["is_ended"],
};

const COMPARED = ["drives", "files", "versions", "contents", "permissions", "journal"];

const tablesOf = (schema: object): string[] =>
  Object.values(schema).map((table) => getTableConfig(table as SQLiteTable).name);

function shape(name: string): { columns: string; key: string } {
  const config = getTableConfig((shard as unknown as Record<string, SQLiteTable>)[name] as SQLiteTable);
  const set = SET_BY_RESTORE[name] ?? [];
  const columns = config.columns.map((c) => c.name).filter((column) => !set.includes(column));
  const key = (config.primaryKeys[0]?.columns ?? []).map((c) => c.name);
  return { columns: columns.join(", "), key: key.join(", ") };
}

/** @returns SHA-256 of each table's rows, and how many they are; the entry of the restore itself left out */
export async function digest(db: Database): Promise<Record<string, { hash: string; rows: number }>> {
  const found: Record<string, { hash: string; rows: number }> = {};
  for (const name of COMPARED) {
    const { columns, key } = shape(name);
    const hash = createHash("sha256");
    const where = name === "journal" ? "where op_id not like 'restored/%'" : "";
    let rows = 0;
    for (let last = PAGE; last === PAGE; rows += last) {
      const { results } = await db
        .prepare(`select ${columns} from ${name} ${where} order by ${key} limit ${PAGE} offset ?1`)
        .bind(rows)
        .all<object>();
      for (const row of results) hash.update(JSON.stringify(row));
      last = results.length;
    }
    found[name] = { hash: hash.digest("hex"), rows };
  }
  return found;
}

/** As if the database had been dropped and made anew. */
export async function empty(db: Database, kind: "directory" | "shard"): Promise<void> {
  for (const name of tablesOf(kind === "directory" ? directory : shard))
    await db.prepare(`delete from ${name}`).bind().run();
}
