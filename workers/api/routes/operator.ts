/** What the operator asks and orders: keys, restores. Not part of the wire contract. docs/spec/storage.md, K8 and K9. */
import { type Hono } from "hono";
import { z } from "zod";
import { copiesUse, reportMasters, retireMaster } from "../../../core/keys/retire.ts";
import { KEY_AGE, rotateKeys } from "../../../core/keys/rotate.ts";
import { addTenantKey } from "../../../core/keys/tenant-key.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { D1RotationStore, shardUse } from "../../../platform/d1/shard/rotation-store.ts";
import { backupsUse } from "../../../platform/r2/backups-use.ts";
import { createMasterChecks } from "../../../platform/r2/key-stores.ts";
import type { AppContext } from "../context.ts";
import { readJson } from "../http.ts";
import { requireOperator } from "../middleware/operator.ts";
import type { AppEnv } from "../types.ts";
import { rebuildRoutes } from "./operator-rebuild.ts";
import { restoreRoutes } from "./operator-restore.ts";
import { rewriteRoutes } from "./operator-rewrite.ts";

const rotateSchema = z.object({
  /** Who gets a new key when the newest is older than this. Without it 90 days. */
  made_before: z.iso.datetime({ offset: true }).optional(),
  /** Only this tenant, and only a new key. */
  tenant_id: z.number().int().min(1).max(0xffffffff).optional(),
  /** From the last answer. */
  cursor: z
    .string()
    .regex(/^SHARD_\d\d\/\d{1,10}\/\d{1,9}$/)
    .optional(),
});
type Order = z.infer<typeof rotateSchema>;

const mastersOf = (app: AppContext) => ({
  masters: app.keys.masters,
  checks: createMasterChecks(app.env),
  uses: [
    copiesUse(app.keys.copies),
    backupsUse(app.env.BLOBS),
    ...[...app.shards.shards].map(([name, db]) => shardUse(name.toLowerCase(), db)),
  ],
  now: app.keys.now,
});

interface Answer {
  added: number;
  rewrapped: number;
  failed: number;
  next_cursor: string | null;
}

async function rotateTenant({ keys }: AppContext, tenant_id: number, made_before: number): Promise<Answer> {
  const newest = await keys.store.newest(tenant_id);
  const isDue = newest !== null && newest.created_at < made_before;
  if (isDue) await addTenantKey(keys, { tenant_id, version: newest.version + 1 });
  return { added: isDue ? 1 : 0, rewrapped: 0, failed: 0, next_cursor: null };
}

/** One page of one shard; the shards are gone through one after the other. */
async function rotatePage({ keys, shards }: AppContext, made_before: number, cursor?: string): Promise<Answer> {
  const names = [...shards.shards.keys()];
  const [shard = names[0] as string, tenant_id = 0, version = 0] = cursor?.split("/") ?? [];
  const db = shards.shards.get(shard);
  if (db === undefined) throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
  let failed = 0;
  const report = (place: object, error: unknown): void => {
    failed += 1;
    console.error({ message: "a key could not be rotated", ...place, error: String(error) });
  };
  const after = { tenant_id: Number(tenant_id), version: Number(version) };
  const { added, rewrapped, next } = await rotateKeys(
    { ...keys, keys: new D1RotationStore(db), report },
    made_before,
    after,
  );
  const following = names[names.indexOf(shard) + 1];
  const here = next === null ? null : `${shard}/${next.tenant_id}/${next.version}`;
  return { added, rewrapped, failed, next_cursor: here ?? (following === undefined ? null : `${following}/0/0`) };
}

function order(app: AppContext, { made_before, tenant_id, cursor }: Order): Promise<Answer> {
  // Never later than now: a repeated order would add a version each time.
  const before =
    made_before === undefined ? app.keys.now() - KEY_AGE : Math.min(Date.parse(made_before), app.keys.now());
  return tenant_id === undefined ? rotatePage(app, before, cursor) : rotateTenant(app, tenant_id, before);
}

export function operatorRoutes(root: Hono<AppEnv>): void {
  root.use("/operator/*", requireOperator);
  rebuildRoutes(root);
  restoreRoutes(root);
  rewriteRoutes(root);

  root.get("/operator/keys", async (c) => {
    const { app } = c.var;
    const masters = await reportMasters(mastersOf(app));
    return c.json({ newest: app.keys.masters.newest, masters, problems: await app.keys.check.problems() });
  });

  root.post("/operator/keys/rotate", async (c) => c.json(await order(c.var.app, await readJson(c, rotateSchema))));

  root.delete("/operator/keys/masters/:version", async (c) => {
    const version = c.req.param("version");
    if (!/^v\d{1,9}$/.test(version)) throw new DriveError("not_found", "There is no such master key.");
    await retireMaster(mastersOf(c.var.app), version);
    return c.body(null, 204);
  });
}
