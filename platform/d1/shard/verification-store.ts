/** Verifications that wait. docs/spec/storage.md, S5 to S7. */
import { NEVER } from "../../../core/events/consume.ts";
import type { DriveKey } from "../../../core/events/wake.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Due, VerificationStore } from "../../../core/verification/ports.ts";
import { IS_GARBAGE } from "./content-life.ts";
import type { Stored } from "./rows.ts";

/** Drives woken with one tick of the cron. */
const DRIVES = 1000;

const SELECT_DUE = `
select w.content_id, w.declared_hash, w.hashed_bytes, w.state, w.attempts, w.error, w.next_at,
  c.content_hash, c.size, c.manifest
from verifications w left join contents c on c.tenant_id = ?1 and c.content_id = w.content_id and not ${IS_GARBAGE}
where w.tenant_id = ?1 and w.drive_id = ?2 and w.next_at <= ?3 order by w.next_at limit ?4`;

const WHERE = "where tenant_id = ?1 and drive_id = ?2 and content_id = ?3";

export class D1VerificationStore implements VerificationStore {
  readonly #db: D1Database;
  readonly #key: [TenantId, string];

  constructor(db: D1Database, tenant_id: TenantId, drive_id: string) {
    this.#db = db;
    this.#key = [tenant_id, drive_id];
  }

  async due(now: number, limit: number): Promise<Due[]> {
    const { results } = await this.#db
      .prepare(SELECT_DUE)
      .bind(...this.#key, now, limit)
      .all<Omit<Due, "content"> & Partial<Due["content"]> & Stored>();
    return results.map(({ content_hash, size, manifest, ...row }) => ({
      ...row,
      content: manifest === null ? null : ({ content_hash, size, manifest } as Due["content"]),
    }));
  }

  async claim({ content_id, hashed_bytes, attempts, next_at }: Due, until: number): Promise<boolean> {
    const claimed = await this.#db
      .prepare(
        `update verifications set attempts = attempts + 1, next_at = ?4
         ${WHERE} and hashed_bytes = ?5 and attempts = ?6 and next_at = ?7 returning 1`,
      )
      .bind(...this.#key, content_id, until, hashed_bytes, attempts, next_at)
      .first();
    return claimed !== null;
  }

  async save(...[content_id, { hashed_bytes, state }, now]: Parameters<VerificationStore["save"]>): Promise<void> {
    await this.#db
      .prepare(
        `update verifications set hashed_bytes = ?4, state = ?5, attempts = 0, error = null, next_at = ?6
         ${WHERE} and hashed_bytes < ?4`,
      )
      .bind(...this.#key, content_id, hashed_bytes, state, now)
      .run();
  }

  async fail(content_id: string, error: string, next_at: number): Promise<void> {
    await this.#db
      .prepare(`update verifications set error = ?4, next_at = ?5 ${WHERE}`)
      .bind(...this.#key, content_id, error, next_at)
      .run();
  }

  async end(content_id: string): Promise<void> {
    await this.#db
      .prepare(`delete from verifications ${WHERE}`)
      .bind(...this.#key, content_id)
      .run();
  }
}

/** Drives of active tenants with something that has been due since `before`. Only what waits and what is dead has a row. */
export async function findUnverified(db: D1Database, before: number): Promise<DriveKey[]> {
  const { results } = await db
    .prepare(
      `select distinct v.tenant_id, v.drive_id from verifications v
         cross join tenants t on t.tenant_id = v.tenant_id and t.state = 'active'
       where v.next_at <= ?1 limit ${DRIVES}`,
    )
    .bind(before)
    .all<DriveKey & Stored>();
  return results;
}

/** How many of a shard wait, and how many are dead. */
export async function countVerifications(db: D1Database): Promise<{ waiting: number; dead: number }> {
  const row = await db
    .prepare("select count(*) as count, coalesce(sum(next_at = ?1), 0) as dead from verifications")
    .bind(NEVER)
    .first<{ count: number; dead: number }>();
  const { count, dead } = row as { count: number; dead: number };
  return { waiting: count - dead, dead };
}
