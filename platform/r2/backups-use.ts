/** Backups by the keys that wrap theirs: each needs it until it is too old. docs/spec/durability.md, BK2 and BK12. */
import { type Scope, scopePrefix } from "../../core/backup/names.ts";
import type { MasterUse } from "../../core/keys/retire.ts";
import { orUnavailable } from "../../core/storage/deadline.ts";
import type { TenantId } from "../../core/protocol/ids.ts";

async function countBackups(bucket: R2Bucket, scope: Scope, name: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let cursor: string | undefined;
  do {
    const asked = bucket.list({ prefix: scopePrefix(scope), include: ["customMetadata"], cursor });
    const page: R2Objects = await orUnavailable(asked);
    for (const { customMetadata } of page.objects) {
      const version = customMetadata?.[name];
      if (version !== undefined) counts.set(version, (counts.get(version) ?? 0) + 1);
    }
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return counts;
}

/** The directory's, by master. */
export const backupsUse = (bucket: R2Bucket): MasterUse => ({
  place: "backups",
  count: () => countBackups(bucket, "directory", "master_version"),
});

/** A tenant's, by the version of its key. */
export const tenantBackups = async (bucket: R2Bucket, tenant_id: TenantId): Promise<Map<number, number>> =>
  new Map([...(await countBackups(bucket, tenant_id, "key_version"))].map(([version, n]) => [Number(version), n]));
