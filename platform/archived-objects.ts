/**
 * The object store as jobs see it: what R2 does not have is read from its tenant's archive, and what is deleted is deleted
 * there too. People wait for a restore instead. docs/spec/tiers.md, TI20.
 */
import type { TenantId } from "../core/protocol/ids.ts";
import type { ObjectStore } from "../core/storage/ports.ts";
import type { ArchiveBucket } from "../core/tiers/ports.ts";

/** Those of tenants. */
interface Archives {
  of(tenant_id: TenantId): Promise<Pick<ArchiveBucket, "get" | "delete"> | null>;
}

/** Of packs only: nothing else is ever archived. */
const PACK_KEY = /^(\d+)\/[0-9a-f]{48}$/;

const tenantOfKey = (key: string): TenantId | null => {
  const tenant = PACK_KEY.exec(key)?.[1];
  return tenant === undefined ? null : Number(tenant);
};

export function withArchives(store: ObjectStore, archives: Archives): ObjectStore {
  return {
    put: (...args) => store.put(...args),
    list: (...args) => store.list(...args),
    createMultipart: (...args) => store.createMultipart(...args),
    uploadPart: (...args) => store.uploadPart(...args),
    completeMultipart: (...args) => store.completeMultipart(...args),
    abortMultipart: (...args) => store.abortMultipart(...args),
    async get(key, offset, length) {
      const found = await store.get(key, offset, length);
      const tenant = found === null ? tenantOfKey(key) : null;
      if (tenant === null) return found;
      return (await (await archives.of(tenant))?.get(key, offset, length)) ?? null;
    },
    async delete(keys) {
      await store.delete(keys);
      for (const [tenant, its] of Map.groupBy(keys, tenantOfKey)) {
        if (tenant === null) continue;
        try {
          await (await archives.of(tenant))?.delete(its);
        } catch (error) {
          // A bucket of somebody else holds up no round of ours; tombstones are deleted again for 30 days (G6).
          console.error({ message: "an archive did not delete", tenant_id: tenant, error: String(error) });
        }
      }
    },
  };
}
