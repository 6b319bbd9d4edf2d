/** Past rows in one shard, the living tenant in another. docs/spec/durability.md, BK10. */
import { type BesideDeps, ITEMS, type LivingContent, type PastItem } from "../../../core/backup/beside.ts";
import { orDamaged } from "../../../core/backup/recover.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { BlockReader } from "../../../core/storage/block-reader.ts";
import type { Engine } from "../../../core/storage/engine.ts";
import { neededPacks } from "../../../core/storage/needed-packs.ts";
import { IS_GARBAGE } from "./content-life.ts";
import type { Stored } from "./rows.ts";
import * as schema from "./schema.ts";
import { replaceRows } from "./upsert.ts";

/** Of `contents.is_ended`: no version has it yet, and no round drops it until its copy is made. */
const REVIVED = 2;

const SELECT_ITEMS = `
with recursive tree(file_id, depth) as (
  select ?2, 0
  union all
  select f.file_id, t.depth + 1 from tree t cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = t.file_id and f.trashed_at is null)
select f.file_id, f.parent_id, f.name, f.is_folder, f.mime_type, f.modified_at, f.content_id
from tree t cross join files f on f.tenant_id = ?1 and f.file_id = t.file_id
where t.depth > 0 order by t.depth, f.file_id limit ${ITEMS} offset ?3`;

const REVIVE_PACKS = `
update packs set state = 'live', changed_at = ?3
where tenant_id = ?1 and state = 'condemned' and pack_id in (select value from json_each(?2))`;

const SELECT_LIVE = `
select p.pack_id from json_each(?2) want cross join packs p on p.tenant_id = ?1 and p.pack_id = want.value
where p.state = 'live'`;

const SELECT_LIVING = `
select c.content_id, c.content_hash, c.size from json_each(?2) want
  cross join contents c on c.tenant_id = ?1 and c.content_id = want.value
where not ${IS_GARBAGE}`;

export class D1BesideStore implements Pick<BesideDeps, "items" | "revive" | "settle"> {
  readonly #past: D1Database;
  readonly #living: D1Database;
  readonly #tenant: TenantId;
  readonly #drive: string;
  readonly #reader: BlockReader;

  constructor(past: D1Database, living: D1Database, engine: Engine, tenant: TenantId, drive: string) {
    this.#reader = new BlockReader(engine, tenant);
    this.#past = past;
    this.#living = living;
    this.#tenant = tenant;
    this.#drive = drive;
  }

  async items(offset: number): Promise<PastItem[]> {
    const { results } = await this.#past
      .prepare(SELECT_ITEMS)
      .bind(this.#tenant, this.#drive, offset)
      .all<Omit<PastItem, "is_folder"> & { is_folder: number }>();
    return results.map((row) => ({ ...row, is_folder: row.is_folder === 1 }));
  }

  async revive(content_ids: readonly string[]): Promise<Map<string, LivingContent>> {
    const dropped = await this.#dropped(content_ids);
    const needed: (readonly string[] | null)[] = [];
    for (const { manifest } of dropped)
      needed.push(await orDamaged(() => neededPacks(this.#reader, manifest as string)));
    const list = JSON.stringify([...new Set(needed.flatMap((packs) => packs ?? []))]);
    // What is live now stays so for a day, whatever a round thinks of it (G7).
    const [, live] = await this.#living.batch<{ pack_id: string }>([
      this.#living.prepare(REVIVE_PACKS).bind(this.#tenant, list, Date.now()),
      this.#living.prepare(SELECT_LIVE).bind(this.#tenant, list),
    ]);
    const there = new Set((live?.results ?? []).map(({ pack_id }) => pack_id));
    const whole = dropped.filter((_, i) => needed[i]?.every((pack_id) => there.has(pack_id)) === true);
    if (whole.length > 0)
      await this.#living.batch(
        replaceRows(
          this.#living,
          schema.contents,
          whole.map((row) => ({ ...row, is_ended: REVIVED })),
        ),
      );
    const living = await this.#select<LivingContent & { content_hash: string | null }>(SELECT_LIVING, content_ids);
    return new Map(living.filter((c) => c.content_hash !== null).map((content) => [content.content_id, content]));
  }

  /** Rows of then that no version of now has. */
  async #dropped(content_ids: readonly string[]): Promise<Stored[]> {
    const living = await this.#select<{ content_id: string }>(SELECT_LIVING, content_ids);
    const known = new Set(living.map(({ content_id }) => content_id));
    const { results } = await this.#past
      .prepare(
        `select c.* from json_each(?2) want cross join contents c on c.tenant_id = ?1 and c.content_id = want.value`,
      )
      .bind(this.#tenant, JSON.stringify(content_ids.filter((content_id) => !known.has(content_id))))
      .all<Stored>();
    return results;
  }

  /** Which copies have them, the index of shared versions tells from now on (G2). */
  async settle(content_ids: readonly string[]): Promise<void> {
    await this.#living
      .prepare(
        `update contents set is_ended = 1 where tenant_id = ?1 and is_ended = ${REVIVED}
           and content_id in (select value from json_each(?2))`,
      )
      .bind(this.#tenant, JSON.stringify(content_ids))
      .run();
  }

  async #select<T>(sql: string, wanted: readonly string[]): Promise<T[]> {
    const { results } = await this.#living.prepare(sql).bind(this.#tenant, JSON.stringify(wanted)).all<T>();
    return results;
  }
}
