/** What rounds of garbage collection read and write. docs/spec/durability.md, G7 and G8. */
import {
  type GarbagePolicy,
  type GarbageStore,
  type JudgedPack,
  type MarkedContent,
  RoundOver,
  type Verdict,
} from "../../../core/garbage/ports.ts";
import { COMPACTED_MIN } from "../../../core/compaction/ports.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { IS_GARBAGE } from "./content-life.ts";
import type { Stored } from "./rows.ts";
import { slices } from "./upsert.ts";

/** Manifests of 16 KiB at most: a page is 8 MB at worst. */
const CONTENTS_PAGE = 500;
const PACKS_PAGE = 1_000;
const HOOKS_PAGE = 5_000;

const ASSERT_NEWEST = `
select case when not exists (
  select 1 from tenants where tenant_id = ?1 and garbage_round = ?2 and state <> 'moving')
then json_extract('{}', 'round_over') end`;

const NOTE = `
update packs set is_shrunk = 1
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and is_shrunk = 0 and size >= ${COMPACTED_MIN}`;

const DROP = `
delete from contents as c where c.tenant_id = ?1 and c.content_id in (select value from json_each(?2))
  and (${IS_GARBAGE} or exists (select 1 from tenants where tenant_id = ?1 and state = 'deleted'))`;

/** What was condemned though a content needed it may be read since: docs/spec/durability.md, G14. */
const RESTART_GRACE = `
update packs set changed_at = ?3
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and state = 'condemned'`;

/** Keys of hooks are `drive_id/hash/content_id`. */
const LAST_HOOK = `
select drive_id, hash, content_id from (
  select drive_id, hash, content_id from hooks where tenant_id = ?1 and (drive_id, hash, content_id) > (?2, ?3, ?4)
  order by drive_id, hash, content_id limit ${HOOKS_PAGE})
order by drive_id desc, hash desc, content_id desc limit 1`;

const DROP_HOOKS = `
delete from hooks where tenant_id = ?1 and (drive_id, hash, content_id) > (?2, ?3, ?4) and (drive_id, hash, content_id) <= (?5, ?6, ?7)
  and not exists (select 1 from contents c where c.tenant_id = ?1 and c.content_id = hooks.content_id)`;

const CONDEMN = `
update packs set state = 'condemned', changed_at = ?3, round = ?4
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and state = 'live'`;

const REVIVE = `
update packs set state = 'live', changed_at = ?3
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and state = 'condemned'`;

const DELETE = `
update packs set state = 'deleted', changed_at = ?3
where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and state = 'condemned' and round <> ?4
returning pack_id`;

const FORGET = `
delete from packs where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and state = 'deleted'`;

export class D1GarbageStore implements GarbageStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async policy(): Promise<GarbagePolicy | null> {
    const row = await this.#db
      .prepare("select garbage_round, grace_days, state from tenants where tenant_id = ?1 and state <> 'moving'")
      .bind(this.#tenant)
      .first<{ garbage_round: string; grace_days: number; state: string }>();
    if (row === null) return null;
    const { garbage_round, grace_days, state } = row;
    return { garbage_round, grace_days, is_deleted: state === "deleted" };
  }

  async begin(round: string): Promise<void> {
    await this.#db
      .prepare("update tenants set garbage_round = ?2 where tenant_id = ?1 and state <> 'moving'")
      .bind(this.#tenant, round)
      .run();
  }

  async contents(after: string): Promise<MarkedContent[]> {
    const { results } = await this.#db
      .prepare(
        `select c.content_id, c.manifest, ${IS_GARBAGE} as is_garbage from contents c
         where c.tenant_id = ?1 and c.content_id > ?2 order by c.content_id limit ${CONTENTS_PAGE}`,
      )
      .bind(this.#tenant, after)
      .all<{ content_id: string; manifest: string; is_garbage: number }>();
    return results.map((row) => ({ ...row, is_garbage: row.is_garbage === 1 }));
  }

  async note(round: string, pack_ids: readonly string[], now: number): Promise<void> {
    const statements = slices(pack_ids).flatMap((json) => [
      this.#db.prepare(NOTE).bind(this.#tenant, json),
      this.#db.prepare(RESTART_GRACE).bind(this.#tenant, json, now),
    ]);
    await this.#change(round, ...statements);
  }

  async drop(round: string, content_ids: readonly string[]): Promise<void> {
    await this.#change(round, this.#db.prepare(DROP).bind(this.#tenant, JSON.stringify(content_ids)));
  }

  async dropHooks(round: string, after: string): Promise<string | null> {
    const [drive_id = "", hash = "", content_id = ""] = after.split("/");
    const last = await this.#db
      .prepare(LAST_HOOK)
      .bind(this.#tenant, drive_id, hash, content_id)
      .first<{ drive_id: string; hash: string; content_id: string }>();
    if (last === null) return null;
    const page = [drive_id, hash, content_id, last.drive_id, last.hash, last.content_id] as const;
    await this.#change(round, this.#db.prepare(DROP_HOOKS).bind(this.#tenant, ...page));
    return `${last.drive_id}/${last.hash}/${last.content_id}`;
  }

  async packs(after: string): Promise<JudgedPack[]> {
    const { results } = await this.#db
      .prepare(
        `select pack_id, state, changed_at, round from packs where tenant_id = ?1 and pack_id > ?2
         order by pack_id limit ${PACKS_PAGE}`,
      )
      .bind(this.#tenant, after)
      .all<JudgedPack & Stored>();
    return results;
  }

  async judge(round: string, { condemned, revived, deleted, forgotten }: Verdict, now: number): Promise<string[]> {
    const over = (sql: string, pack_ids: readonly string[], ...more: (string | number)[]): D1PreparedStatement =>
      this.#db.prepare(sql).bind(this.#tenant, JSON.stringify(pack_ids), ...more);
    const results = await this.#change<{ pack_id: string }>(
      round,
      over(DELETE, deleted, now, round),
      over(CONDEMN, condemned, now, round),
      over(REVIVE, revived, now),
      over(FORGET, forgotten),
    );
    return (results[0] as D1Result<{ pack_id: string }>).results.map((row) => row.pack_id);
  }

  async #change<Row>(round: string, ...statements: D1PreparedStatement[]): Promise<D1Result<Row>[]> {
    try {
      const newest = this.#db.prepare(ASSERT_NEWEST).bind(this.#tenant, round);
      return (await this.#db.batch<Row>([newest, ...statements])).slice(1);
    } catch (error) {
      if (String(error).includes("round_over")) throw new RoundOver();
      throw error;
    }
  }
}
