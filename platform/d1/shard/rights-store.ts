import { type TenantId, tenantOf } from "../../../core/protocol/ids.ts";
import type { Access, Grant, Principal, RightsStore } from "../../../core/sharing/rights.ts";
import { type Stored, toFile } from "./rows.ts";

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
from files f where f.tenant_id = ?1 and f.file_id = ?2`;

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

/** Nodes of all chains once each: siblings share their ancestors. */
const SELECT_MANY = `
with recursive node(tenant_id, file_id, parent_id) as (
  select f.tenant_id, f.file_id, f.parent_id from json_each(?1) want
    cross join files f on f.tenant_id = want.value ->> '$[0]' and f.file_id = want.value ->> '$[1]'
  union
  select f.tenant_id, f.file_id, f.parent_id
    from node n cross join files f on f.tenant_id = n.tenant_id and f.file_id = n.parent_id
)
select f.*,
  (select json_group_array(json_object('file_id', p.file_id, 'permission', p.permission, 'expires_at', p.expires_at))
     from permissions p
     where p.tenant_id = n.tenant_id and p.file_id = n.file_id and p.revoked_at is null
       and (p.expires_at is null or p.expires_at > ?3) and p.PRINCIPAL = ?2) as grants
from node n cross join files f on f.tenant_id = n.tenant_id and f.file_id = n.file_id`;

/**
 * What `find` tells, of many files of one shard, whatever their tenants, in one query. Unknown ids are missing.
 * @param file_ids a few thousand at most
 */
export async function findMany(
  db: D1Database,
  principal: Principal,
  file_ids: readonly string[],
): Promise<Map<string, Access>> {
  const [column, id] =
    principal.kind === "user" ? ["user_id", principal.user_id] : ["permission_id", principal.permission_id];
  const wanted = JSON.stringify(file_ids.map((file_id) => [tenantOf(file_id), file_id]));
  const { results } = await db
    .prepare(SELECT_MANY.replace("PRINCIPAL", column as string))
    .bind(wanted, id, Date.now())
    .all<Stored>();
  const nodes = new Map(
    results.map(({ grants, ...row }) => [
      row.file_id as string,
      { row, grants: JSON.parse(grants as string) as Grant[] },
    ]),
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
