import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { unstable_splitSqlQuery } from "wrangler";
import { API, migrationsFor } from "./project.ts";
import { readConfig } from "./worker-config.ts";

export type Migration = { name: string; statements: string[] };

/** The parts of D1 that are needed here; Miniflare's and the platform's types differ in the rest. */
type Database = {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<unknown>;
};
type Statement = {
  bind(...values: unknown[]): Statement;
  all<T>(): Promise<{ results: T[] }>;
};

/** Migrations of a folder in the order of their numbers, split into statements (drizzle's breakpoints are comments). */
export function readMigrations(folder: string): Migration[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  return names.toSorted().map((name) => ({
    name,
    statements: unstable_splitSqlQuery(readFileSync(join(folder, name), "utf8")),
  }));
}

/**
 * Applies what is new, each migration in one atomic batch with its mark. The marks are wrangler's own table, so
 * `wrangler d1 migrations apply` and this agree on what has run.
 *
 * @returns names of the migrations applied
 */
export async function applyMigrations(database: Database, migrations: readonly Migration[]): Promise<string[]> {
  const applied = new Set(await appliedNames(database));
  const fresh = migrations.filter(({ name }) => !applied.has(name));
  for (const { name, statements } of fresh) {
    const mark = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name);
    await database.batch([...statements.map((sql) => database.prepare(sql)), mark]);
  }
  return fresh.map(({ name }) => name);
}

/** Brings every database of the product up to date. @param worker one in `mf` that binds them all */
export async function migrateAll(mf: Miniflare, worker: string, say: (message: string) => void): Promise<void> {
  for (const { binding } of readConfig(API).d1_databases) {
    const applied = await applyMigrations(
      await mf.getD1Database(binding, worker),
      readMigrations(migrationsFor(binding)),
    );
    if (applied.length > 0) say(`Migrated ${binding}: ${applied.join(", ")}`);
  }
}

async function appliedNames(database: Database): Promise<string[]> {
  await database.batch([
    database.prepare(`CREATE TABLE IF NOT EXISTS d1_migrations (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      name TEXT UNIQUE,
      applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
    )`),
  ]);
  const { results } = await database.prepare("SELECT name FROM d1_migrations ORDER BY id").all<{ name: string }>();
  return results.map(({ name }) => name);
}
