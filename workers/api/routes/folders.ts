import { createRoute } from "@hono/zod-openapi";
import { pageOf, pageQuerySchema, toTime } from "../../../core/protocol/common.ts";
import {
  contentsQuerySchema,
  createFolderSchema,
  emptyTrashAnswerSchema,
  emptyTrashQuerySchema,
  fileSchema,
  onNameConflictSchema,
} from "../../../core/protocol/files.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { toWire } from "../../../core/files/wire.ts";
import { decide } from "../../../core/sharing/rights.ts";
import { emptyTrash } from "../empty-trash.ts";
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
      description:
        "Ends what was put to trash before the request began; what is put there meanwhile stays. A large trash takes several requests: each that is answered 202 is to be repeated with the `until` of the answer.",
      request: { query: emptyTrashQuerySchema },
      responses: {
        202: json(emptyTrashAnswerSchema, "A part is gone; repeat with this `until`"),
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const now = Date.now();
      const asked = c.req.valid("query").until;
      const until = asked === undefined ? now : Math.min(now, Date.parse(asked));
      const isEmpty = await emptyTrash(c.var.app, principalOf(c).user_id, submissionOf(c), until);
      return isEmpty ? c.body(null, 204) : c.json({ until: toTime(until) }, 202);
    },
  );
}
