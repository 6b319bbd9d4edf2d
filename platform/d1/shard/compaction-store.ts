/** What compaction reads and writes. docs/spec/durability.md, C1, C5, C7 and C12. */
import {
  COMPACTED_MIN,
  type CompactionPolicy,
  type CompactionStore,
  type Exchange,
  StagingOver,
} from "../../../core/compaction/ports.ts";
import { livePack } from "../../../core/packs/live.ts";
import type { FinishedPack } from "../../../core/packs/writer.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { UploadRow } from "../../../core/uploads/model.ts";
import { someNotLive } from "./content-life.ts";
import { fromUpload, type Stored } from "./rows.ts";
import * as schema from "./schema.ts";
import { addRows, insertRows, slices } from "./upsert.ts";

const PACKS_PAGE = 5_000;

/** Their table is walked once a day: an index of them would be written with every note. */
const SELECT_PAGE = `
select pack_id, size, key_version < ?4 as is_old, state = 'live' and created_at <= ?3 and tier is not 'archive'
  and (key_version < ?4 or is_shrunk = 1 and size >= ${COMPACTED_MIN}) as is_wanted
from packs where tenant_id = ?1 and pack_id > ?2 order by pack_id limit ${PACKS_PAGE}`;

const ASSERT_STAGED = `
select case when not exists (select 1 from tenants where tenant_id = ?1 and state = 'active')
  or not exists (select 1 from uploads where tenant_id = ?1 and upload_id = ?2 and expires_at > ?3)
then json_extract('{}', 'staging_over') end`;

const EXCHANGE = `
update contents set manifest = ?4 where tenant_id = ?1 and content_id = ?2 and manifest = ?3
  and not ${someNotLive("?5")} returning 1`;

const SETTLE = `
update packs set is_shrunk = 0 where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and is_shrunk = 1
  and exists (select 1 from tenants where tenant_id = ?1 and garbage_round = ?3)`;

export class D1CompactionStore implements CompactionStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  policy(): Promise<CompactionPolicy | null> {
    return this.#db
      .prepare("select garbage_round as round, rewrite_below from tenants where tenant_id = ?1 and state = 'active'")
      .bind(this.#tenant)
      .first<CompactionPolicy & Stored>();
  }

  async candidates(after: string, before: number, rewrite_below: number) {
    const { results } = await this.#db
      .prepare(SELECT_PAGE)
      .bind(this.#tenant, after, before, rewrite_below)
      .all<{ pack_id: string; size: number; is_old: number; is_wanted: number }>();
    // Filtered here: the database would count each row a second time.
    const wanted = results.filter(({ is_wanted }) => is_wanted === 1);
    const packs = wanted.map(({ pack_id, size, is_old }) => ({ pack_id, size, is_old: is_old === 1 }));
    return { packs, last: results.at(-1)?.pack_id ?? null };
  }

  async stage(row: UploadRow): Promise<void> {
    await this.#db.batch(insertRows(this.#db, schema.uploads, [fromUpload(row)]));
  }

  async exchange(
    upload_id: string,
    fresh: readonly FinishedPack[],
    contents: readonly Exchange[],
    now: number,
  ): Promise<number> {
    const rows = fresh.map((pack) => livePack(this.#tenant, pack, now));
    const before = [
      this.#db.prepare(ASSERT_STAGED).bind(this.#tenant, upload_id, now),
      ...addRows(this.#db, schema.packs, rows as unknown as Stored[]),
    ];
    const swaps = contents.map(({ content_id, from, to, packs }) =>
      this.#db.prepare(EXCHANGE).bind(this.#tenant, content_id, from, to, JSON.stringify(packs)),
    );
    try {
      const results = await this.#db.batch([...before, ...swaps]);
      return results.slice(before.length).filter(({ results: changed }) => changed.length > 0).length;
    } catch (error) {
      if (String(error).includes("staging_over")) throw new StagingOver();
      throw error;
    }
  }

  async settle(round: string, pack_ids: readonly string[]): Promise<void> {
    await this.#db.batch(slices(pack_ids).map((json) => this.#db.prepare(SETTLE).bind(this.#tenant, json, round)));
  }
}
