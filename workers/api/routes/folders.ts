import { createRoute } from "@hono/zod-openapi";
import { pageOf, pageQuerySchema } from "../../../core/protocol/common.ts";
import {
  contentsQuerySchema,
  createFolderSchema,
  fileSchema,
  onNameConflictSchema,
} from "../../../core/protocol/files.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { toWire } from "../../../core/files/wire.ts";
import { decide } from "../../../core/sharing/rights.ts";
import {
  body,
  fileParams,
  folderId,
  folderParams,
  json,
  noContent,
  principalOf,
  problems,
  signedIn,
  submissionOf,
} from "../http.ts";
import type { App } from "../types.ts";
import { z } from "zod";

export function folderRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "post",
      path: "/folders",
      tags: ["folders"],
      security: signedIn,
      request: {
        ...body(createFolderSchema),
        query: z.object({ on_name_conflict: onNameConflictSchema.exclude(["new_version"]).default("fail") }),
      },
      responses: {
        201: json(fileSchema, "The new folder"),
        ...problems,
      },
    }),
    async (c) => {
      const { parent_id: ref, name } = c.req.valid("json");
      const parent_id = folderId(c, ref);
      const { file: parent, permission } = await c.var.app.require(principalOf(c), parent_id, "edit");
      const { on_name_conflict } = c.req.valid("query");
      const command = { op: "create_folder", parent_id, name, on_name_conflict } as const;
      const { file } = await c.var.app.submit(parent.drive_id, { command, ...submissionOf(c) });
      return c.json(toWire(file as FileRow, permission), 201);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/folders/{id}/contents",
      tags: ["folders"],
      security: signedIn,
      request: {
        params: folderParams,
        query: contentsQuerySchema,
      },
      responses: {
        200: json(pageOf(fileSchema), "What lies in the folder: one query, paged by cursor"),
        ...problems,
      },
    }),
    async (c) => {
      const id = folderId(c, c.req.valid("param").id);
      const principal = principalOf(c);
      const { files } = await c.var.app.tenantOfId(id);
      const { access, page } = await files.contents(principal, id, c.req.valid("query"));
      const { file, permission } = decide(access, principal, "view");
      if (!file.is_folder) throw new DriveError("not_a_folder", `“${file.name}” is not a folder.`);
      return c.json({ ...page, items: page.items.map((f) => toWire(f, permission)) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/trash",
      tags: ["trash"],
      security: signedIn,
      request: { query: pageQuerySchema },
      responses: {
        200: json(pageOf(fileSchema), "What is in my trash, the newest first"),
        ...problems,
      },
    }),
    async (c) => {
      const { user_id } = principalOf(c);
      const { files } = await c.var.app.tenantOfId(user_id);
      const page = await files.trash(user_id, c.req.valid("query"));
      return c.json({ ...page, items: page.items.map((f) => toWire(f, "owner")) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/trash/{id}",
      tags: ["trash"],
      security: signedIn,
      request: { params: fileParams },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { file } = await c.var.app.require(principalOf(c), id, "owner", { allowTrashed: true });
      await c.var.app.submit(file.drive_id, { command: { op: "purge", file_id: id }, ...submissionOf(c) });
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/trash",
      tags: ["trash"],
      security: signedIn,
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { user_id: drive_id } = principalOf(c);
      const { app } = c.var;
      const { actor, op_id } = submissionOf(c);
      const { files } = await app.tenantOfId(drive_id);
      // One command an item: a crash or a retry goes on where it stopped.
      for (;;) {
        const { items } = await files.trash(drive_id, { limit: 200 });
        if (items.length === 0) return c.body(null, 204);
        await Promise.all(
          items.map(({ file_id }) =>
            app.submit(drive_id, { command: { op: "purge", file_id }, actor, op_id: `${op_id}/${file_id}` }),
          ),
        );
      }
    },
  );
}
