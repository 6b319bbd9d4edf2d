import { newId } from "../../core/protocol/ids.ts";
import { D1UnarchivingStore } from "../../platform/d1/shard/unarchiving-store.ts";
import { MemoryTierStore } from "../support/memory/tier-store.ts";
import { MemoryUnarchivingStore } from "../support/memory/unarchiving-store.ts";
import { DriveFixture } from "../support/workerd/drive-fixture.ts";
import { unarchivingStoreContract } from "./unarchiving-store.ts";

unarchivingStoreContract("D1", async () => {
  const drive = await DriveFixture.create();
  return {
    store: new D1UnarchivingStore(drive.shard, drive.tenant),
    id: () => drive.id(),
    addContent: async (content_id, manifest) =>
      void (await drive.shard
        .prepare("insert into contents (tenant_id, content_id, size, manifest, created_at) values (?1, ?2, 100, ?3, 1)")
        .bind(drive.tenant, content_id, manifest)
        .run()),
  };
});

unarchivingStoreContract("memory", async () => {
  const manifests = new Map<string, string>();
  return {
    store: new MemoryUnarchivingStore(new MemoryTierStore(), manifests),
    id: () => newId(7, 1),
    addContent: async (content_id, manifest) => void manifests.set(content_id, manifest),
  };
});
