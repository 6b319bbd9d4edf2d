import { newId } from "../../core/protocol/ids.ts";
import { D1DriveStore } from "../../platform/d1/shard/drive-store.ts";
import { D1Findings } from "../../platform/d1/shard/findings.ts";
import { D1GarbageStore } from "../../platform/d1/shard/garbage-store.ts";
import { D1ScrubStore } from "../../platform/d1/shard/scrub-store.ts";
import { MemoryDriveStore } from "../support/memory/drive-store.ts";
import { MemoryGarbageStore } from "../support/memory/garbage-store.ts";
import { MemoryScrubStore } from "../support/memory/scrub-store.ts";
import { DriveFixture } from "../support/workerd/drive-fixture.ts";
import { scrubStoreContract } from "./scrub-store.ts";

interface Row {
  kind: string;
  pack_id: string;
  detail: string;
  files: string | null;
}

const shown = ({ kind, pack_id, detail, files }: Row): string => `${kind} ${pack_id[0]} ${detail} ${files}`;

scrubStoreContract("D1", async () => {
  const { tenant, shard, root } = await DriveFixture.create();
  return {
    store: new D1DriveStore(shard, tenant, root),
    garbage: new D1GarbageStore(shard, tenant),
    scrub: new D1ScrubStore(shard, tenant),
    findings: new D1Findings(shard, tenant),
    root,
    stored: async () => {
      const rows = await shard.prepare("select * from findings where tenant_id = ?1").bind(tenant).all<never>();
      return rows.results.map(shown);
    },
    suspend: async () =>
      void (await shard.prepare("update tenants set state = 'moving' where tenant_id = ?1").bind(tenant).run()),
  };
});

scrubStoreContract("memory", async () => {
  const root = newId(7, 1);
  const store = new MemoryDriveStore(7, root, 1000, 1);
  const scrub = new MemoryScrubStore(store);
  return {
    store,
    garbage: new MemoryGarbageStore(store),
    scrub,
    findings: scrub,
    root,
    stored: async () =>
      [...scrub.findings.values()].map((row) => shown({ ...row, files: row.files && JSON.stringify(row.files) })),
    suspend: async () => store.interfere((state) => (state.tenant_state = "moving")),
  };
});
