/**
 * `DriveStore` on D1: one batch to read what a group of commands needs, one batch to commit it.
 *
 * `cross join` after a list or a tree keeps SQLite's planner from turning the join around: it knows nothing of how long
 * they are, and would rather read all that a tenant has (sqlite.org/optoverview.html, 7.2); `indexed by` keeps it from
 * doing so where it has no statistics of an index. test/api/query-plans.test.ts
 */
import type { TenantId } from "../../../core/protocol/ids.ts";
import {
  CHANGED_MAX,
  COPY_MAX,
  HEIGHT_NODES_MAX,
  NUMBERED_MAX,
  type DriveStore,
  type Needs,
  neededPacks,
  PURGE_MAX,
  sharedContents,
  type Snapshot,
  type Writes,
} from "../../../core/sync/ports.ts";
import { ASSERT_LIVE, ASSERT_LIVING, END_HOMES, END_TREE, IS_GARBAGE, PURGE_TREE } from "./content-life.ts";
import {
  fromFile,
  fromUpload,
  type Stored,
  toDrive,
  toFile,
  toJournal,
  toPermission,
  toUpload,
  toVersion,
} from "./rows.ts";
import * as schema from "./schema.ts";
import { addRows, insertRows, slices, upsertRows } from "./upsert.ts";

const SELECT_CHAINS = `
with recursive chain(file_id, parent_id) as (
  select f.file_id, f.parent_id from json_each(?2) want
    cross join files f on f.tenant_id = ?1 and f.file_id = want.value
  union
  select f.file_id, f.parent_id from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.parent_id
)
select f.* from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.file_id`;

const SELECT_TREES = `
with recursive tree(file_id, depth) as (
  select value, 0 from json_each(?2)
  union all
  select f.file_id, t.depth + 1 from tree t cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = t.file_id
    where f.trashed_at is null
  order by 2 limit ${COPY_MAX + 1}
)
select f.* from tree t cross join files f on f.tenant_id = ?1 and f.file_id = t.file_id where t.depth > 0 order by t.depth`;

/** What is purged with a file: all below it, but for what was put to trash by itself and waits there in its own right. */
const SELECT_SUMS = `
with recursive tree(root, file_id, size) as (
  select f.file_id, f.file_id, f.size from json_each(?2) want cross join files f on f.tenant_id = ?1 and f.file_id = want.value
  union all
  select t.root, f.file_id, f.size from tree t cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = t.file_id
    where f.trashed_at is null
)
select root, sum(size) as bytes, count(*) as count from tree group by root`;

const SELECT_NAMES = `
select f.* from json_each(?2) want cross join files f on f.tenant_id = ?1
  and f.parent_id = want.value ->> '$.parent_id' and f.name_key = want.value ->> '$.name_key' and f.trashed_at is null`;

const SELECT_HEIGHTS = `
with recursive tree(root, file_id, depth) as (
  select value, value, 0 from json_each(?2)
  union all
  select t.root, f.file_id, t.depth + 1 from tree t cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = t.file_id
    where f.trashed_at is null
  order by 3 limit ${HEIGHT_NODES_MAX}
)
select root, max(depth) as height from tree group by root`;

const SELECT_CONTENTS = `
select c.content_id, c.content_hash, c.size from json_each(?2) want
  cross join contents c on c.tenant_id = ?1 and c.content_id = want.value
where not ${IS_GARBAGE}`;

const SELECT_PENDING = `
select f.* from json_each(?2) want cross join files f indexed by files_pending
  on f.tenant_id = ?1 and f.content_id = want.value and f.integrity = 'pending'
where f.drive_id = ?3`;

const SELECT_NUMBERED = `
select f.parent_id, f.name_key from json_each(?2) want cross join files f on f.tenant_id = ?1
  and f.parent_id = want.value ->> '$.parent_id' and f.name_key >= want.value ->> '$.prefix'
  and f.name_key < (want.value ->> '$.prefix') || char(1114111) and f.trashed_at is null
limit ${NUMBERED_MAX}`;

/** Each item on the way that is there. */
const SELECT_PATHS = `
with recursive way(path, file_id, depth) as (
  select want.key, want.value ->> '$.parent_id', 0 from json_each(?2) want
  union all
  select w.path, f.file_id, w.depth + 1 from way w
    cross join json_each(?2) want on want.key = w.path
    cross join files f indexed by files_name on f.tenant_id = ?1 and f.parent_id = w.file_id
      and f.name_key = want.value ->> ('$.keys[' || w.depth || ']') and f.trashed_at is null
)
select f.* from way w cross join files f on f.tenant_id = ?1 and f.file_id = w.file_id where w.depth > 0`;

/** The newest behind ?3, whatever they are: how many are read does not depend on what they say. */
const CHANGED = `
select seq, op, file_id, device_id from journal where tenant_id = ?1 and drive_id = ?2 and seq > ?3
order by seq desc limit ${CHANGED_MAX + 1}`;

const SELECT_CHANGED_CHAINS = `
with recursive chain(file_id, parent_id) as (
  select f.file_id, f.parent_id from (select distinct file_id from (${CHANGED})) want
    cross join files f on f.tenant_id = ?1 and f.file_id = want.file_id
  union
  select f.file_id, f.parent_id from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.parent_id
)
select f.* from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.file_id`;

const SELECT_PACKS = `
select p.pack_id, p.state from json_each(?2) want cross join packs p on p.tenant_id = ?1 and p.pack_id = want.value`;

const SELECT_VERSIONS = `
select v.* from json_each(?2) want cross join versions v on v.tenant_id = ?1
  and v.file_id = want.value ->> '$.file_id' and v.version_id = want.value ->> '$.version_id'`;

const SELECT_HISTORIES = `
select v.* from json_each(?2) want cross join versions v on v.tenant_id = ?1
  and v.file_id = want.value ->> '$.file_id' and v.version_number in (
    select version_number from versions where tenant_id = ?1 and file_id = want.value ->> '$.file_id'
      and version_number <= want.value ->> '$.through' order by version_number limit ${PURGE_MAX})`;

const SELECT_PERMISSIONS = `
select p.* from json_each(?2) want cross join permissions p on p.tenant_id = ?1
  and p.file_id = want.value ->> '$.file_id' and p.permission_id = want.value ->> '$.permission_id'`;

const SELECT_GRANTS = `
select p.* from json_each(?2) want cross join permissions p on p.tenant_id = ?1 and p.file_id = want.value
where p.kind <> 'link' and p.revoked_at is null`;

const SELECT_DONE = `
select j.* from json_each(?2) want cross join journal j on j.tenant_id = ?1 and j.drive_id = ?3 and j.op_id = want.value`;

/** A row that was found twice would be changed once. */
const distinct = <T>(rows: T[], idOf: (row: T) => string): T[] => [
  ...new Map(rows.map((row) => [idOf(row), row])).values(),
];

/** Names the guard in the error of a batch it stopped: `bad JSON path: 'drive_moved'`. */
const guard = (name: string): string => `select case when changes() = 0 then json_extract('{}', '${name}') end`;

export class D1DriveStore implements DriveStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;
  readonly #drive: string;

  constructor(db: D1Database, tenant: TenantId, drive: string) {
    this.#db = db;
    this.#tenant = tenant;
    this.#drive = drive;
  }

  #over(sql: string, wanted: unknown): D1PreparedStatement {
    return this.#db.prepare(sql).bind(this.#tenant, JSON.stringify(wanted));
  }

  async load(needs: Needs): Promise<Snapshot | null> {
    const ask: [key: string, statement: D1PreparedStatement][] = [
      [
        "drive",
        this.#db.prepare("select * from drives where tenant_id = ?1 and drive_id = ?2").bind(this.#tenant, this.#drive),
      ],
    ];
    const add = (key: string, sql: string, wanted: readonly unknown[], ...more: string[]): void => {
      for (const list of slices(wanted)) ask.push([key, this.#db.prepare(sql).bind(this.#tenant, list, ...more)]);
    };
    add("files", SELECT_CHAINS, [...needs.file_ids]);
    add("names", SELECT_NAMES, needs.names);
    add("numbered", SELECT_NUMBERED, needs.numbered);
    add("paths", SELECT_PATHS, needs.paths);
    if (needs.since !== null)
      for (const [key, sql] of [
        ["changed", CHANGED],
        ["files", SELECT_CHANGED_CHAINS],
      ] as const)
        ask.push([key, this.#db.prepare(sql).bind(this.#tenant, this.#drive, needs.since)]);
    add("heights", SELECT_HEIGHTS, [...needs.height_ids]);
    add("trees", SELECT_TREES, [...needs.tree_ids]);
    add("sums", SELECT_SUMS, [...needs.sum_ids]);
    add(
      "uploads",
      "select u.* from json_each(?2) want cross join uploads u on u.tenant_id = ?1 and u.upload_id = want.value",
      [...needs.upload_ids],
    );
    add("packs", SELECT_PACKS, [...needs.pack_ids]);
    add("contents", SELECT_CONTENTS, [...needs.content_ids]);
    add("pending", SELECT_PENDING, [...needs.pending_ids], this.#drive);
    add("versions", SELECT_VERSIONS, needs.versions);
    add("histories", SELECT_HISTORIES, needs.histories);
    add("permissions", SELECT_PERMISSIONS, needs.permissions);
    add("grants", SELECT_GRANTS, [...needs.grants]);
    add("done", SELECT_DONE, [...needs.op_ids], this.#drive);

    const answers = await this.#db.batch<Stored>(ask.map(([, statement]) => statement));
    const of = (key: string): Stored[] => answers.flatMap(({ results }, i) => (ask[i]?.[0] === key ? results : []));
    const drive = of("drive")[0];
    if (drive === undefined) return null;
    return {
      drive: toDrive(drive),
      files: [...of("files"), ...of("names"), ...of("paths"), ...of("pending")].map(toFile),
      trees: of("trees").map(toFile),
      sums: new Map(of("sums").map((s) => [s.root as string, { bytes: s.bytes as number, count: s.count as number }])),
      heights: new Map(of("heights").map((h) => [h.root as string, h.height as number])),
      taken: of("numbered") as unknown as Snapshot["taken"],
      changed: of("changed") as unknown as Snapshot["changed"],
      uploads: of("uploads").map(toUpload),
      packs: of("packs") as unknown as Snapshot["packs"],
      contents: of("contents") as unknown as Snapshot["contents"],
      versions: distinct([...of("versions"), ...of("histories")].map(toVersion), (v) => v.version_id),
      permissions: distinct([...of("permissions"), ...of("grants")].map(toPermission), (p) => p.permission_id),
      done: await this.#done(of("done")),
    };
  }

  /** Repeats are rare, so what they left costs a round trip of its own. */
  async #done(entries: Stored[]): Promise<Snapshot["done"]> {
    if (entries.length === 0) return [];
    const journal = entries.map(toJournal);
    const [files, permissions] = await this.#db.batch<Stored>([
      this.#over(
        "select f.* from json_each(?2) want cross join files f on f.tenant_id = ?1 and f.file_id = want.value",
        [...journal.map((e) => e.file_id), ...journal.map((e) => e.conflict_of).filter((id) => id !== null)],
      ),
      this.#over(SELECT_PERMISSIONS, journal),
    ]);
    const fileOf = new Map((files as D1Result<Stored>).results.map((row) => [row.file_id, toFile(row)]));
    const permissionOf = new Map(
      (permissions as D1Result<Stored>).results.map((row) => [row.permission_id, toPermission(row)]),
    );
    return journal.map((entry) => ({
      entry,
      file: fileOf.get(entry.file_id) ?? null,
      original: fileOf.get(entry.conflict_of ?? "") ?? null,
      permission: permissionOf.get(entry.permission_id) ?? null,
    }));
  }

  async commit(writes: Writes): Promise<void> {
    const db = this.#db;
    const batch: D1PreparedStatement[] = [
      db
        .prepare(
          `select case when not exists (select 1 from tenants where tenant_id = ?1 and state = 'active')
           then json_extract('{}', 'tenant_not_active') end`,
        )
        .bind(this.#tenant),
      db
        .prepare(
          `update drives set seq = ?3, due = ?9, used_bytes = used_bytes + ?4, reserved_bytes = reserved_bytes + ?5
           where tenant_id = ?1 and drive_id = ?2 and seq = ?6 and used_bytes = ?7 and reserved_bytes = ?8`,
        )
        .bind(
          this.#tenant,
          this.#drive,
          writes.seq,
          writes.used_delta,
          writes.reserved_delta,
          writes.expected.seq,
          writes.expected.used_bytes,
          writes.expected.reserved_bytes,
          JSON.stringify(writes.due),
        ),
      db.prepare(guard("drive_moved")),
      // Before this batch ends anything: a version may be restored and purged in one group.
      ...this.#assert(ASSERT_LIVING, sharedContents(writes)),
      ...this.#purge(writes),
      ...upsertRows(db, schema.files, writes.files.map(fromFile)),
      ...addRows(db, schema.packs, writes.packs as unknown as Stored[]),
      ...this.#assert(ASSERT_LIVE, neededPacks(writes)),
      ...insertRows(db, schema.contents, writes.contents as unknown as Stored[]),
      ...insertRows(db, schema.hooks, writes.hooks as unknown as Stored[]),
      ...insertRows(db, schema.verifications, writes.verifications as unknown as Stored[]),
      ...insertRows(db, schema.versions, writes.versions as unknown as Stored[]),
      ...upsertRows(db, schema.permissions, writes.permissions as unknown as Stored[]),
      ...insertRows(db, schema.uploads, writes.uploads.map(fromUpload)),
      ...this.#settle(writes),
      ...this.#verify(writes),
      ...insertRows(db, schema.journal, writes.journal as unknown as Stored[]),
    ];
    await db.batch(batch);
  }

  /** Every session must still be open: a Worker or the sweep may have closed it meanwhile. */
  #settle({ settled }: Writes): D1PreparedStatement[] {
    if (settled.length === 0) return [];
    const wanted = JSON.stringify(settled);
    return [
      this.#db
        .prepare(
          `select case when (select count(*) from json_each(?2) want cross join uploads u on u.tenant_id = ?1
             and u.upload_id = want.value ->> '$.upload_id' and u.state = 'open') < json_array_length(?2)
           then json_extract('{}', 'upload_not_open') end`,
        )
        .bind(this.#tenant, wanted),
      this.#db
        .prepare(
          // Materialized, the tenant is no constant any more: the planner has nothing to begin with but the list.
          `with want as materialized (
             select ?1 as tenant_id, value ->> '$.upload_id' as upload_id, value ->> '$.state' as state,
               value ->> '$.file_id' as file_id from json_each(?2))
           update uploads set state = want.state, file_id = want.file_id from want
           where uploads.tenant_id = want.tenant_id and uploads.upload_id = want.upload_id`,
        )
        .bind(this.#tenant, wanted),
    ];
  }

  #assert(sql: string, wanted: readonly string[]): D1PreparedStatement[] {
    return slices(wanted).map((list) => this.#db.prepare(sql).bind(this.#tenant, list));
  }

  /** Versions of the whole tenant: a version's row is written once, so no other hub holds an older one. */
  #verify({ verified }: Writes): D1PreparedStatement[] {
    if (verified.length === 0) return [];
    const want = `with want as materialized (
      select ?1 as tenant_id, value ->> '$.content_id' as content_id, value ->> '$.content_hash' as content_hash from json_each(?2))`;
    return [
      this.#over(
        `${want} update contents set content_hash = want.content_hash from want
         where contents.tenant_id = want.tenant_id and contents.content_id = want.content_id and contents.content_hash is null`,
        verified,
      ),
      this.#over(
        `${want} update versions indexed by versions_pending set content_hash = want.content_hash from want
         where versions.tenant_id = want.tenant_id and versions.content_id = want.content_id and versions.content_hash is null`,
        verified,
      ),
    ];
  }

  #purge({ purged_files, purged_versions }: Writes): D1PreparedStatement[] {
    const statements: D1PreparedStatement[] = [];
    if (purged_versions.length > 0)
      statements.push(
        this.#over(END_HOMES, purged_versions),
        this.#over(
          `delete from versions where tenant_id = ?1 and (file_id, version_number) in
             (select value ->> '$.file_id', value ->> '$.version_number' from json_each(?2))`,
          purged_versions,
        ),
      );
    if (purged_files.length === 0) return statements;
    statements.push(this.#over(END_TREE, purged_files));
    // Children last: the tree is found through `files`.
    for (const table of ["versions", "permissions", "files"])
      statements.push(
        this.#over(
          `${PURGE_TREE} delete from ${table} where tenant_id = ?1 and file_id in (select file_id from tree)`,
          purged_files,
        ),
      );
    return statements;
  }
}
