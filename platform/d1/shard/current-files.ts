import type { FileRow } from "../../../core/files/model.ts";
import type { TenantId } from "../../../core/protocol/ids.ts";
import { type Stored, toFile } from "./rows.ts";

export interface CurrentFiles {
  /** The drive's newest sequence number when the files were read: one state of both. */
  seq: number;
  files: Map<string, { file: FileRow; manifest: string | null }>;
}

/** Files of a drive as they are now, with where their bytes lie. What is purged is missing. */
export async function currentFiles(
  db: D1Database,
  tenant: TenantId,
  drive_id: string,
  file_ids: Iterable<string>,
): Promise<CurrentFiles> {
  const [drives, files] = await db.batch<Stored>([
    db.prepare("select seq from drives where tenant_id = ?1 and drive_id = ?2").bind(tenant, drive_id),
    db
      .prepare(
        `select f.*, c.manifest from json_each(?2) want
           cross join files f on f.tenant_id = ?1 and f.file_id = want.value
           left join contents c on c.tenant_id = ?1 and c.content_id = f.content_id`,
      )
      .bind(tenant, JSON.stringify([...new Set(file_ids)])),
  ]);
  return {
    seq: (drives?.results[0]?.seq as number | undefined) ?? 0,
    files: new Map(
      (files?.results ?? []).map(({ manifest, ...row }) => {
        const file = toFile(row);
        return [file.file_id, { file, manifest: manifest as string | null }];
      }),
    ),
  };
}

/** Which of these ids still are files. */
export async function existing(db: D1Database, tenant: TenantId, file_ids: string[]): Promise<Set<string>> {
  const { results } = await db
    .prepare(
      `select f.file_id from json_each(?2) want cross join files f on f.tenant_id = ?1 and f.file_id = want.value`,
    )
    .bind(tenant, JSON.stringify(file_ids))
    .all<{ file_id: string }>();
  return new Set(results.map((row) => row.file_id));
}
