/** Contents of a tenant that hold the same bytes. docs/spec/storage.md, S8 and S9. */
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { EqualContents, VerifiedContent } from "../../../core/verification/ports.ts";
import { someNotLive } from "./content-life.ts";

/** Contents looked at by one statement. */
const PAGE = 1000;
/** Equal contents joined at a time. */
const EQUALS = 50;

/** The index knows current contents only; one of them per content is enough, and a popular one has thousands. */
const SELECT_EQUAL = `
select c.content_id, c.content_hash, c.size, c.manifest
from (select distinct content_id from files indexed by files_content
    where tenant_id = ?1 and content_hash = ?2 and size = ?3 limit ${EQUALS}) f
  cross join contents c on c.tenant_id = ?1 and c.content_id = f.content_id
where c.content_hash = ?2 and c.size = ?3`;

const SELECT_TWINS = `
with page as materialized (
  select content_id, content_hash, size from contents
  where tenant_id = ?1 and content_id > ?2 and content_id < ?3 order by content_id limit ${PAGE}
)
select p.content_id, p.content_hash, p.size, c.manifest
from page p cross join contents c on c.tenant_id = ?1 and c.content_id = p.content_id
where p.size > 0 and exists (
  select 1 from files f indexed by files_content
  where f.tenant_id = ?1 and f.content_hash = p.content_hash and f.size = p.size and f.content_id <> p.content_id)
order by p.content_id`;

const SELECT_LAST = `
select content_id from (
  select content_id from contents where tenant_id = ?1 and content_id > ?2 and content_id < ?3
  order by content_id limit ${PAGE})
order by content_id desc limit 1`;

/** All conditions in one statement: what was read is still so, or nothing is changed. */
const REPOINT = `
update contents set manifest = ?6
where tenant_id = ?1 and content_id = ?2 and content_hash = ?3 and size = ?4 and manifest = ?5
  and exists (select 1 from contents k where k.tenant_id = ?1 and k.content_id = ?7
    and k.content_hash = ?3 and k.size = ?4 and k.manifest = ?6)
  and not ${someNotLive("?8")}
returning 1`;

export class D1EqualContents implements EqualContents {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async find(content_hash: string, size: number): Promise<VerifiedContent[]> {
    const { results } = await this.#db
      .prepare(SELECT_EQUAL)
      .bind(this.#tenant, content_hash, size)
      .all<VerifiedContent & Record<string, unknown>>();
    return results;
  }

  async repoint(content: VerifiedContent, kept: VerifiedContent, packs: readonly string[]): Promise<boolean> {
    const { content_id, content_hash, size, manifest } = content;
    const row = await this.#db
      .prepare(REPOINT)
      .bind(
        this.#tenant,
        content_id,
        content_hash,
        size,
        manifest,
        kept.manifest,
        kept.content_id,
        JSON.stringify(packs),
      )
      .first();
    return row !== null;
  }

  /** Up to where the tenant's contents were compared; null when there is no such tenant. */
  async mark(): Promise<string | null> {
    return this.#db
      .prepare("select joined_content from tenants where tenant_id = ?1 and state = 'active'")
      .bind(this.#tenant)
      .first<string>("joined_content");
  }

  async moveMark(content_id: string): Promise<void> {
    await this.#db
      .prepare("update tenants set joined_content = ?2 where tenant_id = ?1 and joined_content < ?2")
      .bind(this.#tenant, content_id)
      .run();
  }

  /** A page of contents between two ids: those that some file's current content equals, in order. `last` is null at the end. */
  async twins(after: string, before: string): Promise<{ twins: VerifiedContent[]; last: string | null }> {
    const range = [this.#tenant, after, before] as const;
    const [twins, last] = await this.#db.batch([
      this.#db.prepare(SELECT_TWINS).bind(...range),
      this.#db.prepare(SELECT_LAST).bind(...range),
    ]);
    return {
      twins: (twins as D1Result<VerifiedContent>).results,
      last: (last as D1Result<{ content_id: string }>).results[0]?.content_id ?? null,
    };
  }
}
