import { env } from "cloudflare:workers";
import { newId, newTenantId } from "../../core/protocol/ids.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { D1ExpiryStore } from "../../platform/d1/shard/expiry-store.ts";
import { provisionTenant } from "../../platform/d1/shard/provision.ts";
import { D1UploadStore } from "../../platform/d1/shard/upload-store.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { MemoryUploadStore } from "../support/memory/upload-store.ts";
import { uploadStoreContract } from "./upload-store.ts";

const shard = (env as unknown as Record<string, D1Database>).SHARD_00!;

uploadStoreContract("D1", async () => {
  // The sweep looks at all tenants of a shard.
  await shard.prepare("delete from uploads").run();
  const tenant = newTenantId();
  const root = newId(tenant, Date.now());
  await provisionTenant(shard, { tenant_id: tenant, name: "Test", plan: "standard", storage_bytes: 1000 }, root, 1);
  const set = async (state: string): Promise<void> =>
    void (await shard.prepare("update tenants set state = ?2 where tenant_id = ?1").bind(tenant, state).run());
  return {
    store: new D1DriveStore(shard, tenant, root),
    uploads: new D1UploadStore(shard, tenant),
    expiry: new D1ExpiryStore(shard),
    root,
    suspend: () => set("moving"),
    end: () => set("deleted"),
  };
});

uploadStoreContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  const uploads = new MemoryUploadStore(store);
  const suspend = async () => store.interfere((state) => void (state.tenant_state = "moving"));
  const end = async () => store.interfere((state) => void (state.tenant_state = "deleted"));
  return { store, uploads, expiry: uploads, root, suspend, end };
});
