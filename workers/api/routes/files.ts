import { createRoute, z } from "@hono/zod-openapi";
import { pageOf, pageQuerySchema } from "../../../core/protocol/common.ts";
import { copyFileSchema, fileSchema, updateFileSchema, versionSchema } from "../../../core/protocol/files.ts";
import { idSchema } from "../../../core/protocol/ids.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { toWire, versionToWire } from "../../../core/files/wire.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import { endHistory, type Run } from "../../../core/versions/history.ts";
import { body, fileParams, folderId, json, noContent, principalOf, problems, signedIn, submissionOf } from "../http.ts";
import type { App } from "../types.ts";
import { ifMatchVersion } from "../if-match.ts";

const tags = ["files"];

export function fileRoutes(api: App): void {
  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}",
      tags,
      security: signedIn,
      request: { params: fileParams },
      responses: {
        200: json(fileSchema, "The file or folder"),
        ...problems,
      },
    }),
    async (c) => {
      const { file, permission } = await c.var.app.require(principalOf(c), c.req.valid("param").id, "view");
      return c.json(toWire(file, permission), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "patch",
      path: "/files/{id}",
      tags,
      security: signedIn,
      request: {
        params: fileParams,
        ...body(updateFileSchema),
      },
      responses: {
        200: json(fileSchema, "Renamed, moved, or with other metadata"),
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id } = c.req.valid("param");
      const { parent_id: ref, ...input } = c.req.valid("json");
      const { app } = c.var;
      const { file, permission } = await app.require(principalOf(c), file_id, "edit");
      const parent_id = ref === undefined ? undefined : folderId(c, ref);
      if (parent_id !== undefined) {
        const { file: parent } = await app.require(principalOf(c), parent_id, "edit");
        if (parent.drive_id !== file.drive_id)
          throw new DriveError(
            "invalid_request",
            "Moving to another drive is not possible yet; copy it there instead.",
          );
      }
      const if_version_id = ifMatchVersion(c.req.header("if-match"));
      const seen = { parent_id: file.parent_id, name: file.name };
      const command = { op: "update", file_id, ...input, parent_id, if_version_id, seen } as const;
      const outcome = await app.submit(file.drive_id, { command, ...submissionOf(c) });
      return c.json(toWire(outcome.file as FileRow, permission), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/files/{id}",
      tags,
      security: signedIn,
      request: { params: fileParams },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id } = c.req.valid("param");
      // The hub refuses what is trashed already, unless this is the repeat of what trashed it.
      const { file } = await c.var.app.require(principalOf(c), file_id, "edit", { allowTrashed: true });
      await c.var.app.submit(file.drive_id, { command: { op: "trash", file_id }, ...submissionOf(c) });
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/files/{id}/untrash",
      tags: ["trash"],
      security: signedIn,
      request: { params: fileParams },
      responses: {
        200: json(fileSchema, "Back where it was, or in the nearest living folder"),
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id } = c.req.valid("param");
      const { file, permission } = await c.var.app.require(principalOf(c), file_id, "edit", { allowTrashed: true });
      const outcome = await c.var.app.submit(file.drive_id, {
        command: { op: "untrash", file_id },
        ...submissionOf(c),
      });
      return c.json(toWire(outcome.file as FileRow, permission), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/files/{id}/copy",
      tags,
      security: signedIn,
      request: {
        params: fileParams,
        ...body(copyFileSchema),
      },
      responses: {
        201: json(fileSchema, "The copy: rows only, the bytes are shared"),
        ...problems,
      },
    }),
    async (c) => {
      const { app } = c.var;
      const input = c.req.valid("json");
      const { file } = await app.require(principalOf(c), c.req.valid("param").id, "view");
      const parent_id = input.parent_id === undefined ? file.parent_id : folderId(c, input.parent_id);
      if (parent_id === null) throw new DriveError("root_is_fixed", "The root folder cannot be copied.");
      const { file: parent, permission } = await app.require(principalOf(c), parent_id, "edit");
      if (parent.drive_id !== file.drive_id)
        throw new DriveError(
          "invalid_request",
          "Copying to another drive is not possible yet; upload it there instead.",
        );
      const name = input.name ?? file.name;
      const target = { kind: "file", parent_id, name, on_name_conflict: "rename" } as const;
      const command = file.is_folder
        ? ({ op: "copy_tree", file_id: file.file_id, parent_id, name } as const)
        : ({
            op: "create_from",
            source_file_id: file.file_id,
            target: { ...target, mime_type: file.mime_type, modified_at: file.modified_at },
          } as const);
      const outcome = await app.submit(file.drive_id, { command, ...submissionOf(c) });
      return c.json(toWire(outcome.file as FileRow, permission), 201);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/files/{id}/versions",
      tags: ["versions"],
      security: signedIn,
      request: {
        params: fileParams,
        query: pageQuerySchema,
      },
      responses: {
        200: json(pageOf(versionSchema), "The history, the newest first"),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { file } = await c.var.app.require(principalOf(c), id, "view");
      const { files } = await c.var.app.tenantOfId(id);
      const page = await files.versions(id, c.req.valid("query"));
      return c.json({ ...page, items: page.items.map((v) => versionToWire(v, file.version_id)) }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/files/{id}/restore",
      tags: ["versions"],
      security: signedIn,
      request: {
        params: fileParams,
        query: z.object({ version: idSchema }),
      },
      responses: {
        200: json(fileSchema, "The old version as a new one"),
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id } = c.req.valid("param");
      const { file, permission } = await c.var.app.require(principalOf(c), file_id, "edit");
      const command = { op: "restore_version", file_id, version_id: c.req.valid("query").version } as const;
      const outcome = await c.var.app.submit(file.drive_id, { command, ...submissionOf(c) });
      return c.json(toWire(outcome.file as FileRow, permission), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/files/{id}/versions/{version_id}",
      tags: ["versions"],
      security: signedIn,
      request: { params: fileParams.extend({ version_id: idSchema }) },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id, version_id } = c.req.valid("param");
      const { file } = await c.var.app.require(principalOf(c), file_id, "owner", { allowTrashed: true });
      const command = { op: "purge_version", file_id, version_id } as const;
      await c.var.app.submit(file.drive_id, { command, ...submissionOf(c) });
      return c.body(null, 204);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/files/{id}/versions",
      tags: ["versions"],
      security: signedIn,
      description: "Ends all versions but the current one.",
      request: { params: fileParams },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { app } = c.var;
      const { file } = await app.require(principalOf(c), c.req.valid("param").id, "owner", { allowTrashed: true });
      if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
      const { actor, op_id } = submissionOf(c);
      const run: Run = async (command, op_id) => (await app.submit(file.drive_id, { command, actor, op_id })).file;
      await endHistory(run, file, file.version_number - 1, op_id);
      return c.body(null, 204);
    },
  );
}
