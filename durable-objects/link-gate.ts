/** The gate of one link that counts or asks: an object is single-threaded, so its counts are exact. docs/spec/links.md, L9, L10. */
import { DurableObject } from "cloudflare:workers";
import { takeToken, type TokenBucket } from "../core/quota/buckets.ts";

/** Password attempts an hour: of one address, and of all together, so that many addresses do not help a guesser. */
const ATTEMPTS_OF_ADDRESS = 20;
const ATTEMPTS_OF_ALL = 200;
const ALL = "*";
/** After this long a bucket is full again and needs no row. Milliseconds. */
const REFILLED = 3_600_000;

export class LinkGate extends DurableObject {
  readonly #sql: SqlStorage;

  constructor(ctx: DurableObjectState, env: unknown) {
    super(ctx, env as never);
    this.#sql = ctx.storage.sql;
    this.#sql
      .exec(`create table if not exists downloads (one integer primary key check (one = 1), count integer not null);
      create table if not exists attempts (subject text primary key, tokens real not null, at integer not null)`);
  }

  /** Counts a download, unless `max` are counted already. @returns whether it may go on */
  countDownload(max: number): boolean {
    return (
      this.#sql
        .exec(
          `insert into downloads (one, count) select 1, 1 where ?1 > 0
           on conflict (one) do update set count = count + 1 where count < ?1 returning count`,
          max,
        )
        .toArray().length === 1
    );
  }

  /** For a download whose bytes could not be read. */
  giveBack(): void {
    this.#sql.exec("update downloads set count = max(0, count - 1)");
  }

  downloads(): number {
    const row = this.#sql.exec<{ count: number }>("select count from downloads").toArray()[0];
    return row?.count ?? 0;
  }

  /** Takes one attempt at the password. @returns seconds to wait; 0 when the password may be looked at */
  attempt(address: string): number {
    const now = Date.now();
    this.#sql.exec("delete from attempts where at < ?1", now - REFILLED);
    const all = takeToken(this.#bucket(ALL), ATTEMPTS_OF_ALL, now);
    if (!all.allowed) return all.retry_after;
    const own = takeToken(this.#bucket(address), ATTEMPTS_OF_ADDRESS, now);
    if (!own.allowed) return own.retry_after;
    this.#keep(ALL, all.state);
    this.#keep(address, own.state);
    return 0;
  }

  #bucket(subject: string): TokenBucket | null {
    const sql = "select tokens, at from attempts where subject = ?1";
    return this.#sql.exec<TokenBucket & Record<string, SqlStorageValue>>(sql, subject).toArray()[0] ?? null;
  }

  #keep(subject: string, { tokens, at }: TokenBucket): void {
    this.#sql.exec("insert or replace into attempts (subject, tokens, at) values (?1, ?2, ?3)", subject, tokens, at);
  }
}
