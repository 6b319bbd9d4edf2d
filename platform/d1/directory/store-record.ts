/** What isolates tell each other, and the operator, of the object store. docs/spec/replica.md, RP13. */
export interface Recorded {
  name: string;
  value: number;
  at: number;
}

export type Noted = readonly [name: string, value: number];

const PUT = `
insert into store_record (name, value, at) select value ->> 0, value ->> 1, ?2 from json_each(?1) where true
on conflict (name) do update set at = excluded.at, value =`;

export class D1StoreRecord {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** @param counts are added to what is there, @param levels take its place */
  async save(counts: readonly Noted[], levels: readonly Noted[], now = Date.now()): Promise<void> {
    const put = (value: string, noted: readonly Noted[]): D1PreparedStatement =>
      this.#db.prepare(`${PUT} ${value}`).bind(JSON.stringify(noted), now);
    await this.#db.batch([put("store_record.value + excluded.value", counts), put("excluded.value", levels)]);
  }

  async level(name: string): Promise<Recorded | null> {
    return this.#db.prepare("select name, value, at from store_record where name = ?1").bind(name).first<Recorded>();
  }

  async all(): Promise<Recorded[]> {
    return (await this.#db.prepare("select name, value, at from store_record order by name").all<Recorded>()).results;
  }
}
