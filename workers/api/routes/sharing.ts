import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { toWire } from "../../../core/files/wire.ts";
import { pageOf, pageQuerySchema, toTime } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { idSchema, shareTokenSchema, tenantOfShareToken } from "../../../core/protocol/ids.ts";
import {
  linkInfoSchema,
  permissionSchema,
  sharedSchema,
  sharedWithMeSchema,
  shareSchema,
  updatePermissionSchema,
} from "../../../core/protocol/sharing.ts";
import { requireOpen } from "../../../core/sharing/links.ts";
import { linkToWire, permissionToWire } from "../../../core/sharing/wire.ts";
import { D1LinksStore } from "../../../platform/d1/shard/links-store.ts";
import { PermissionsStore } from "../../../platform/d1/shard/permissions-store.ts";
import { body, fileParams, json, noContent, principalOf, problems, signedIn, submissionOf } from "../http.ts";
import { sharedWithMe } from "../shared-with-me.ts";
import { share, unshare, updateShare } from "../sharing.ts";
import type { App, AppEnv } from "../types.ts";

const tags = ["sharing"];
const permissionParams = fileParams.extend({ permission_id: idSchema });

const originOf = (c: Context<AppEnv>): string => new URL(c.req.url).origin;

/** For anyone who holds the token: registered before the routes that need a sign-in. */
export function shareInfoRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/shares/{token}",
      tags,
      security: [{}],
      request: { params: z.object({ token: z.string().max(200) }) },
      responses: { 200: json(linkInfoSchema, "What the link leads to"), ...problems },
    }),
    async (c) => {
      const token = shareTokenSchema.safeParse(c.req.valid("param").token);
      const place = token.success ? await c.var.app.shards.find(tenantOfShareToken(token.data)) : null;
      const found =
        place === null || !token.success ? null : await new D1LinksStore(place.db, place.tenant_id).find(token.data);
      const link = requireOpen(found, Date.now());
      if (link.password_hash !== null)
        throw new DriveError("password_required", "This link is protected by a password.");
      return c.json(linkToWire(link, originOf(c)), 200, { "cache-control": "no-store" });
    },
  );
}

export function sharingRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/files/{id}/share",
      tags,
      security: signedIn,
      request: { params: fileParams, ...body(shareSchema) },
      responses: { 201: json(sharedSchema, "Shared; a link has `share_link` and `token`"), ...problems },
    }),
    async (c) => {
      const made = await share(c.var.app, submissionOf(c), c.req.valid("param").id, c.req.valid("json"));
      const { share_link, token, ...wire } = permissionToWire(made, originOf(c));
      return c.json(share_link === null || token === null ? wire : { ...wire, share_link, token }, 201);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}/permissions",
      tags,
      security: signedIn,
      request: { params: fileParams, query: pageQuerySchema },
      responses: { 200: json(pageOf(permissionSchema), "Who can do what with this file; its links"), ...problems },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { app } = c.var;
      await app.require(principalOf(c), id, "edit");
      const { place } = await app.tenantOfId(id);
      const page = await new PermissionsStore(place.db, place.tenant_id).list(id, c.req.valid("query"));
      return c.json({ ...page, items: page.items.map((row) => permissionToWire(row, originOf(c))) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "patch",
      path: "/files/{id}/permissions/{permission_id}",
      tags,
      security: signedIn,
      request: { params: permissionParams, ...body(updatePermissionSchema) },
      responses: { 200: json(permissionSchema, "Changed"), ...problems },
    }),
    async (c) => {
      const { id, permission_id } = c.req.valid("param");
      const row = await updateShare(c.var.app, submissionOf(c), id, permission_id, c.req.valid("json"));
      return c.json(permissionToWire(row, originOf(c)), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/files/{id}/permissions/{permission_id}",
      tags,
      security: signedIn,
      request: { params: permissionParams },
      responses: { ...noContent, ...problems },
    }),
    async (c) => {
      const { id, permission_id } = c.req.valid("param");
      await unshare(c.var.app, submissionOf(c), id, permission_id);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/shared-with-me",
      tags,
      security: signedIn,
      request: { query: pageQuerySchema },
      responses: { 200: json(pageOf(sharedWithMeSchema), "What others share with me, the newest first"), ...problems },
    }),
    async (c) => {
      const page = await sharedWithMe(c.var.app, principalOf(c), c.req.valid("query"));
      const items = page.items.map(({ granted, shared_by, shared_at }) => ({
        file: toWire(granted.file, granted.permission),
        shared_by,
        shared_at: toTime(shared_at),
      }));
      return c.json({ items, next_cursor: page.next_cursor }, 200);
    },
  );
}
