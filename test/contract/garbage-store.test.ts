import { newId } from "../../core/protocol/ids.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { MemoryGarbageStore } from "../support/memory/garbage-store.ts";
import { DriveFixture } from "../support/workerd/drive-fixture.ts";
import { garbageStoreContract } from "./garbage-store.ts";

garbageStoreContract("D1", async () => {
  const { tenant, shard, root } = await DriveFixture.create();
  const set = async (state: string): Promise<void> =>
    void (await shard.prepare("update tenants set state = ?2 where tenant_id = ?1").bind(tenant, state).run());
  return {
    store: new D1DriveStore(shard, tenant, root),
    garbage: new D1GarbageStore(shard, tenant),
    root,
    suspend: () => set("moving"),
    end: () => set("deleted"),
  };
});

garbageStoreContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  return {
    store,
    garbage: new MemoryGarbageStore(store),
    root,
    suspend: async () => store.interfere((state) => (state.tenant_state = "moving")),
    end: async () => store.interfere((state) => (state.tenant_state = "deleted")),
  };
});
