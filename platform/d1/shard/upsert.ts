/**
 * Set-based writes: one statement a table, whatever the number of rows, over `json_each` of one parameter. Grouped
 * commits stand on it, and D1 allows 100 parameters a statement.
 */
import { getTableConfig, type SQLiteTable } from "drizzle-orm/sqlite-core";
import type { Stored } from "./rows.ts";

const quote = (name: string): string => `"${name}"`;

interface Shape {
  name: string;
  columns: string[];
  keys: string[];
}

const shapes = new Map<SQLiteTable, Shape>();

function shapeOf(table: SQLiteTable): Shape {
  const known = shapes.get(table);
  if (known !== undefined) return known;
  const config = getTableConfig(table);
  const columns = config.columns.map((c) => c.name);
  const keys =
    config.primaryKeys[0]?.columns.map((c) => c.name) ?? config.columns.filter((c) => c.primary).map((c) => c.name);
  const shape = { name: config.name, columns, keys };
  shapes.set(table, shape);
  return shape;
}

/** D1 takes 2 MB a parameter; a batch of large rows is cut into several statements. */
const PARAMETER_MAX = 1_000_000;

/** Lists of JSON, each short enough for a parameter; none of nothing. */
export function slices(rows: readonly unknown[]): string[] {
  const out: string[] = [];
  let slice: string[] = [];
  let size = 0;
  for (const row of rows) {
    const json = JSON.stringify(row);
    if (size + json.length > PARAMETER_MAX && slice.length > 0) {
      out.push(`[${slice.join(",")}]`);
      slice = [];
      size = 0;
    }
    slice.push(json);
    size += json.length;
  }
  if (slice.length > 0) out.push(`[${slice.join(",")}]`);
  return out;
}

function selectInto({ name, columns }: Omit<Shape, "keys">, parameter = 1, verb = "insert"): string {
  const values = columns.map((c) => `value ->> '$.${c}'`).join(", ");
  return `${verb} into ${quote(name)} (${columns.map(quote).join(", ")}) select ${values} from json_each(?${parameter})`;
}

function statement(table: SQLiteTable, onConflict: (shape: Shape) => string): string {
  const shape = shapeOf(table);
  // `where true` tells SQLite's parser that `on conflict` is no join condition (sqlite.org/lang_upsert.html, 2.2).
  return `${selectInto(shape)} where true ${onConflict(shape)}`;
}

/** Inserts a row where a condition over the parameters holds; answers with a row when it did. */
export const insertRowIf = (
  db: D1Database,
  table: SQLiteTable,
  row: Stored,
  condition: string,
  parameters: readonly unknown[],
): D1PreparedStatement =>
  db
    .prepare(`${selectInto(shapeOf(table), parameters.length + 1)} where ${condition} returning 1`)
    .bind(...parameters, JSON.stringify([row]));

/** Plain inserts: a key that exists fails the batch. */
export const insertRows = (db: D1Database, table: SQLiteTable, rows: readonly Stored[]): D1PreparedStatement[] =>
  slices(rows).map((json) => db.prepare(statement(table, () => "")).bind(json));

/** Inserts what is not there yet; a row that is there stays as it is. */
export const addRows = (db: D1Database, table: SQLiteTable, rows: readonly Stored[]): D1PreparedStatement[] =>
  slices(rows).map((json) => db.prepare(statement(table, () => "on conflict do nothing")).bind(json));

/** Inserts, or sets every other column of the row that has the key. */
export const upsertRows = (db: D1Database, table: SQLiteTable, rows: readonly Stored[]): D1PreparedStatement[] => {
  const sql = statement(table, ({ columns, keys }) => {
    const rest = columns.filter((c) => !keys.includes(c));
    return `on conflict (${keys.map(quote).join(", ")}) do update set ${rest.map((c) => `${quote(c)} = excluded.${quote(c)}`).join(", ")}`;
  });
  return slices(rows).map((json) => db.prepare(sql).bind(json));
};

/**
 * Rows of a backup, all with the same columns: those that it did not know get their defaults. A row takes the place of
 * each that has its key or its name.
 */
export function replaceRows(db: D1Database, table: SQLiteTable, rows: readonly Stored[]): D1PreparedStatement[] {
  const { name, columns } = shapeOf(table);
  const known = columns.filter((column) => column in (rows[0] ?? {}));
  const sql = selectInto({ name, columns: known }, 1, "insert or replace");
  return slices(rows).map((json) => db.prepare(sql).bind(json));
}
