/** One tenant as it was: elsewhere in its place, or beside what it is. docs/spec/durability.md, BK9 and BK10. */
import { z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { putBeside } from "../../../core/backup/beside.ts";
import { rawNameSchema } from "../../../core/protocol/files.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { idSchema } from "../../../core/protocol/ids.ts";
import { D1BesideStore } from "../../../platform/d1/shard/beside-store.ts";
import type { TenantPlace } from "../../../platform/d1/shard-map.ts";
import { closeTenant, forgetTenant, reopenTenant } from "../../../platform/d1/shard/close-tenant.ts";
import { readJson } from "../http.ts";
import type { AppEnv } from "../types.ts";

export const tenant_id = z.number().int().min(1).max(0xffffffff);
export const time = z.number().int().min(0);
export const placeSchema = z.object({ tenant_id, shard: z.string() });

const besideSchema = placeSchema.extend({
  drive_id: idSchema,
  at: time,
  name: rawNameSchema,
  offset: z.number().int().min(0),
});

export function shardOf(c: Context<AppEnv>, name: string): D1Database {
  const db = c.var.app.shards.shards.get(name);
  if (db === undefined) throw new DriveError("invalid_request", `There is no shard ${name}.`);
  return db;
}

export async function tenantOfPath(c: Context<AppEnv>): Promise<TenantPlace> {
  const parsed = z.coerce.number().pipe(tenant_id).safeParse(c.req.param("tenant_id"));
  const place = parsed.success ? await c.var.app.shards.find(parsed.data) : null;
  if (place === null) throw new DriveError("not_found", "There is no such tenant.");
  return place;
}

async function livingShard(c: Context<AppEnv>, id: number): Promise<string> {
  const shard = await c.env.DIRECTORY.prepare("select shard from tenants where tenant_id = ?1")
    .bind(id)
    .first<string>("shard");
  if (shard === null) throw new DriveError("not_found", "There is no such tenant.");
  return shard;
}

export function restoreRoutes(root: Hono<AppEnv>): void {
  /** Where a tenant lies, and which drives it has there. */
  root.post("/operator/place", async (c) => {
    const { tenant_id: id, email } = await readJson(
      c,
      z.object({ tenant_id: tenant_id.optional(), email: z.string().optional() }),
    );
    const tenant =
      id ??
      (await c.env.DIRECTORY.prepare("select tenant_id from accounts where email = ?1")
        .bind(email ?? "")
        .first<number>("tenant_id"));
    if (tenant === null) throw new DriveError("not_found", "There is no such account.");
    const shard = await livingShard(c, tenant);
    const { results } = await shardOf(c, shard)
      .prepare("select drive_id from drives where tenant_id = ?1")
      .bind(tenant)
      .all<{ drive_id: string }>();
    const shards = [...c.var.app.shards.shards.keys()];
    return c.json({ tenant_id: tenant, shard, shards, drives: results.map(({ drive_id }) => drive_id) });
  });

  /** Nobody changes the tenant in its shard any more. */
  root.post("/operator/close", async (c) => {
    const { tenant_id: id, shard } = await readJson(c, placeSchema);
    await closeTenant(shardOf(c, shard), id);
    return c.json({});
  });

  /** What was closed in vain is served again, where the directory has it. */
  root.post("/operator/reopen", async (c) => {
    const { tenant_id: id } = await readJson(c, z.object({ tenant_id }));
    await reopenTenant(shardOf(c, await livingShard(c, id)), id);
    return c.json({});
  });

  /** The directory names another shard: where a copy is open. */
  root.post("/operator/move", async (c) => {
    const { tenant_id: id, shard } = await readJson(c, placeSchema);
    const state = await shardOf(c, shard)
      .prepare("select state from tenants where tenant_id = ?1")
      .bind(id)
      .first<string>("state");
    if (state !== "active") throw new DriveError("precondition_failed", "It is not open there.");
    const { DIRECTORY } = c.env;
    const from = "(select shard from tenants where tenant_id = ?1 and shard <> ?2)";
    await DIRECTORY.batch([
      DIRECTORY.prepare(`update shards set tenants = tenants + 1 where shard = ?2 and exists ${from}`).bind(id, shard),
      DIRECTORY.prepare(`update shards set tenants = tenants - 1 where shard = ${from}`).bind(id, shard),
      DIRECTORY.prepare("update tenants set shard = ?2 where tenant_id = ?1").bind(id, shard),
    ]);
    return c.json({});
  });

  /** Some of the rows of a copy that the directory does not name. */
  root.post("/operator/forget", async (c) => {
    const { tenant_id: id, shard } = await readJson(c, placeSchema);
    if ((await livingShard(c, id)) === shard) throw new DriveError("precondition_failed", "The tenant lies there.");
    return c.json({ done: await forgetTenant(shardOf(c, shard), id) });
  });

  /** A slice of the copies; the rows of then are in `shard`. */
  root.post("/operator/beside", async (c) => {
    const { app } = c.var;
    const { shard, drive_id, offset, ...input } = await readJson(c, besideSchema);
    const living = shardOf(c, await livingShard(c, input.tenant_id));
    const store = new D1BesideStore(shardOf(c, shard), living, app.engine, input.tenant_id, drive_id);
    const slice = await putBeside(
      {
        ...input,
        drive_id,
        items: (from) => store.items(from),
        revive: (content_ids) => store.revive(content_ids),
        settle: (content_ids) => store.settle(content_ids),
        submit: async (submissions) => {
          const results = await app.submitAll(drive_id, submissions);
          return results.map((result) => (result.ok ? null : result.failure.code));
        },
      },
      offset,
    );
    return c.json(slice);
  });
}
