import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { applyMigrations, readMigrations } from "./migrate.ts";
import { d1Only } from "./runtime-options.ts";

const folder = mkdtempSync(join(tmpdir(), "edgedrive-migrations-"));
let mf: Miniflare;

beforeAll(() => void (mf = new Miniflare(d1Only("test", { DB: { id: "DB" } }))));
afterAll(async () => {
  await mf.dispose();
  rmSync(folder, { recursive: true, force: true });
});

const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql);
const apply = async (): Promise<string[]> =>
  applyMigrations(await mf.getD1Database("DB", "test"), readMigrations(folder));

describe("applyMigrations", () => {
  it("applies what is new, in order, and marks it as wrangler does", async () => {
    write("0001_more.sql", "ALTER TABLE a ADD COLUMN y TEXT;");
    write(
      "0000_initial.sql",
      "CREATE TABLE a (x TEXT DEFAULT ';');\n--> statement-breakpoint\nCREATE INDEX i ON a (x);",
    );
    expect(await apply()).toEqual(["0000_initial.sql", "0001_more.sql"]);
    const database = await mf.getD1Database("DB", "test");
    const { results } = await database.prepare("SELECT id, name FROM d1_migrations").all();
    expect(results).toEqual([
      { id: 1, name: "0000_initial.sql" },
      { id: 2, name: "0001_more.sql" },
    ]);
  });

  it("does nothing when nothing is new", async () => {
    expect(await apply()).toEqual([]);
  });

  it("leaves nothing of a migration that fails", async () => {
    write("0002_broken.sql", "CREATE TABLE b (x TEXT);\n--> statement-breakpoint\nCREATE TABLE a (x TEXT);");
    await expect(apply()).rejects.toThrow("already exists");
    const database = await mf.getD1Database("DB", "test");
    expect((await database.prepare("SELECT name FROM sqlite_master WHERE name = 'b'").all()).results).toEqual([]);
    expect((await database.prepare("SELECT name FROM d1_migrations").all()).results).toHaveLength(2);
  });
});
