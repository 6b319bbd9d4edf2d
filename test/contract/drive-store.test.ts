import { env } from "cloudflare:workers";
import { newId, newTenantId } from "../../core/protocol/ids.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { provisionTenant } from "../../platform/d1/shard/provision.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { driveStoreContract } from "./drive-store.ts";

const shard = (env as unknown as Record<string, D1Database>).SHARD_00!;

driveStoreContract("D1", async () => {
  const tenant = newTenantId();
  const root = newId(tenant, Date.now());
  await provisionTenant(shard, { tenant_id: tenant, name: "Test", plan: "standard", storage_bytes: 1000 }, root, 1);
  const suspend = async (): Promise<void> =>
    void (await shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(tenant).run());
  return { store: new D1DriveStore(shard, tenant, root), root, suspend };
});

driveStoreContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  return { store, root, suspend: async () => store.interfere((state) => (state.tenant_state = "moving")) };
});
