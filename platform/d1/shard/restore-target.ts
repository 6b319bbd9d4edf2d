/** A tenant's rows come back into a shard. docs/spec/durability.md, BK8 to BK10. */
import { getTableConfig } from "drizzle-orm/sqlite-core";
import type { Row, Segment, TableRows } from "../../../core/backup/model.ts";
import type { RestoredContent, RestoredPack, RestoreTarget, WithoutBytes } from "../../../core/backup/restore-ports.ts";
import { CONSUMERS } from "../../../core/events/wake.ts";
import type { TenantKeyRow } from "../../../core/keys/ports.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { keyOf } from "../paged.ts";
import { BACKED_UP } from "./backup-tables.ts";
import { IS_GARBAGE } from "./content-life.ts";
import type { Stored } from "./rows.ts";
import * as schema from "./schema.ts";
import { addRows, replaceRows, slices } from "./upsert.ts";

const CONTENTS_PAGE = 250;

/** In place of a round's id, with that of the attempt behind it: this row is no tenant's that somebody else has closed. */
export const RESTORING = "restoring/";

/** Of `contents.is_ended`, while the tenant is closed: its bytes are not where its manifest says. */
const LOST = 3;

/** Rows deleted with one call. */
const WIPED = 20_000;
/** All but the tenant's own row, which keeps it closed. */
const WIPED_TABLES = Object.values(schema).filter((table) => table !== schema.tenants);

/** A cursor of before is never taken for one of after: the numbers between were never given. */
const SEQ_JUMP = 1_000_000;

/** What lay in a folder that was purged: its own parent is missing. What was put to trash by itself stays. */
const DELETE_LOST = `
with recursive lost(file_id) as (
  select f.file_id from files f left join files p on p.tenant_id = ?1 and p.file_id = f.parent_id
  where f.tenant_id = ?1 and f.parent_id is not null and f.trashed_at is null and p.file_id is null
  union all
  select f.file_id from lost l cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = l.file_id and f.trashed_at is null)
delete from files where tenant_id = ?1 and file_id in (select file_id from lost)`;

const WITHOUT_FILE = (table: string): string =>
  `delete from ${table} where tenant_id = ?1 and not exists (
     select 1 from files f where f.tenant_id = ?1 and f.file_id = ${table}.file_id)`;

/** Without a hash where any version or file still waits for it: the verification is done again, for all of them. */
const FORGET_HASHES = `
update contents set content_hash = null where tenant_id = ?1 and (
  content_id in (select content_id from versions indexed by versions_pending where tenant_id = ?1 and content_hash is null)
  or content_id in (select content_id from files indexed by files_pending where tenant_id = ?1 and integrity = 'pending'))`;

const END_VERIFICATIONS = `
delete from verifications where tenant_id = ?1 and not exists (
  select 1 from contents c where c.tenant_id = ?1 and c.content_id = verifications.content_id and c.content_hash is null)`;

const BEGIN_VERIFICATIONS = `
insert into verifications (tenant_id, drive_id, content_id, hashed_bytes, attempts, next_at)
select ?1, f.drive_id, c.content_id, 0, 0, 0
from contents c cross join versions v indexed by versions_shared
    on v.tenant_id = ?1 and v.content_id = c.content_id and v.is_shared = 1
  cross join files f on f.tenant_id = ?1 and f.file_id = v.file_id
where c.tenant_id = ?1 and c.content_hash is null and not exists (
  select 1 from verifications x where x.tenant_id = ?1 and x.content_id = c.content_id)
group by c.content_id`;

const ASSERT_OURS = `
select case when not exists (
  select 1 from tenants where tenant_id = ?1 and state = 'moving' and garbage_round = ?2)
then json_extract('{}', 'restore_over') end`;

const takenOver = (): DriveError =>
  new DriveError("precondition_failed", "Another restore of this tenant has begun; this one is over.");

/** Quota counts current versions, the trash included (Q1). */
const MISCOUNTED = `
select d.drive_id from drives d where d.tenant_id = ?1 and d.used_bytes <> (
  select coalesce(sum(f.size), 0) from files f where f.tenant_id = ?1 and f.drive_id = d.drive_id)`;

export class D1RestoreTarget implements RestoreTarget {
  readonly #db: D1Database;
  readonly #tenant: TenantId;
  /** Of the attempt that has begun. */
  #mark = "";

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async begin(attempt: string, is_new: boolean): Promise<boolean> {
    this.#mark = RESTORING + attempt;
    const starting = [
      this.#run(
        `insert into tenants (tenant_id, state, created_at, garbage_round) values (?1, 'moving', 0, ?2)
         on conflict do nothing`,
        this.#mark,
      ),
      this.#run(
        `update tenants set garbage_round = ?2 where tenant_id = ?1 and state = 'moving' and garbage_round like '${RESTORING}%'`,
        this.#mark,
      ),
    ];
    const answers = await this.#db.batch<{ state: string; garbage_round: string }>([
      ...(is_new ? starting : []),
      this.#run("select state, garbage_round from tenants where tenant_id = ?1"),
    ]);
    const tenant = answers.at(-1)?.results[0];
    if (tenant?.state !== "moving" || !tenant.garbage_round.startsWith(RESTORING)) {
      if (tenant === undefined) throw takenOver();
      return false;
    }
    if (tenant.garbage_round !== this.#mark) throw takenOver();
    return true;
  }

  async wipe(): Promise<boolean> {
    let left = WIPED;
    for (const table of WIPED_TABLES) {
      // Tables without rowids know no `limit` here: the keys are found first.
      const key = keyOf(table).join(", ");
      const { name } = getTableConfig(table);
      const [answer] = await this.#batch([
        this.#run(
          `delete from ${name} where (${key}) in (select ${key} from ${name} where tenant_id = ?1 order by ${key} limit ${left})`,
        ),
      ]);
      left -= answer?.meta.changes ?? 0;
      if (left <= 0) return false;
    }
    return true;
  }

  async add({ table, rows }: TableRows): Promise<void> {
    const known = BACKED_UP[table];
    if (known === undefined) throw new Error(`a backup has a table ${table}, which is not ours`);
    await this.#batch(replaceRows(this.#db, known.table, this.#restored(table, rows)));
  }

  async apply(segment: Segment): Promise<void> {
    const { touched, kept } = segment;
    const put = (table: string, rows: readonly Row[]): D1PreparedStatement[] =>
      rows.length === 0 ? [] : replaceRows(this.#db, BACKED_UP[table]!.table, this.#restored(table, rows));
    await this.#batch([
      // Those that are there come again; names may have been exchanged among them.
      ...this.#over("delete from files where tenant_id = ?1 and file_id in (select value from json_each(?2))", touched),
      ...put("files", segment.files),
      ...put("versions", segment.versions),
      ...this.#over(
        `delete from versions where tenant_id = ?1
           and file_id in (select value ->> '$.file_id' from json_each(?2))
           and (file_id, version_number) not in (
             select k.value ->> '$.file_id', n.value from json_each(?2) k, json_each(k.value, '$.numbers') n)`,
        kept,
      ),
      ...put("contents", segment.contents),
      ...put("permissions", segment.permissions),
      ...put("verifications", segment.verifications),
      ...put("journal", segment.journal),
      ...put("drives", segment.drives),
      ...put("tenants", segment.tenants),
    ]);
  }

  async settle(): Promise<string[]> {
    const steps = [
      DELETE_LOST,
      ...["versions", "permissions", "hooks"].map(WITHOUT_FILE),
      `delete from contents as c where c.tenant_id = ?1 and ${IS_GARBAGE}`,
      FORGET_HASHES,
      END_VERIFICATIONS,
      BEGIN_VERIFICATIONS,
    ];
    // Each by itself: D1 ends a batch after 30 s.
    for (const step of steps) await this.#batch([this.#run(step)]);
    const { results } = await this.#db.prepare(MISCOUNTED).bind(this.#tenant).all<{ drive_id: string }>();
    return results.map(({ drive_id }) => drive_id);
  }

  async addPacks(packs: readonly RestoredPack[]): Promise<void> {
    await this.#batch(addRows(this.#db, schema.packs, packs as unknown as Stored[]));
  }

  async addKeys(keys: readonly TenantKeyRow[]): Promise<void> {
    await this.#batch(addRows(this.#db, schema.tenant_keys, keys as unknown as Stored[]));
  }

  contents(after: string): Promise<RestoredContent[]> {
    return this.#page(after, "");
  }

  lost(after: string): Promise<RestoredContent[]> {
    return this.#page(after, `and is_ended = ${LOST}`);
  }

  async #page(after: string, condition: string): Promise<RestoredContent[]> {
    const { results } = await this.#run(
      `select content_id, manifest, size from contents where tenant_id = ?1 and content_id > ?2 ${condition}
       order by content_id limit ${CONTENTS_PAGE}`,
      after,
    ).all<RestoredContent & Stored>();
    return results;
  }

  async markLost(content_ids: readonly string[]): Promise<void> {
    await this.#batch(
      this.#over(
        `update contents set is_ended = ${LOST}
         where tenant_id = ?1 and content_id in (select value from json_each(?2))`,
        content_ids,
      ),
    );
  }

  lostAmong(content_ids: readonly string[]): Promise<RestoredContent[]> {
    return this.#select<RestoredContent>(
      `select c.content_id, c.manifest, c.size from json_each(?2) want
         cross join contents c on c.tenant_id = ?1 and c.content_id = want.value
       where c.is_ended = ${LOST}`,
      content_ids,
    );
  }

  async repoint(contents: readonly Omit<RestoredContent, "size">[]): Promise<void> {
    await this.#batch(
      contents.map(({ content_id, manifest }) =>
        this.#run(
          `update contents set manifest = ?3, is_ended = 1
           where tenant_id = ?1 and content_id = ?2 and is_ended = ${LOST}`,
          content_id,
          manifest,
        ),
      ),
    );
  }

  async settleLost(): Promise<void> {
    await this.#batch([this.#run(`update contents set is_ended = 1 where tenant_id = ?1 and is_ended = ${LOST}`)]);
  }

  async setArchive(archive: string | null): Promise<void> {
    await this.#batch([this.#run("update tenants set archive = ?2 where tenant_id = ?1", archive)]);
  }

  async missingPacks(pack_ids: readonly string[]): Promise<string[]> {
    const found = await this.#select<{ pack_id: string }>(
      `select want.value as pack_id from json_each(?2) want left join packs p on p.tenant_id = ?1 and p.pack_id = want.value
       where p.pack_id is null or p.state = 'deleted'`,
      pack_ids,
    );
    return found.map(({ pack_id }) => pack_id);
  }

  versionsOf(content_ids: readonly string[]): Promise<WithoutBytes[]> {
    return this.#select<WithoutBytes>(
      `select v.file_id, v.version_id, v.content_id from json_each(?2) want
         cross join versions v indexed by versions_shared
           on v.tenant_id = ?1 and v.content_id = want.value and v.is_shared = 1`,
      content_ids,
    );
  }

  /** One batch: a repeat finds the tenant open, and changes nothing. */
  async open(): Promise<void> {
    const due = CONSUMERS.map((consumer) => `'${consumer}', seq + ${SEQ_JUMP}`).join(", ");
    await this.#batch([
      this.#run(
        `insert into journal (tenant_id, drive_id, seq, op, file_id, op_id, actor_id, at)
         select tenant_id, drive_id, seq + ${SEQ_JUMP}, 'updated', drive_id, 'restored/' || hex(randomblob(8)), drive_id, ?2
         from drives where tenant_id = ?1`,
        Date.now(),
      ),
      this.#run(
        `update drives set seq = seq + ${SEQ_JUMP}, due = json_object(${due}), reserved_bytes = 0 where tenant_id = ?1`,
      ),
      this.#run("update tenants set state = 'active', garbage_round = '' where tenant_id = ?1"),
    ]);
  }

  #run(sql: string, ...more: (string | number | null)[]): D1PreparedStatement {
    return this.#db.prepare(sql).bind(this.#tenant, ...more);
  }

  /** All of it, while the tenant is closed by this attempt. @throws `precondition_failed` when it is not any more */
  async #batch<T>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> {
    if (statements.length === 0) return [];
    try {
      return (await this.#db.batch<T>([this.#run(ASSERT_OURS, this.#mark), ...statements])).slice(1);
    } catch (error) {
      if (String(error).includes("restore_over")) throw takenOver();
      throw error;
    }
  }

  #over(sql: string, wanted: readonly unknown[]): D1PreparedStatement[] {
    return slices(wanted).map((list) => this.#db.prepare(sql).bind(this.#tenant, list));
  }

  async #select<T>(sql: string, wanted: readonly string[]): Promise<T[]> {
    if (wanted.length === 0) return [];
    const answers = await this.#db.batch<T>(this.#over(sql, wanted));
    return answers.flatMap(({ results }) => results);
  }

  /**
   * Which version brought a content is not asked any more: all count as shared, so a content lives as long as any version
   * has it (G2).
   */
  #restored(table: string, rows: readonly Row[]): Stored[] {
    switch (table) {
      case "tenants":
        return rows.map((row) => ({ ...row, state: "moving", garbage_round: this.#mark }));
      case "versions":
        return rows.map((row) => ({ ...row, is_shared: 1 }));
      case "contents":
        return rows.map((row) => ({ ...row, is_ended: 1 }));
      default:
        return [...rows];
    }
  }
}
