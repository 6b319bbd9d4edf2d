/** What an operator is told of packs. docs/spec/durability.md, SC4, SC5 and RC2. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Finding, FindingKind, Findings } from "../../../core/scrub/ports.ts";
import { slices } from "./upsert.ts";

/** Damaged packs that are looked at again each day. */
const DAMAGED_MAX = 200;
/** Of a finding. */
const FILES_MAX = 100;

const ADD = `
insert into findings (tenant_id, kind, pack_id, detail, found_at)
select ?1, value ->> '$.kind', value ->> '$.pack_id', value ->> '$.detail', value ->> '$.found_at' from json_each(?2)
where true on conflict do update set detail = excluded.detail, found_at = excluded.found_at`;

/** All versions of the tenant are read: few packs are ever damaged, and an index would be written with each version. */
const TOUCH = `
update findings set files = (
  select json_group_array(file_id) from (
    select value as file_id from json_each(coalesce(findings.files, '[]'))
    union select v.file_id from versions v where v.tenant_id = ?1 and v.content_id in (select value from json_each(?3))
    limit ${FILES_MAX}))
where tenant_id = ?1 and kind = 'damaged' and pack_id = ?2`;

export class D1Findings implements Findings {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async add(findings: readonly Finding[]): Promise<void> {
    await this.#db.batch(slices(findings).map((json) => this.#db.prepare(ADD).bind(this.#tenant, json)));
  }

  async clear(kind: FindingKind, pack_id: string): Promise<void> {
    await this.#db
      .prepare("delete from findings where tenant_id = ?1 and kind = ?2 and pack_id = ?3")
      .bind(this.#tenant, kind, pack_id)
      .run();
  }

  async damaged(): Promise<{ pack_id: string; is_traced: boolean }[]> {
    const { results } = await this.#db
      .prepare(
        `select pack_id, files is not null as is_traced from findings where tenant_id = ?1 and kind = 'damaged'
         order by pack_id limit ${DAMAGED_MAX}`,
      )
      .bind(this.#tenant)
      .all<{ pack_id: string; is_traced: number }>();
    return results.map((row) => ({ ...row, is_traced: row.is_traced === 1 }));
  }

  async touch(pack_id: string, content_ids: readonly string[]): Promise<void> {
    await this.#db.prepare(TOUCH).bind(this.#tenant, pack_id, JSON.stringify(content_ids)).run();
  }
}

/** How many of a shard, by kind. */
export async function countFindings(db: D1Database): Promise<{ kind: FindingKind; count: number }[]> {
  const { results } = await db
    .prepare("select kind, count(*) as count from findings group by kind")
    .all<{ kind: FindingKind; count: number }>();
  return results;
}
