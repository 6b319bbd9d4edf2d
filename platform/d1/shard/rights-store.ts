import { type TenantId, tenantOf } from "../../../core/protocol/ids.ts";
import type { Access, Grant, Principal, RightsStore } from "../../../core/sharing/rights.ts";
import { type Stored, toFile } from "./rows.ts";

/** Of a tenant that is deleted nobody may read anything, at once: docs/spec/identity.md, I14. */
export const isThere = (tenant: string): string =>
  `exists (select 1 from tenants t where t.tenant_id = ${tenant} and t.state <> 'deleted')`;

/** One row: the file, its chain and the principal's living grants on the chain. */
const SELECT_ACCESS = `
with recursive chain(file_id, parent_id, name, trashed_at, depth) as (
  select file_id, parent_id, name, trashed_at, 0 from files where tenant_id = ?1 and file_id = ?2
  union all
  select f.file_id, f.parent_id, f.name, f.trashed_at, c.depth + 1
    from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.parent_id
)
select f.*,
  (select json_group_array(json_object('file_id', file_id, 'name', name, 'trashed_at', trashed_at) order by depth) from chain) as chain,
  (select json_group_array(json_object('file_id', p.file_id, 'permission', p.permission, 'expires_at', p.expires_at))
     from chain c cross join permissions p on p.tenant_id = ?1 and p.file_id = c.file_id
     where p.revoked_at is null and (p.expires_at is null or p.expires_at > ?4) and PRINCIPAL) as grants
from files f where f.tenant_id = ?1 and f.file_id = ?2 and ${isThere("?1")}`;

const BY_USER = SELECT_ACCESS.replace("PRINCIPAL", "p.user_id = ?3");
const BY_LINK = SELECT_ACCESS.replace("PRINCIPAL", "p.permission_id = ?3");

export const toAccess = ({ chain, grants, ...row }: Stored): Access => ({
  file: toFile(row),
  chain: JSON.parse(chain as string),
  grants: JSON.parse(grants as string),
});

export class D1RightsStore implements RightsStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** For callers that read more in the same round trip. */
  statement(principal: Principal, file_id: string): D1PreparedStatement {
    const [sql, id] = principal.kind === "user" ? [BY_USER, principal.user_id] : [BY_LINK, principal.permission_id];
    return this.#db.prepare(sql).bind(this.#tenant, file_id, id, Date.now());
  }

  async find(principal: Principal, file_id: string): Promise<Access | null> {
    const row = await this.statement(principal, file_id).first<Stored>();
    return row === null ? null : toAccess(row);
  }
}

/**
 * A chain of `found` (tenant, file, parent) and all its ancestors, once each: siblings share theirs. With the living
 * grants of a user or link on every node.
 * @param found the select that begins it
 * @param time the parameter that is now, milliseconds
 */
export const chainsOf = (found: string, holder: string, time: string): string => `
with recursive node(tenant_id, file_id, parent_id) as (
  select * from (${found})
  union
  select f.tenant_id, f.file_id, f.parent_id
    from node n cross join files f on f.tenant_id = n.tenant_id and f.file_id = n.parent_id
)
select f.*,
  (select json_group_array(json_object('file_id', p.file_id, 'permission', p.permission, 'expires_at', p.expires_at))
     from permissions p
     where p.tenant_id = n.tenant_id and p.file_id = n.file_id and p.revoked_at is null
       and (p.expires_at is null or p.expires_at > ${time}) and p.${holder}) as grants
from node n cross join files f on f.tenant_id = n.tenant_id and f.file_id = n.file_id`;

/** What `find` tells, of each of these files. Unknown ids are missing. @param rows what `chainsOf` found */
export function accessesOf(rows: readonly Stored[], file_ids: readonly string[]): Map<string, Access> {
  const nodes = new Map(
    rows.map(({ grants, ...row }) => [row.file_id as string, { row, grants: JSON.parse(grants as string) as Grant[] }]),
  );
  const found = new Map<string, Access>();
  for (const file_id of file_ids) {
    const chain = [];
    const held: Grant[] = [];
    for (let at = nodes.get(file_id); at !== undefined; at = nodes.get(at.row.parent_id as string)) {
      chain.push({
        file_id: at.row.file_id as string,
        name: at.row.name as string,
        trashed_at: at.row.trashed_at as number | null,
      });
      held.push(...at.grants);
    }
    const own = nodes.get(file_id);
    if (own !== undefined) found.set(file_id, { file: toFile(own.row), chain, grants: held });
  }
  return found;
}

const SELECT_WANTED = `
select f.tenant_id, f.file_id, f.parent_id from json_each(?1) want
  cross join files f on f.tenant_id = want.value ->> '$[0]' and f.file_id = want.value ->> '$[1]'
where ${isThere("f.tenant_id")}`;

/** For callers that read more in the same round trip: what it finds is for `accessesOf`. */
export function manyStatement(db: D1Database, principal: Principal, file_ids: readonly string[]): D1PreparedStatement {
  const [holder, id] =
    principal.kind === "user" ? ["user_id = ?2", principal.user_id] : ["permission_id = ?2", principal.permission_id];
  const wanted = JSON.stringify(file_ids.map((file_id) => [tenantOf(file_id), file_id]));
  return db.prepare(chainsOf(SELECT_WANTED, holder as string, "?3")).bind(wanted, id, Date.now());
}

/**
 * What `find` tells, of many files of one shard, whatever their tenants, in one query. Unknown ids are missing.
 * @param file_ids a few thousand at most
 */
export async function findMany(
  db: D1Database,
  principal: Principal,
  file_ids: readonly string[],
): Promise<Map<string, Access>> {
  const { results } = await manyStatement(db, principal, file_ids).all<Stored>();
  return accessesOf(results, file_ids);
}

/** Shares whose drives are looked into, and candidates that are looked at: bound the cost of a look. */
const SHARES = 1000;
const CANDIDATES = 20;

/**
 * By drive, so that it costs the same whoever else has the content: what lies in drives that the user knows nothing of
 * is never touched. The user's own comes first, where all can be read.
 */
const SELECT_CANDIDATES = `
with drive(drive_id) as (
  select ?2
  union all select ?3 where ?3 <> ?2
  union all select distinct drive_id from (
    select drive_id from incoming_shares where tenant_id = ?1 and user_id = ?2 limit ${SHARES})
  where drive_id not in (?2, ?3)
)
select f.tenant_id, f.file_id, f.parent_id from drive d cross join files f indexed by files_content
  on f.tenant_id = ?1 and f.content_hash = ?4 and f.drive_id = d.drive_id
where f.size = ?5 and f.trashed_at is null and f.integrity = 'ok' limit ${CANDIDATES}`;

/** Files that have a content now, with all that decides whether the user may read them. */
export async function findWithContent(
  db: D1Database,
  tenant: TenantId,
  wanted: { user_id: string; drive_id: string; content_hash: string; size: number },
): Promise<Access[]> {
  const { user_id, drive_id, content_hash, size } = wanted;
  const { results } = await db
    .prepare(chainsOf(SELECT_CANDIDATES, "user_id = ?2", "?6"))
    .bind(tenant, user_id, drive_id, content_hash, size, Date.now())
    .all<Stored>();
  // Of folders, which are the rest, none has a content.
  const files = results.filter((row) => row.content_hash === content_hash).map((row) => row.file_id as string);
  return [...accessesOf(results, files).values()];
}
