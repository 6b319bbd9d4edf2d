import { bytesToHex } from "@noble/hashes/utils.js";
import { createRoute, z } from "@hono/zod-openapi";
import type { Context, Hono } from "hono";
import { toTime } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { idSchema } from "../../../core/protocol/ids.ts";
import { decide } from "../../../core/sharing/rights.ts";
import { archiveSettingsSchema, placeOf, sealSettings } from "../../../core/tiers/archive-settings.ts";
import { ArchiveRows } from "../../../platform/d1/shard/archive-rows.ts";
import { S3ArchiveBucket } from "../../../platform/s3/archive-bucket.ts";
import { fileParams, json, principalOf, problems, readJson, signedIn } from "../http.ts";
import type { App, AppEnv } from "../types.ts";
import { tenantOfPath } from "./operator-restore.ts";
import { askBack, isWaitingFor } from "../unarchive.ts";

const readySchema = z.object({ state: z.literal("ready") }).meta({ id: "Unarchived" });
const waitingSchema = z
  .object({ state: z.literal("waiting"), requested_at: z.string(), ready_in: z.number().int() })
  .meta({ id: "Unarchiving" });

export function tierRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/files/{id}/unarchive",
      tags: ["downloads"],
      security: signedIn,
      description: "Brings archived bytes back. The drive's devices are told (`unarchived`) when they can be read.",
      request: { params: fileParams, query: z.object({ version_id: idSchema.optional() }) },
      responses: {
        200: json(readySchema, "The bytes can be read now"),
        202: json(waitingSchema, "They are on their way; `ready_in` is an estimate in seconds"),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const tenant = await c.var.app.tenantOfId(id);
      const { version_id = null } = c.req.valid("query");
      const { access, content } = await tenant.files.bytes(principalOf(c), id, version_id);
      const { file } = decide(access, principalOf(c), "view");
      if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
      if (content === null) throw new DriveError("not_found", "There is no such version.");
      if (!(await isWaitingFor(tenant, content))) return c.json({ state: "ready" as const }, 200);
      const { requested_at, ready_in } = await askBack(tenant, file, content);
      return c.json({ state: "waiting" as const, requested_at: toTime(requested_at), ready_in }, 202);
    },
  );
}

const PROBE = "edgedrive-probe";

/** A bucket that cannot be written, read and emptied is found out here, not when it is needed. */
async function probe(bucket: S3ArchiveBucket, tenant_id: number): Promise<void> {
  const key = `${PROBE}-${tenant_id}`;
  const bytes = new TextEncoder().encode(PROBE);
  const md5 = bytesToHex(new Uint8Array(await crypto.subtle.digest("MD5", bytes)));
  try {
    await bucket.put(key, {
      body: new Blob([bytes]).stream(),
      size: bytes.length,
      metadata: { probe: PROBE },
      md5,
    });
    const read = await bucket.get(key, 0, bytes.length);
    if (read?.metadata.probe !== PROBE || read.bytes.length !== bytes.length)
      throw new Error("it reads back otherwise");
    await bucket.delete([key]);
  } catch (error) {
    const why = error instanceof Error && error.name === "ArchiveError" ? error.message : "it could not be used";
    throw new DriveError("invalid_request", `The bucket was tried: ${why}.`);
  }
}

async function rowsOf(c: Context<AppEnv>): Promise<{ tenant_id: number; rows: ArchiveRows }> {
  const { db, tenant_id } = await tenantOfPath(c);
  return { tenant_id, rows: new ArchiveRows(db, tenant_id) };
}

/** Behind the operator's token: `operatorRoutes`. */
export function operatorArchiveRoutes(root: Hono<AppEnv>): void {
  const path = "/operator/tenants/:tenant_id/archive";
  root.get(path, async (c) => {
    const row = await (await rowsOf(c)).rows.find();
    if (row === null) throw new DriveError("not_found", "This tenant has no archive.");
    return c.json(placeOf(row));
  });

  root.put(path, async (c) => {
    const { tenant_id, rows } = await rowsOf(c);
    const settings = await readJson(c, archiveSettingsSchema);
    const before = await rows.find();
    const isSamePlace = (["endpoint", "bucket"] as const).every(
      (name) => before !== null && placeOf(before)[name] === settings[name],
    );
    if (!isSamePlace) await rows.requireUnused();
    await probe(new S3ArchiveBucket(settings), tenant_id);
    await rows.save(await sealSettings(c.var.app.engine.keys, tenant_id, settings));
    return c.body(null, 204);
  });

  root.delete(path, async (c) => {
    const { rows } = await rowsOf(c);
    await rows.requireUnused();
    await rows.save(null);
    return c.body(null, 204);
  });
}
