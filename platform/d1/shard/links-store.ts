/** What anonymous visitors need of a shard: a link, and what lies below a shared folder. Reads only. */
import { z } from "zod";
import { idSchema, type TenantId } from "../../../core/protocol/ids.ts";
import { type Link, type SharedFile, sharedFileSchema } from "../../../core/sharing/links.ts";
import { type Access, type Principal, requireRight } from "../../../core/sharing/rights.ts";
import { D1RightsStore, toAccess } from "./rights-store.ts";
import type { Stored } from "./rows.ts";

const FILE_COLUMNS = `f.file_id, f.name, f.is_folder, f.size, f.mime_type, f.version_id, f.content_hash, f.updated_at`;

/** Token, permission, file, manifest and the trash above it: one query. A tenant that moves away is not answered for. */
const SELECT_LINK = `
with recursive chain(file_id, parent_id, trashed_at) as (
  select f.file_id, f.parent_id, f.trashed_at from permissions p
    join files f on f.tenant_id = ?1 and f.file_id = p.file_id
    where p.tenant_id = ?1 and p.token = ?2 and p.kind = 'link'
  union all
  select f.file_id, f.parent_id, f.trashed_at from chain c cross join files f on f.tenant_id = ?1 and f.file_id = c.parent_id
)
select p.permission_id, p.permission, p.password_hash, p.max_downloads, p.expires_at, p.revoked_at,
  (select count(*) from chain where trashed_at is not null) as trashed, c.manifest, ${FILE_COLUMNS}
from permissions p
  join tenants t on t.tenant_id = ?1 and t.state = 'active'
  join files f on f.tenant_id = ?1 and f.file_id = p.file_id
  left join contents c on c.tenant_id = ?1 and c.content_id = f.content_id
where p.tenant_id = ?1 and p.token = ?2 and p.kind = 'link'`;

const SELECT_MANIFEST = `
select c.manifest from files f join contents c on c.tenant_id = ?1 and c.content_id = f.content_id
where f.tenant_id = ?1 and f.file_id = ?2`;

/** By name, from the index of names, so that a page costs its own rows however large the folder is. */
const SELECT_CHILDREN = `
select ${FILE_COLUMNS}, f.name_key from files f
where f.tenant_id = ?1 and f.parent_id = ?2 and f.trashed_at is null and f.name_key > ?3
order by f.name_key limit ?4`;

/** Items below a folder whose links are looked for. */
const BELOW_MAX = 5_000;

const SELECT_TOKENS = `
with recursive above(file_id, parent_id) as (
  select f.file_id, f.parent_id from json_each(?2) want cross join files f on f.tenant_id = ?1 and f.file_id = want.value
  union
  select f.file_id, f.parent_id from above a cross join files f on f.tenant_id = ?1 and f.file_id = a.parent_id
),
below(file_id) as (
  select value from json_each(?2)
  union
  select f.file_id from below b cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = b.file_id and f.trashed_at is null
  limit ${BELOW_MAX}
)
select p.token from (select file_id from above union select file_id from below) c
  cross join permissions p on p.tenant_id = ?1 and p.file_id = c.file_id
where p.kind = 'link' and p.revoked_at is null`;

const toSharedFile = (row: Stored): SharedFile => ({
  file_id: row.file_id as string,
  name: row.name as string,
  is_folder: row.is_folder === 1,
  size: row.size as number,
  mime_type: row.mime_type as string | null,
  version_id: row.version_id as string | null,
  content_hash: row.content_hash as string | null,
  updated_at: row.updated_at as number,
  manifest: (row.manifest ?? null) as string | null,
});

const sharedItemSchema = sharedFileSchema.omit({ manifest: true, content_hash: true, version_id: true });
export type SharedItem = z.infer<typeof sharedItemSchema>;

/** A folder inside a share. `path` begins at the shared folder itself: what lies above it is not the visitor's. */
export const sharedFolderSchema = z.object({
  path: z.array(z.object({ file_id: idSchema, name: z.string() })),
  items: z.array(sharedItemSchema),
  next_cursor: z.string().nullable(),
});
export type SharedFolder = z.infer<typeof sharedFolderSchema>;

const toItem = (row: Stored): SharedItem => {
  const { manifest: _manifest, content_hash: _hash, version_id: _version, ...item } = toSharedFile(row);
  return item;
};

/** Links whose cached answers can be dropped with one call; the others end by their age (L4). */
const TOKENS_MAX = 1_000;

/** Of a tenant's links that are not revoked. */
export async function openTokens(db: D1Database, tenant: TenantId): Promise<string[]> {
  const { results } = await db
    .prepare(
      `select token from permissions where tenant_id = ?1 and token is not null and revoked_at is null limit ${TOKENS_MAX}`,
    )
    .bind(tenant)
    .all<{ token: string }>();
  return results.map((row) => row.token);
}

export class D1LinksStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;
  readonly #rights: D1RightsStore;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
    this.#rights = new D1RightsStore(db, tenant);
  }

  async find(token: string): Promise<Link | null> {
    const row = await this.#db.prepare(SELECT_LINK).bind(this.#tenant, token).first<Stored>();
    if (row === null) return null;
    return {
      tenant_id: this.#tenant,
      token,
      permission_id: row.permission_id as string,
      permission: row.permission as Link["permission"],
      password_hash: row.password_hash as string | null,
      max_downloads: row.max_downloads as number | null,
      expires_at: row.expires_at as number | null,
      revoked_at: row.revoked_at as number | null,
      trashed: row.trashed !== 0,
      file: toSharedFile(row),
    };
  }

  /** A file inside what the link shares. Throws `not_found` for everything else. */
  async file(permission_id: string, file_id: string): Promise<SharedFile> {
    const manifest = this.#db.prepare(SELECT_MANIFEST).bind(this.#tenant, file_id);
    const { access, rows } = await this.#inside(permission_id, file_id, manifest);
    return { ...access.file, manifest: (rows[0]?.manifest ?? null) as string | null };
  }

  /** A page of a folder inside what the link shares. @param after `next_cursor` of the page before */
  async folder(link: Link, folder_id: string, after: string, limit: number): Promise<SharedFolder> {
    const children = this.#db.prepare(SELECT_CHILDREN).bind(this.#tenant, folder_id, after, limit + 1);
    const { access, rows } = await this.#inside(link.permission_id, folder_id, children);
    const root = access.chain.findIndex((f) => f.file_id === link.file.file_id);
    const path = access.chain.slice(0, root + 1).toReversed();
    const page = rows.slice(0, limit);
    return {
      path: path.map(({ file_id, name }) => ({ file_id, name })),
      items: page.map(toItem),
      next_cursor: rows.length > limit ? (page.at(-1)?.name_key as string) : null,
    };
  }

  /** Links that show any of these files or what lies below them: on the files themselves, above and below. */
  async tokensReaching(file_ids: string[]): Promise<string[]> {
    const { results } = await this.#db
      .prepare(SELECT_TOKENS)
      .bind(this.#tenant, JSON.stringify(file_ids))
      .all<{ token: string }>();
    return [...new Set(results.map((row) => row.token))];
  }

  /** Rights and rows in one round trip; the rows are nobody's before the rights are known. */
  async #inside(
    permission_id: string,
    file_id: string,
    more: D1PreparedStatement,
  ): Promise<{ access: Access; rows: Stored[] }> {
    const principal: Principal = { kind: "link", permission_id };
    const [rights, rows] = await this.#db.batch<Stored>([this.#rights.statement(principal, file_id), more]);
    const row = (rights as D1Result<Stored>).results[0];
    const found = { find: async () => (row === undefined ? null : toAccess(row)) };
    const access = await requireRight(found, principal, file_id, "view");
    return { access, rows: (rows as D1Result<Stored>).results };
  }
}
