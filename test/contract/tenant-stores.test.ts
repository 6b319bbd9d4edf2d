import { newId } from "../../core/protocol/ids.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { D1KeyStore } from "../../platform/d1/shard/key-store.ts";
import { D1RetentionStore } from "../../platform/d1/shard/retention-store.ts";
import { D1RightsStore } from "../../platform/d1/shard/rights-store.ts";
import { D1RotationStore } from "../../platform/d1/shard/rotation-store.ts";
import { ShardMap } from "../../platform/d1/shard-map.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { MemoryKeys, MemoryRotation } from "../support/memory/engine.ts";
import { MemoryRetentionStore } from "../support/memory/retention-store.ts";
import { MemoryRightsStore } from "../support/memory/rights-store.ts";
import { bindings, DriveFixture } from "../support/workerd/drive-fixture.ts";
import { tenantStoresContract } from "./tenant-stores.ts";

tenantStoresContract("D1", async () => {
  const { tenant, shard, root } = await DriveFixture.create();
  return {
    store: new D1DriveStore(shard, tenant, root),
    rights: new D1RightsStore(shard, tenant),
    retention: new D1RetentionStore(shard, tenant),
    rotation: new D1RotationStore(shard),
    keys: new D1KeyStore(new ShardMap(bindings.DIRECTORY!, new Map([["SHARD_00", shard]]))),
    root,
    suspend: async () =>
      void (await shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(tenant).run()),
  };
});

tenantStoresContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  const keys = new MemoryKeys();
  const policy = { version_days: 30, version_count: 30, trash_days: 30 };
  return {
    store,
    rights: new MemoryRightsStore(store, () => Date.now()),
    retention: new MemoryRetentionStore(store, policy),
    keys,
    rotation: new MemoryRotation(keys, 500),
    root,
    suspend: async () => {
      store.interfere((state) => (state.tenant_state = "moving"));
      keys.is_closed = true;
    },
  };
});
