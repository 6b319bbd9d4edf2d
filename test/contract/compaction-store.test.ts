import { newId } from "../../core/protocol/ids.ts";
import { D1CompactionStore } from "../../platform/d1/shard/compaction-store.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { D1KeyUse } from "../../platform/d1/shard/key-use.ts";
import { MemoryCompactionStore } from "../support/memory/compaction-store.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { MemoryGarbageStore } from "../support/memory/garbage-store.ts";
import { DriveFixture } from "../support/workerd/drive-fixture.ts";
import { compactionStoreContract } from "./compaction-store.ts";

compactionStoreContract("D1", async () => {
  const { tenant, shard, root } = await DriveFixture.create();
  return {
    store: new D1DriveStore(shard, tenant, root),
    garbage: new D1GarbageStore(shard, tenant),
    compaction: new D1CompactionStore(shard, tenant),
    root,
    rewriteBelow: (version) => new D1KeyUse(shard, tenant).order(version),
    suspend: async () =>
      void (await shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(tenant).run()),
  };
});

compactionStoreContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  const garbage = new MemoryGarbageStore(store);
  const compaction = new MemoryCompactionStore(store, garbage);
  return {
    store,
    garbage,
    compaction,
    root,
    rewriteBelow: async (version) => void (compaction.rewrite_below = version),
    suspend: async () => store.interfere((s) => (s.tenant_state = "moving")),
  };
});
