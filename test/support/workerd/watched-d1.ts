/** A database that remembers which statements ran, and how many rows each run of them read and wrote. */
export interface Ran {
  sql: string;
  args: unknown[];
}

export interface Rows {
  read: number;
  written: number;
}

interface Prepared extends Ran {
  real: D1PreparedStatement;
}

export class WatchedD1 {
  readonly ran: Ran[] = [];
  rows: Rows = { read: 0, written: 0 };
  /** Calls of the database: of one statement, or of a batch. */
  calls = 0;
  readonly #real: D1Database;
  /** What a batch is given are the proxies. */
  readonly #prepared = new WeakMap<object, Prepared>();
  readonly db: D1Database;

  constructor(real: D1Database) {
    this.#real = real;
    this.db = {
      prepare: (sql: string) => this.#statement({ sql, args: [], real: real.prepare(sql) }),
      batch: async (statements: D1PreparedStatement[]) => {
        const prepared = statements.map((statement) => this.#prepared.get(statement) as Prepared);
        this.calls += 1;
        const results = await real.batch(prepared.map((one) => one.real));
        for (const [i, result] of results.entries()) this.#note(prepared[i] as Prepared, result);
        return results;
      },
    } as unknown as D1Database;
  }

  /** Rows that `work` read and wrote. */
  async count(work: () => Promise<unknown>): Promise<Rows> {
    this.rows = { read: 0, written: 0 };
    await work();
    return { ...this.rows };
  }

  #statement(prepared: Prepared): D1PreparedStatement {
    const all = async () => {
      this.calls += 1;
      const result = await prepared.real.all();
      this.#note(prepared, result);
      return result;
    };
    const statement = {
      bind: (...args: unknown[]) =>
        this.#statement({ sql: prepared.sql, args, real: this.#real.prepare(prepared.sql).bind(...args) }),
      all,
      run: all,
      first: async (column?: string) => {
        const row = ((await all()).results[0] as Record<string, unknown> | undefined) ?? null;
        return row === null || column === undefined ? row : row[column];
      },
    } as unknown as D1PreparedStatement;
    this.#prepared.set(statement, prepared);
    return statement;
  }

  #note({ sql, args }: Prepared, { meta }: D1Result): void {
    this.ran.push({ sql, args });
    this.rows.read += meta.rows_read;
    this.rows.written += meta.rows_written;
  }
}
