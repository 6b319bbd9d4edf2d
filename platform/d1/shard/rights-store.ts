import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Access, Principal, RightsStore } from "../../../core/sharing/rights.ts";
import { type Stored, toFile } from "./rows.ts";

/** One row: the file, its chain and the principal's living grants on the chain. */
const SELECT_ACCESS = `
with recursive chain(file_id, parent_id, name, trashed_at, depth) as (
  select file_id, parent_id, name, trashed_at, 0 from files where tenant_id = ?1 and file_id = ?2
  union all
  select f.file_id, f.parent_id, f.name, f.trashed_at, c.depth + 1
    from chain c join files f on f.tenant_id = ?1 and f.file_id = c.parent_id
)
select f.*,
  (select json_group_array(json_object('file_id', file_id, 'name', name, 'trashed_at', trashed_at) order by depth) from chain) as chain,
  (select json_group_array(json_object('file_id', p.file_id, 'permission', p.permission))
     from chain c join permissions p on p.tenant_id = ?1 and p.file_id = c.file_id
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
