/** The end of deleted tenants. docs/spec/identity.md, I15. */
import { eraseTenant } from "../../core/erasure/erase.ts";
import { scopePrefix } from "../../core/backup/names.ts";
import { runKey } from "../../core/compaction/run-state.ts";
import { stateKey } from "../../core/garbage/round-state.ts";
import { type Erasing, noteErased, tenantsToErase } from "../../platform/d1/directory/erasure.ts";
import { D1ErasureStore } from "../../platform/d1/shard/erasure-store.ts";
import type { Context } from "./context.ts";

/** Of 2,000 rows of a table each, of one tenant in one tick; the rest is the next tick's. */
const PAGES = 20;

export async function runEraseTenants(context: Context): Promise<void> {
  for (const erasing of await tenantsToErase(context.env.DIRECTORY))
    try {
      await erase(context, erasing);
    } catch (error) {
      // One that fails holds up none of the others; the next tick tries again.
      console.error({ message: "a tenant could not be erased", tenant_id: erasing.tenant_id, error: String(error) });
    }
}

function erase(context: Context, erasing: Erasing): Promise<boolean> {
  const { tenant_id, shard } = erasing;
  const { env, engine, keys, derived } = context;
  const db = context.shards.shards.get(shard);
  if (db === undefined) throw new Error("no such shard");
  return eraseTenant(
    {
      tenant_id,
      store: new D1ErasureStore(db, tenant_id),
      bury: () => context.tombstones.add(tenant_id),
      forgetKeys: () => keys.copies.forget(tenant_id),
      async eraseDrive(drive_id) {
        await env.SEARCH_INDEX.get(env.SEARCH_INDEX.idFromName(drive_id)).erase();
        await context.hub(drive_id).erase();
      },
      async deleteObjects() {
        const states = [stateKey(tenant_id), runKey(tenant_id)];
        const backups = await engine.objects.list(scopePrefix(tenant_id));
        await engine.objects.delete([...states, ...backups, ...(await engine.objects.list(`${tenant_id}/`))]);
        await derived.forgetTenant(tenant_id);
      },
      finish: () => noteErased(env.DIRECTORY, erasing, context.now()),
    },
    PAGES,
  );
}
