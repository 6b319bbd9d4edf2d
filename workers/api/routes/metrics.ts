import type { Hono } from "hono";
import { newestBackup } from "../../../core/backup/plan.ts";
import { TIERS } from "../../../core/tiers/ports.ts";
import { sumTiers } from "../../../platform/d1/shard/tier-store.ts";
import { countVerifications } from "../../../platform/d1/shard/verification-store.ts";
import { requireOperator } from "../middleware/operator.ts";
import { D1StoreRecord } from "../../../platform/d1/directory/store-record.ts";
import { storeLines } from "../store-metrics.ts";
import { countFindings } from "../../../platform/d1/shard/findings.ts";
import type { AppEnv } from "../types.ts";

/** Seconds. @param at null for never, undefined for not known */
function ageOf(at: number | null | undefined): string {
  if (at === undefined) return "NaN";
  return at === null ? "+Inf" : String(Math.max(0, Math.round((Date.now() - at) / 1000)));
}

/** Prometheus text exposition (0.0.4) of what the directory and the shards know; for the operator's token only. */
export function metricsRoutes(root: Hono<AppEnv>): void {
  root.get("/metrics", requireOperator, async (c) => {
    const { app } = c.var;
    const { results } = await c.env.DIRECTORY.prepare("select shard, tenants from shards order by shard").all<{
      shard: string;
      tenants: number;
    }>();
    const counts = await Promise.all(
      [...app.shards.shards].map(async ([shard, db]) => ({
        shard,
        ...(await countVerifications(db)),
        tiers: await sumTiers(db),
      })),
    );
    const recorded = await new D1StoreRecord(c.env.DIRECTORY).all();
    // While the store fails all the rest is needed most.
    const saved = await newestBackup(app.engine.objects, "directory").catch(() => undefined);
    const findings = await Promise.all(
      [...app.shards.shards].map(async ([shard, db]) => ({ shard, kinds: await countFindings(db) })),
    );
    const lines = [
      "# HELP edgedrive_backup_age_seconds Age of the directory's newest backup.",
      "# TYPE edgedrive_backup_age_seconds gauge",
      `edgedrive_backup_age_seconds ${ageOf(saved)}`,
      "# HELP edgedrive_tenants Tenants in each shard.",
      "# TYPE edgedrive_tenants gauge",
      ...results.map(({ shard, tenants }) => `edgedrive_tenants{shard="${shard}"} ${tenants}`),
      "# HELP edgedrive_verifications Contents without a hash: that wait for it, and whose bytes cannot be read.",
      "# TYPE edgedrive_verifications gauge",
      ...counts.flatMap(({ shard, waiting, dead }) => [
        `edgedrive_verifications{shard="${shard}",state="waiting"} ${waiting}`,
        `edgedrive_verifications{shard="${shard}",state="dead"} ${dead}`,
      ]),
      "# HELP edgedrive_storage_bytes Bytes of packs, as of each tenant's last daily walk.",
      "# TYPE edgedrive_storage_bytes gauge",
      ...counts.flatMap(({ shard, tiers }) =>
        TIERS.map((tier) => `edgedrive_storage_bytes{shard="${shard}",tier="${tier}"} ${tiers[tier]}`),
      ),
      ...storeLines(recorded),
      "# HELP edgedrive_findings Packs that are damaged, without row or object, or of another size than their row says.",
      "# TYPE edgedrive_findings gauge",
      ...findings.flatMap(({ shard, kinds }) =>
        kinds.map(({ kind, count }) => `edgedrive_findings{shard="${shard}",kind="${kind}"} ${count}`),
      ),
    ];
    return c.text(`${lines.join("\n")}\n`, 200, { "content-type": "text/plain; version=0.0.4" });
  });
}
