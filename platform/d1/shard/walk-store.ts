import type { FileRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import type { Access, Principal } from "../../../core/sharing/rights.ts";
import type { Places, WalkStore } from "../../../core/sync/walk.ts";
import { accessesOf, manyStatement } from "./rights-store.ts";
import { type Stored, toFile } from "./rows.ts";

/** The living file that comes next in a folder, by the index of names. */
const next = (folder_id: string, after: string): string =>
  `(select n.file_id from files n indexed by files_name where n.tenant_id = ?1 and n.parent_id = ${folder_id}
      and n.name_key > ${after} and n.trashed_at is null order by n.name_key limit 1)`;

/**
 * From each file to its next sibling and to its first child, the deepest first: what waits is one file for each level, so
 * a page costs what it has, wherever it begins and however wide the folders are.
 */
const SELECT_PAGE = `
with recursive walk as (
  select place.key as level, f.* from json_each(?2) place cross join files f on f.tenant_id = ?1
    and f.file_id = ${next("place.value ->> '$[0]'", "place.value ->> '$[1]'")}
  union all
  select w.level, f.* from walk w cross join files f on f.tenant_id = ?1
    and f.file_id = ${next("w.parent_id", "w.name_key")}
  union all
  select w.level + 1, f.* from walk w cross join files f on f.tenant_id = ?1
    and w.is_folder = 1 and f.file_id = ${next("w.file_id", "''")}
  order by 1 desc limit ?3
)
select * from walk`;

export class D1WalkStore implements WalkStore {
  readonly #db: D1Database;
  readonly #tenant: TenantId;

  constructor(db: D1Database, tenant: TenantId) {
    this.#db = db;
    this.#tenant = tenant;
  }

  async page(
    principal: Principal,
    places: Places,
    limit: number,
  ): Promise<{ accesses: Map<string, Access>; rows: { level: number; file: FileRow }[] }> {
    const folder_ids = places.map(([folder_id]) => folder_id);
    const [nodes, files] = await this.#db.batch<Stored>([
      manyStatement(this.#db, principal, folder_ids),
      this.#db.prepare(SELECT_PAGE).bind(this.#tenant, JSON.stringify(places), limit),
    ]);
    return {
      accesses: accessesOf(nodes?.results ?? [], folder_ids),
      rows: (files?.results ?? []).map(({ level, ...row }) => ({ level: level as number, file: toFile(row) })),
    };
  }
}
