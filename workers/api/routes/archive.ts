import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Root } from "../../../core/archive/walk.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { idSchema } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { tenantOf } from "../../../core/protocol/ids.ts";
import { type Access, decide, type Principal } from "../../../core/sharing/rights.ts";
import { D1ArchiveStore, itemOf } from "../../../platform/d1/shard/archive-store.ts";
import { findMany } from "../../../platform/d1/shard/rights-store.ts";
import type { TenantPlace } from "../../../platform/d1/shard-map.ts";
import { serveArchive } from "../../http/archive.ts";
import { body, folderId, folderParams, principalOf, problems, signedIn } from "../http.ts";
import type { App, AppEnv } from "../types.ts";

/** Items of one selection: a page of a list at its longest. */
const ROOTS_MAX = 1_000;

const selectionSchema = z
  .object({ file_ids: z.array(idSchema).min(1).max(ROOTS_MAX) })
  .meta({ id: "ArchiveSelection" });

const responses = {
  200: {
    description: "A Zip file; `Content-Length` is exact. It can neither be kept nor resumed",
    content: { "application/zip": { schema: z.string().meta({ format: "binary" }) } },
  },
  ...problems,
};

/** The items of a selection, each once. A refusal says in `file_id` which of them it is about. */
async function rootsOf(c: Context<AppEnv>, file_ids: readonly string[]): Promise<Root[]> {
  const principal = principalOf(c);
  const roots: Root[] = [];
  for (const [tenant_id, ids] of Map.groupBy(new Set(file_ids), tenantOf)) {
    const place = await c.var.app.shards.find(tenant_id);
    const accesses = place === null ? new Map<string, Access>() : await findMany(place.db, principal, ids);
    const files = ids.map((file_id) => viewed(accesses.get(file_id) ?? null, principal, file_id));
    // Without a place nothing was found, and the first of its files has thrown.
    const store = new D1ArchiveStore((place as TenantPlace).db, tenant_id);
    roots.push(...files.map((file) => ({ item: itemOf(file), store })));
  }
  return roots;
}

function viewed(access: Access | null, principal: Principal, file_id: string): FileRow {
  try {
    return decide(access, principal, "view").file;
  } catch (error) {
    if (error instanceof DriveError) throw new DriveError(error.code, error.message, { ...error.extra, file_id });
    throw error;
  }
}

const folderRoute = (method: "get" | "head") =>
  createRoute({
    method,
    path: "/folders/{id}/archive",
    tags: ["downloads"],
    security: signedIn,
    description: "A folder with all that lives in it, made while it is sent.",
    request: { params: folderParams },
    responses,
  });

export function archiveRoutes(api: App): void {
  for (const method of ["get", "head"] as const)
    api.openapi(folderRoute(method), async (c) => {
      const roots = await rootsOf(c, [folderId(c, c.req.valid("param").id)]);
      if (roots.some(({ item }) => !item.is_folder)) throw new DriveError("not_a_folder", "This is not a folder.");
      return serveArchive(c.req.raw, { roots, engine: c.var.app.engine });
    });

  api.openapi(
    createRoute({
      method: "post",
      path: "/archive",
      tags: ["downloads"],
      security: signedIn,
      description: "Files and folders of any drives that the caller can see.",
      request: body(selectionSchema),
      responses,
    }),
    async (c) => {
      const roots = await rootsOf(c, c.req.valid("json").file_ids);
      return serveArchive(c.req.raw, { roots, engine: c.var.app.engine });
    },
  );
}
