import { createRoute, z } from "@hono/zod-openapi";
import { userOf } from "../../../core/identity/service.ts";
import { type Device, deviceSchema, meSchema } from "../../../core/protocol/auth.ts";
import { pageOf, pageQuerySchema, toTimeOrNull } from "../../../core/protocol/common.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { idSchema } from "../../../core/protocol/ids.ts";
import { isKept } from "../../../core/sync/kept.ts";
import type { DeviceRow } from "../../../core/identity/model.ts";
import { ownChange } from "../changes.ts";
import { json, noContent, principalOf, problems, signedIn } from "../http.ts";
import { changeSchema } from "../../../core/protocol/sync.ts";
import type { App } from "../types.ts";

function syncStatus({ last_synced_at, acknowledged_seq }: DeviceRow, first_seq: number): Device["sync_status"] {
  if (last_synced_at === null) return "never";
  return isKept(acknowledged_seq ?? 0, first_seq) ? "synced" : "expired";
}

const deviceToWire = (device: DeviceRow, first_seq: number): Device => ({
  device_id: device.device_id,
  name: device.name,
  platform: device.platform,
  last_seen_at: toTimeOrNull(device.last_seen_at),
  last_synced_at: toTimeOrNull(device.last_synced_at),
  acknowledged_seq: device.acknowledged_seq,
  sync_status: syncStatus(device, first_seq),
});

export function meRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/me",
      tags: ["me"],
      security: signedIn,
      responses: {
        200: json(meSchema, "Who I am, and my quota"),
        ...problems,
      },
    }),
    async (c) => {
      const { user_id, device_id } = c.var.claims;
      const { app } = c.var;
      const tenant = await app.tenantOfId(user_id);
      const [account, drive] = await Promise.all([app.accounts.byId(user_id), tenant.files.drive(user_id)]);
      if (account === null || drive === null) throw new DriveError("token_revoked", "This account is gone.");
      const { tenant_id, name, plan } = tenant.place;
      const { used_bytes, reserved_bytes, limit_bytes } = drive;
      return c.json(
        {
          user: { ...userOf(account), role: account.role },
          tenant: { tenant_id, name, plan },
          device_id,
          quota: { used_bytes, reserved_bytes, limit_bytes },
        },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/devices",
      tags: ["me"],
      security: signedIn,
      request: { query: pageQuerySchema },
      responses: {
        200: json(pageOf(deviceSchema), "My devices"),
        ...problems,
      },
    }),
    async (c) => {
      const { app, claims } = c.var;
      const { files } = await app.tenantOfId(claims.user_id);
      const [page, drive] = await Promise.all([
        app.accounts.devices(claims.user_id, c.req.valid("query")),
        files.drive(claims.user_id),
      ]);
      const first_seq = drive?.first_seq ?? 1;
      return c.json({ ...page, items: page.items.map((device) => deviceToWire(device, first_seq)) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/devices/{id}",
      tags: ["me"],
      security: signedIn,
      request: { params: z.object({ id: idSchema }) },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { app, claims } = c.var;
      const { id } = c.req.valid("param");
      if ((await app.accounts.device(claims.user_id, id)) === null)
        throw new DriveError("not_found", "There is no such device.");
      const ended = await app.accounts.removeDevice(claims.user_id, id, Date.now());
      for (const session of ended) app.revoked.add(session);
      await app.hub(claims.user_id).signOut(ended);
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/activity",
      tags: ["me"],
      security: signedIn,
      request: { query: pageQuerySchema },
      responses: {
        200: json(pageOf(changeSchema), "What happened in my drive, the newest first"),
        ...problems,
      },
    }),
    async (c) => {
      const { user_id: drive_id } = principalOf(c);
      const { limit, cursor } = c.req.valid("query");
      const before = cursor === undefined ? null : z.coerce.number().int().min(1).safeParse(cursor).data;
      if (before === undefined) throw new DriveError("cursor_invalid", "This cursor is not one of ours.");
      const { journal } = await c.var.app.tenantOfId(drive_id);
      const found = await journal.latest(drive_id, before, limit + 1);
      const items = found.slice(0, limit).map(ownChange);
      const next_cursor = found.length > limit ? String(items.at(-1)?.seq) : null;
      return c.json({ items, next_cursor }, 200);
    },
  );
}
