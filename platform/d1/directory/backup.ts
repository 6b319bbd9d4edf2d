/** The directory, backed up and restored. docs/spec/durability.md, BK1 and BK7. */
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import type { TableRows } from "../../../core/backup/model.ts";
import type { Key, PagedSource } from "../../../core/backup/ports.ts";
import { databaseNow, keyOf, readPage } from "../paged.ts";
import type { Stored } from "../shard/rows.ts";
import { addRows } from "../shard/upsert.ts";
import * as schema from "./schema.ts";

const PAGE = 2_000;

/** In the order in which they are read: who is found has a tenant, which is read later. */
export const DIRECTORY_TABLES: Readonly<Record<string, SQLiteTable>> = {
  accounts: schema.accounts,
  devices: schema.devices,
  invites: schema.invites,
  pending_shares: schema.pending_shares,
  tenants: schema.tenants,
  shards: schema.shards,
};

/** Everybody signs in again: what was revoked since must not come back. Counts of the store begin anew. */
export const NOT_BACKED_UP_OF_DIRECTORY = ["sign_in_sessions", "store_record"];

export class D1DirectorySource implements PagedSource {
  readonly tables = Object.keys(DIRECTORY_TABLES);
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  now(): Promise<number> {
    return databaseNow(this.#db);
  }

  async page(table: string, after: Key | null): Promise<{ rows: Stored[]; last: Key | null }> {
    return readPage(this.#db, DIRECTORY_TABLES[table] as SQLiteTable, [], after, PAGE);
  }
}

/** Adds what is not there. @returns keys of rows for which there is no room: another has their address */
export async function addDirectoryRows(db: D1Database, { table, rows }: TableRows): Promise<string[]> {
  const known = DIRECTORY_TABLES[table];
  if (known === undefined) throw new Error(`a backup has a table ${table}, which is not the directory's`);
  const key = keyOf(known);
  const found = await db.batch<{ missing: string }>([
    ...addRows(db, known, rows as Stored[]),
    db
      .prepare(
        `select json_array(${key.map((c) => `want.value ->> '$.${c}'`).join(", ")}) as missing from json_each(?1) want
         where not exists (select 1 from ${table} t where ${key.map((c) => `t.${c} = want.value ->> '$.${c}'`).join(" and ")})`,
      )
      .bind(JSON.stringify(rows.map((row) => Object.fromEntries(key.map((c) => [c, row[c]]))))),
  ]);
  return (found.at(-1)?.results ?? []).map(({ missing }) => `${table} ${missing}`);
}
