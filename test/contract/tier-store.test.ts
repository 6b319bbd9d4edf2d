import { D1TierStore, noteReads } from "../../platform/d1/shard/tier-store.ts";
import { MemoryTierStore } from "../support/memory/tier-store.ts";
import { DriveFixture } from "../support/workerd/drive-fixture.ts";
import { tierStoreContract } from "./tier-store.ts";

tierStoreContract("D1", async () => {
  const { tenant, shard } = await DriveFixture.create();
  const run = (sql: string, ...args: unknown[]) =>
    shard
      .prepare(sql)
      .bind(tenant, ...args)
      .run();
  return {
    tiers: new D1TierStore(shard, tenant),
    add: async ({ pack_id, state, size, created_at }) =>
      void (await run(
        `insert into packs (tenant_id, pack_id, state, size, key_version, created_at) values (?1, ?2, ?3, ?4, 1, ?5)`,
        pack_id,
        state,
        size,
        created_at,
      )),
    note: (pack_ids, day) => noteReads(shard, tenant, pack_ids, day),
    setState: async (pack_id, state) =>
      void (await run("update packs set state = ?3 where tenant_id = ?1 and pack_id = ?2", pack_id, state)),
    suspend: async () => void (await run("update tenants set state = 'moving' where tenant_id = ?1")),
  };
});

tierStoreContract("memory", async () => {
  const tiers = new MemoryTierStore();
  return {
    tiers,
    add: async (pack) => tiers.add(pack),
    note: async (pack_ids, day) => tiers.note(pack_ids, day),
    setState: async (pack_id, state) => tiers.add({ ...tiers.packs.get(pack_id)!, state }),
    suspend: async () => void (tiers.isActive = false),
  };
});
