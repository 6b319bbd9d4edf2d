/** What archives read of a shard: pages of many folders in one query, manifests in another. */
import type { ArchiveItem, ArchiveStore, FolderPage } from "../../../core/archive/ports.ts";
import type { FileRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";

/** A page of each folder from the index of names, so that it costs its own rows; one more tells whether there is more. */
const SELECT_CHILDREN = `
select (
  select json_group_array(json_array(file_id, name, is_folder, size, content_id, modified_at, name_key) order by name_key)
  from (
    select file_id, name, is_folder, size, content_id, coalesce(modified_at, updated_at) as modified_at, name_key
    from files indexed by files_name
    where tenant_id = ?1 and parent_id = want.value ->> '$.folder_id' and trashed_at is null
      and name_key > want.value ->> '$.after'
    order by name_key limit ?3 + 1)) as rows
from json_each(?2) want order by want.key`;

const SELECT_MANIFESTS = `
select c.content_id, c.manifest from json_each(?2) want
  cross join contents c on c.tenant_id = ?1 and c.content_id = want.value`;

type Row = [
  file_id: string,
  name: string,
  is_folder: number,
  size: number,
  content_id: string | null,
  modified_at: number,
  name_key: string,
];

const toItem = ([file_id, name, is_folder, size, content_id, modified_at]: Row): ArchiveItem => ({
  file_id,
  name,
  is_folder: is_folder === 1,
  size,
  content_id,
  modified_at,
});

/** An item of a selection. */
export const itemOf = (file: FileRow): ArchiveItem => ({ ...file, modified_at: file.modified_at ?? file.updated_at });

export class D1ArchiveStore implements ArchiveStore {
  readonly #db: D1Database;
  readonly tenant_id: TenantId;

  constructor(db: D1Database, tenant_id: TenantId) {
    this.#db = db;
    this.tenant_id = tenant_id;
  }

  async children(
    wanted: readonly FolderPage[],
    per_folder: number,
  ): Promise<{ items: ArchiveItem[]; next: string | null }[]> {
    const { results } = await this.#db
      .prepare(SELECT_CHILDREN)
      .bind(this.tenant_id, JSON.stringify(wanted), per_folder)
      .all<{ rows: string }>();
    return results.map(({ rows: text }) => {
      const rows = JSON.parse(text) as Row[];
      const page = rows.slice(0, per_folder);
      return { items: page.map(toItem), next: rows.length > per_folder ? (page.at(-1) as Row)[6] : null };
    });
  }

  async manifests(content_ids: readonly string[]): Promise<Map<string, string>> {
    const { results } = await this.#db
      .prepare(SELECT_MANIFESTS)
      .bind(this.tenant_id, JSON.stringify([...new Set(content_ids)]))
      .all<{ content_id: string; manifest: string }>();
    return new Map(results.map(({ content_id, manifest }) => [content_id, manifest]));
  }
}
