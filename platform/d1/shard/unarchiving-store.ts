/** Contents that come back from the archive. docs/spec/tiers.md, TI18. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Moved, TieredPack } from "../../../core/tiers/ports.ts";
import type { Unarchiving, UnarchivingStore } from "../../../core/tiers/unarchive.ts";
import type { Stored } from "./rows.ts";
import { D1TierStore } from "./tier-store.ts";

/** Rows that one tick begins with. */
const CONTENTS = 100;

const WHERE = "where tenant_id = ?1 and content_id = ?2";

export class D1UnarchivingStore implements UnarchivingStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  /** The first one to ask makes the row. @returns bytes of the tenant that wait now, and since when this content does */
  async request(
    row: Omit<Unarchiving, "attempts" | "next_at">,
  ): Promise<{ waiting_bytes: number; requested_at: number }> {
    const { content_id, drive_id, file_id, size, requested_at } = row;
    const results = await this.#db.batch<{ waiting_bytes: number; requested_at: number }>([
      this.#db
        .prepare(
          `insert into unarchivings (tenant_id, content_id, drive_id, file_id, size, requested_at, attempts, next_at)
           values (?1, ?2, ?3, ?4, ?5, ?6, 0, ?6) on conflict do nothing`,
        )
        .bind(this.#tenant, content_id, drive_id, file_id, size, requested_at),
      this.#db
        .prepare(
          `select sum(size) as waiting_bytes, max(requested_at) filter (where content_id = ?2) as requested_at
           from unarchivings where tenant_id = ?1`,
        )
        .bind(this.#tenant, content_id),
    ]);
    return results[1]?.results[0] as { waiting_bytes: number; requested_at: number };
  }

  async claim(...[content_id, now, until]: Parameters<UnarchivingStore["claim"]>) {
    return this.#db
      .prepare(
        `update unarchivings set attempts = attempts + 1, next_at = ?4 ${WHERE} and next_at <= ?3
         returning content_id, drive_id, file_id, size, requested_at, attempts, next_at,
           (select manifest from contents c where c.tenant_id = ?1 and c.content_id = ?2) as manifest`,
      )
      .bind(this.#tenant, content_id, now, until)
      .first<Unarchiving & { manifest: string | null } & Stored>();
  }

  async archived(pack_ids: readonly string[]) {
    const { results } = await this.#db
      .prepare(
        `select pack_id, size, tier, ifnull(read_day, 0) as read_day from packs
         where tenant_id = ?1 and pack_id in (select value from json_each(?2)) and tier in ('archive', 'restored')`,
      )
      .bind(this.#tenant, JSON.stringify(pack_ids))
      .all<Pick<TieredPack, "pack_id" | "size" | "tier" | "read_day"> & Stored>();
    return results;
  }

  settle(moved: readonly Moved[], now: number): Promise<void> {
    return new D1TierStore(this.#db, this.#tenant).settle(moved, now);
  }

  async again(...[content_id, attempts, error, next_at]: Parameters<UnarchivingStore["again"]>): Promise<void> {
    await this.#db
      .prepare(`update unarchivings set attempts = ?3, error = ?4, next_at = ?5 ${WHERE}`)
      .bind(this.#tenant, content_id, attempts, error, next_at)
      .run();
  }

  async end(content_id: string): Promise<void> {
    await this.#db.prepare(`delete from unarchivings ${WHERE}`).bind(this.#tenant, content_id).run();
  }
}

/** Contents of active tenants that are due. Only what waits and what is dead has a row. */
export async function findUnarchivings(
  db: D1Database,
  now: number,
): Promise<{ tenant_id: TenantId; content_id: string }[]> {
  const { results } = await db
    .prepare(
      `select u.tenant_id, u.content_id from unarchivings u
         cross join tenants t on t.tenant_id = u.tenant_id and t.state = 'active'
       where u.next_at <= ?1 limit ${CONTENTS}`,
    )
    .bind(now)
    .all<{ tenant_id: TenantId; content_id: string }>();
  return results;
}
