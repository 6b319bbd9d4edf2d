/** A tenant's bytes under its newest key: the order, and how far it is. docs/spec/storage.md, K10. */
import type { Context, Hono } from "hono";
import type { CleanupJob } from "../../../core/events/wake.ts";
import { TENANT_TTL } from "../../../core/keys/ring.ts";
import { orderRewriting, reportRewriting } from "../../../core/keys/rewriting.ts";
import { orUnavailable } from "../../../core/storage/deadline.ts";
import { D1KeyUse } from "../../../platform/d1/shard/key-use.ts";
import type { TenantPlace } from "../../../platform/d1/shard-map.ts";
import { tenantBackups } from "../../../platform/r2/backups-use.ts";
import type { AppEnv } from "../types.ts";
import { tenantOfPath } from "./operator-restore.ts";

const report = (c: Context<AppEnv>, { db, tenant_id }: TenantPlace) =>
  reportRewriting({
    store: new D1KeyUse(db, tenant_id),
    backups: () => tenantBackups(c.env.BLOBS, tenant_id),
    now: c.var.app.keys.now,
  });

export function rewriteRoutes(root: Hono<AppEnv>): void {
  root.get("/operator/keys/tenants/:tenant_id", async (c) => c.json(await report(c, await tenantOfPath(c))));

  root.post("/operator/keys/tenants/:tenant_id/rewrite", async (c) => {
    const place = await tenantOfPath(c);
    const { db, tenant_id, shard } = place;
    const newest = await orderRewriting(new D1KeyUse(db, tenant_id));
    // Isolates that remember an older key have forgotten it by then.
    const wait = newest.created_at + TENANT_TTL - c.var.app.keys.now();
    const options = { delaySeconds: Math.max(0, Math.ceil(wait / 1000)) };
    await orUnavailable(c.env.CLEANUP.send({ job: "compact", shard, tenant_id } satisfies CleanupJob, options));
    return c.json(await report(c, place), 202);
  });
}
