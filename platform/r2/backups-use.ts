import { scopePrefix } from "../../core/backup/names.ts";
import type { MasterUse } from "../../core/keys/retire.ts";

/** Backups of the directory, by the master that wraps their keys: each needs it until it is too old (BK2, BK12). */
export const backupsUse = (bucket: R2Bucket): MasterUse => ({
  place: "backups",
  async count() {
    const counts = new Map<string, number>();
    let cursor: string | undefined;
    do {
      const page: R2Objects = await bucket.list({
        prefix: scopePrefix("directory"),
        include: ["customMetadata"],
        cursor,
      });
      for (const { customMetadata } of page.objects) {
        const version = customMetadata?.master_version;
        if (version !== undefined) counts.set(version, (counts.get(version) ?? 0) + 1);
      }
      cursor = page.truncated ? page.cursor : undefined;
    } while (cursor !== undefined);
    return counts;
  },
});
