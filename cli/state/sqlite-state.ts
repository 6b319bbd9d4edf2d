import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { SavedState, StateStore, StateWrites } from "../../client/sync/ports.ts";
import { remoteOf, remoteRow, syncedOf, syncedRow, underwayOf, underwayRow, type Value } from "./rows.ts";
import { prepare } from "./schema.ts";
import { Shared } from "./shared.ts";

const COLUMNS = { remote: 13, synced: 14, underway: 4, kept_values: 2 } as const;
const KEYS = { remote: "file_id", synced: "file_id", underway: "op_id", kept_values: "name" } as const;
type Table = keyof typeof COLUMNS;

/** Half the time and memory of rows as objects, from Node 24 on. */
type ReturnsArrays = { setReturnArrays?(enabled: boolean): void };

/** The state of a synced folder in a file of SQLite. */
export class SqliteState implements StateStore {
  readonly #database: DatabaseSync;
  readonly #settle: () => Promise<void>;
  readonly #statements = new Map<string, StatementSync>();
  #last: Promise<void> = Promise.resolve();

  /** @param settle runs before each commit: what it is about is on the disk */
  constructor(path: string, settle: () => Promise<void> = async () => {}) {
    this.#database = new DatabaseSync(path);
    this.#settle = settle;
    prepare(this.#database);
  }

  async load(): Promise<SavedState> {
    const shared = new Shared();
    const values = this.#rows("kept_values", (row) => row as [name: string, value: string]);
    return {
      remote: this.#rows("remote", (row) => remoteOf(row, shared)),
      synced: this.#rows("synced", (row) => syncedOf(row, shared)),
      underway: this.#rows("underway", underwayOf),
      values: Object.fromEntries(values),
    };
  }

  commit(writes: StateWrites): Promise<void> {
    const done = this.#after(this.#last, writes);
    // The next one does not care for what became of this one.
    this.#last = done.catch(() => undefined);
    return done;
  }

  /** After the commits that are under way. */
  async close(): Promise<void> {
    await this.#last;
    this.#database.close();
  }

  async #after(last: Promise<void>, writes: StateWrites): Promise<void> {
    await last;
    await this.#settle();
    this.#write(writes);
  }

  #write({ forget_remote, remote = [], synced = [], underway = [], values = {} }: StateWrites): void {
    this.#database.exec("begin immediate");
    try {
      if (forget_remote) this.#database.exec("delete from remote");
      for (const [key, file] of remote) this.#set("remote", key, file && remoteRow(file));
      for (const [key, item] of synced) this.#set("synced", key, item && syncedRow(item));
      for (const [key, op] of underway) this.#set("underway", key, op && underwayRow(op));
      for (const [key, value] of Object.entries(values))
        this.#set("kept_values", key, value === null ? null : [key, value]);
      this.#database.exec("commit");
    } catch (error) {
      this.#database.exec("rollback");
      throw error;
    }
  }

  #set(table: Table, key: string, row: Value[] | null): void {
    if (row === null) this.#statement(`delete from ${table} where ${KEYS[table]} = ?`).run(key);
    else {
      const places = Array.from({ length: COLUMNS[table] }, () => "?").join(", ");
      this.#statement(`insert or replace into ${table} values (${places})`).run(...row);
    }
  }

  #rows<T>(table: Table, of: (row: Value[]) => T): T[] {
    const statement = this.#database.prepare(`select * from ${table}`) as StatementSync & ReturnsArrays;
    statement.setReturnArrays?.(true);
    const rows: T[] = [];
    for (const row of statement.iterate()) rows.push(of(Array.isArray(row) ? row : Object.values(row as object)));
    return rows;
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    const statement = known ?? this.#database.prepare(sql);
    if (known === undefined) this.#statements.set(sql, statement);
    return statement;
  }
}
