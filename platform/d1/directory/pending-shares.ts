/** Pointers to grants that wait for an address. Only hints of where to look: the grant itself says what it is worth. */
import type { TenantId } from "../../../core/protocol/ids.ts";

export interface PendingShare {
  tenant_id: TenantId;
  file_id: string;
  permission_id: string;
}

/** Attached at one time; more wait for the next. */
const ATTACH_MAX = 500;

export class PendingShares {
  readonly #db: D1Database;

  constructor(directory: D1Database) {
    this.#db = directory;
  }

  /** Before the grant is made: a crash between leaves a pointer to nothing, never a grant that nobody finds. */
  async add(email: string, { tenant_id, file_id, permission_id }: PendingShare, now: number): Promise<void> {
    await this.#db
      .prepare(
        `insert or ignore into pending_shares (email, tenant_id, file_id, permission_id, created_at)
         values (?1, ?2, ?3, ?4, ?5)`,
      )
      .bind(email, tenant_id, file_id, permission_id, now)
      .run();
  }

  async of(email: string): Promise<PendingShare[]> {
    const { results } = await this.#db
      .prepare(`select tenant_id, file_id, permission_id from pending_shares where email = ?1 limit ${ATTACH_MAX}`)
      .bind(email)
      .all<PendingShare>();
    return results;
  }

  async remove(email: string, { tenant_id, file_id, permission_id }: PendingShare): Promise<void> {
    await this.#db
      .prepare("delete from pending_shares where email = ?1 and tenant_id = ?2 and file_id = ?3 and permission_id = ?4")
      .bind(email, tenant_id, file_id, permission_id)
      .run();
  }
}
