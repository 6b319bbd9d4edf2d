/**
 * For the operator's token: what `npm run rebuild` and `npm run restore` ask for, slice by slice.
 * docs/spec/durability.md, BK8 to BK11; docs/runbook/restore.md.
 */
import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { beginDirectory, directoryCursorSchema, nextChunk } from "../../../core/backup/directory.ts";
import { masterBackupKeys, tenantBackupKeys } from "../../../core/backup/keys.ts";
import { restoreCursorSchema, restoreTenant } from "../../../core/backup/restore.ts";
import type { RestoreDeps } from "../../../core/backup/restore-ports.ts";
import { Vault } from "../../../core/backup/vault.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { planOf } from "../../../core/quota/plans.ts";
import { addDirectoryRows } from "../../../platform/d1/directory/backup.ts";
import { endAccountsOfDeleted, withoutErased } from "../../../platform/d1/directory/stay-erased.ts";
import { R2Tombstones } from "../../../platform/r2/tombstones.ts";
import { provisionTenant } from "../../../platform/d1/shard/provision.ts";
import { D1RestoreTarget } from "../../../platform/d1/shard/restore-target.ts";
import { livingTenant } from "../../../platform/d1/shard/living-tenant.ts";
import { archiveOf } from "../../../platform/archives.ts";
import { withArchives } from "../../../platform/archived-objects.ts";
import type { S3ArchiveBucket } from "../../../platform/s3/archive-bucket.ts";
import { createRestoreEngine } from "../../../platform/engine.ts";
import { listPacks } from "../../../platform/r2/pack-list.ts";
import { readJson } from "../http.ts";
import { placeSchema, shardOf, tenant_id, time } from "./operator-restore.ts";
import type { AppEnv } from "../types.ts";

const readSchema = z.object({ at: time, cursor: directoryCursorSchema.optional() });
const restoreSchema = z.object({
  tenant_id,
  shard: z.string(),
  at: time,
  cursor: restoreCursorSchema.optional(),
  reads_all: z.boolean().default(false),
  stays_closed: z.boolean().default(false),
  without_archive: z.boolean().default(false),
});
type Wanted = Omit<z.infer<typeof restoreSchema>, "at" | "cursor">;

export function rebuildRoutes(root: Hono<AppEnv>): void {
  /** A chunk of the directory's backup: who there is, where their tenants lie. */
  root.post("/operator/backup/tenants", async (c) => {
    const found = await readDirectory(c);
    if (found === null) return c.json({ tenants: [], cursor: null });
    const { chunk, cursor } = found;
    const erased = await new R2Tombstones(c.env.BLOBS).all();
    const tenants = chunk.tables
      .filter(({ table }) => table === "tenants")
      .flatMap(({ table, rows }) => withoutErased(table, rows, erased));
    return c.json({
      tenants: tenants.map(({ tenant_id: id, shard, state }) => ({ tenant_id: id, shard, state })),
      cursor,
    });
  });

  /** A chunk of the directory comes back; what is there stays as it is. */
  root.post("/operator/backup/directory", async (c) => {
    const found = await readDirectory(c);
    if (found === null) {
      // Accounts and tenants are not of one moment: who was deleted between has only the first.
      await endAccountsOfDeleted(c.env.DIRECTORY, Date.now());
      return c.json({ rows: 0, refused: [], cursor: null });
    }
    const erased = await new R2Tombstones(c.env.BLOBS).all();
    const refused: string[] = [];
    let rows = 0;
    for (const { table, rows: all } of found.chunk.tables) {
      const kept = withoutErased(table, all, erased);
      refused.push(...(await addDirectoryRows(c.env.DIRECTORY, { table, rows: kept })));
      rows += kept.length;
    }
    return c.json({ rows, refused, cursor: found.cursor });
  });

  root.post("/operator/restore", async (c) => {
    const { at, cursor, ...wanted } = await readJson(c, restoreSchema);
    return c.json(await restoreTenant(await restoreDeps(c, wanted), at, cursor ?? null));
  });

  /** An account whose tenant is younger than its first backup: it gets an empty drive. */
  root.post("/operator/provision", async (c) => {
    const { tenant_id: tenant, shard } = await readJson(c, placeSchema);
    const db = shardOf(c, shard);
    const account = await c.env.DIRECTORY.prepare(
      "select a.user_id, t.plan, t.name from accounts a join tenants t on t.tenant_id = a.tenant_id where a.tenant_id = ?1",
    )
      .bind(tenant)
      .first<{ user_id: string; plan: string; name: string }>();
    const known = await db.prepare("select 1 from tenants where tenant_id = ?1").bind(tenant).first();
    if (account === null || known !== null) return c.json({ provisioned: false });
    const { plan, name, user_id } = account;
    const storage_bytes = planOf(plan).storage_bytes;
    await provisionTenant(db, { tenant_id: tenant, name, plan, storage_bytes }, user_id, Date.now());
    return c.json({ provisioned: true });
  });
}

async function readDirectory(c: Context<AppEnv>) {
  const { at, cursor } = await readJson(c, readSchema);
  const { objects, codec } = c.var.app.engine;
  const vault = new Vault(objects, codec, masterBackupKeys(c.var.app.keys));
  const from = cursor ?? (await beginDirectory(vault, at));
  if (from === null) throw new DriveError("not_found", "There is no backup of the directory from before that moment.");
  return nextChunk(vault, from);
}

async function restoreDeps(c: Context<AppEnv>, wanted: Wanted): Promise<RestoreDeps> {
  const { tenant_id: tenant, shard, without_archive, ...options } = wanted;
  const { copies, ...engine } = createRestoreEngine(c.env, c.var.app.keys.masters);
  const db = shardOf(c, shard);
  // Not before it is needed: until the settings are settled, the row is not to be trusted.
  let known: Promise<S3ArchiveBucket | null> | undefined;
  const archive = (): Promise<S3ArchiveBucket | null> => {
    known ??= without_archive ? Promise.resolve(null) : archiveOf(db, engine.keys, tenant);
    return known;
  };
  const objects = withArchives(engine.objects, { of: archive });
  const named = await c.env.DIRECTORY.prepare("select shard from tenants where tenant_id = ?1 and state <> 'deleted'")
    .bind(tenant)
    .first<string>("shard");
  return {
    tenant_id: tenant,
    vault: new Vault(engine.objects, engine.codec, tenantBackupKeys(engine.keys, tenant)),
    target: new D1RestoreTarget(db, tenant),
    engine: { ...engine, objects },
    packs: (after: string) => listPacks(c.env.BLOBS, tenant, after),
    archive,
    living: named === null || named === shard ? null : livingTenant(shardOf(c, named), tenant),
    keys: async () => {
      const page = await copies.page({ tenant_id: tenant, version: 0 });
      return page.filter((row) => row.tenant_id === tenant);
    },
    ...options,
  };
}
