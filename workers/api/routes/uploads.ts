/** Uploads: one streamed request, or a session of chunks. Bodies go straight into the object store. */
import { createRoute, z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { folderRefSchema } from "../../../core/protocol/common.ts";
import { FRAMES_MEDIA_TYPE } from "../../../core/frames/format.ts";
import { DriveError } from "../../../core/protocol/errors.ts";
import {
  baseQuerySchema,
  type File,
  fileSchema,
  onNameConflictSchema,
  rawNameSchema,
  uploadedFileSchema,
} from "../../../core/protocol/files.ts";
import { idSchema } from "../../../core/protocol/ids.ts";
import { mimeTypeSchema } from "../../../core/protocol/media-type.ts";
import {
  chunkQuerySchema,
  chunkReceivedSchema,
  completeUploadSchema,
  MAX_PARALLEL,
  negotiatedSchema,
  negotiateSchema,
  startUploadSchema,
  type UploadSession,
  uploadSessionSchema,
  uploadStateSchema,
} from "../../../core/protocol/uploads.ts";
import { fromTimeOrNull, sha256Schema, timeSchema, toTime } from "../../../core/protocol/common.ts";
import type { UploadRow, UploadTarget, VersionRef } from "../../../core/uploads/model.ts";
import type { UploadDeps } from "../../../core/uploads/ports.ts";
import {
  abortUpload,
  type Caller,
  completeUpload,
  findSession,
  negotiateBlocks,
  putChunk,
  startUpload,
  storeWhole,
  UNKNOWN_UPLOAD,
} from "../../../core/uploads/service.ts";
import type { FileRow } from "../../../core/files/model.ts";
import { toWire } from "../../../core/files/wire.ts";
import { isFrames, mediaTypeOf } from "../../http/media-type.ts";
import {
  body,
  fileParams,
  folderId,
  invalid,
  json,
  noContent,
  principalOf,
  problems,
  readJson,
  signedIn,
  submissionOf,
} from "../http.ts";
import { ifMatchVersion } from "../if-match.ts";
import type { App, AppEnv } from "../types.ts";
import { uploadDeps } from "../upload-deps.ts";

const tags = ["uploads"];
const uploadParams = z.object({ id: idSchema });
const anyBody = {
  description: "The bytes, of any type",
  content: { "application/octet-stream": { schema: z.string().meta({ format: "binary" }) } },
};

/** A session of no tenant looks like any other that is unknown. */
const depsForSession = (c: Context<AppEnv>, upload_id: string): Promise<UploadDeps> =>
  uploadDeps(c, upload_id).catch((error: unknown) => {
    const isUnknown = error instanceof DriveError && error.code === "not_found";
    throw isUnknown ? new DriveError("unknown_upload", UNKNOWN_UPLOAD) : error;
  });

const callerOf = (c: Context<AppEnv>): Caller => ({
  principal: principalOf(c),
  ...submissionOf(c),
  may_repeat: c.req.header("idempotency-key") !== undefined,
});

/** Null when the body comes without a length. */
function bodyLength(c: Context<AppEnv>): number | null {
  const header = c.req.header("content-length");
  return header === undefined ? null : Number(header);
}

const bodyOf = (c: Context<AppEnv>): ReadableStream<Uint8Array> => c.req.raw.body ?? new Blob([]).stream();

const sessionToWire = (upload: UploadRow): UploadSession => ({
  upload_id: upload.upload_id,
  part_size: upload.part_size,
  block_bits: upload.block_bits,
  max_parallel: MAX_PARALLEL,
  expires_at: toTime(upload.expires_at),
});

/** Who may upload has `edit` at least; the drive's owner has more. */
const asCaller = (c: Context<AppEnv>, file: FileRow): File =>
  toWire(file, file.drive_id === c.var.claims.user_id ? "owner" : "edit");

const wholeQuerySchema = z.object({
  parent_id: folderRefSchema.optional(),
  name: rawNameSchema.optional(),
  modified_at: timeSchema.optional(),
  mime_type: mimeTypeSchema.optional(),
  on_name_conflict: onNameConflictSchema.default("fail"),
  base: baseQuerySchema.optional(),
});
type WholeQuery = z.infer<typeof wholeQuerySchema>;

function baseOf({ file_id, base_file_id, base_version_id }: z.infer<typeof startUploadSchema>): VersionRef | null {
  const of = base_file_id ?? file_id;
  return base_version_id === undefined || of === undefined ? null : { file_id: of, version_id: base_version_id };
}

async function startSession(c: Context<AppEnv>, on_name_conflict: WholeQuery["on_name_conflict"]): Promise<Response> {
  const input = await readJson(c, startUploadSchema);
  const common = {
    mime_type: input.mime_type ?? mediaTypeOf(input.name),
    modified_at: fromTimeOrNull(input.modified_at),
    base: input.base,
  };
  const parent_id = folderId(c, input.parent_id);
  const if_version_id = ifMatchVersion(c.req.header("if-match"));
  if (if_version_id !== undefined && input.file_id === undefined)
    throw new DriveError("precondition_failed", "If-Match names a version, and a new file has none.");
  const target: UploadTarget =
    input.file_id === undefined
      ? { ...common, kind: "file", parent_id, name: input.name, on_name_conflict }
      : { ...common, kind: "version", file_id: input.file_id, if_version_id: if_version_id ?? null };
  const deps = await uploadDeps(c, input.file_id ?? parent_id);
  const started = await startUpload(deps, callerOf(c), target, input.size, input.content_hash ?? null, baseOf(input));
  if (started.instant) return c.json({ ...asCaller(c, started.file), instant: true }, 201);
  return c.json(sessionToWire(started.upload), 200);
}

async function storeBody(
  c: Context<AppEnv>,
  { name, parent_id: ref, ...query }: WholeQuery & { name: string },
): Promise<Response> {
  const parent_id = folderId(c, ref ?? "root");
  const type = query.mime_type ?? mediaTypeOf(name, c.req.header("content-type"));
  const { on_name_conflict, base } = query;
  const target: UploadTarget = {
    kind: "file",
    parent_id,
    name,
    on_name_conflict,
    mime_type: type,
    modified_at: fromTimeOrNull(query.modified_at),
    base,
  };
  const file = await storeWhole(await uploadDeps(c, parent_id), callerOf(c), target, bodyOf(c), bodyLength(c));
  return c.json(asCaller(c, file), 201);
}

export function uploadRoutes(api: App): void {
  // Documented apart from its handler: the framework would parse a JSON file as the body of a session.
  api.openAPIRegistry.registerPath({
    method: "post",
    path: "/files/upload",
    tags,
    security: signedIn,
    description:
      "With `name` in the query: the whole body is the file, streamed. Without it: a JSON body starts an upload session.",
    request: {
      query: wholeQuerySchema,
      body: {
        content: {
          "application/json": { schema: startUploadSchema },
          ...anyBody.content,
        },
      },
    },
    responses: {
      200: json(uploadSessionSchema, "A session: send the chunks"),
      201: json(uploadedFileSchema, "The file; `instant` when its content was there already"),
      ...problems,
    },
  });
  api.post("/files/upload", async (c) => {
    const query = wholeQuerySchema.safeParse(c.req.query());
    if (!query.success) throw invalid(query.error);
    const { name, on_name_conflict } = query.data;
    return name === undefined ? startSession(c, on_name_conflict) : storeBody(c, { ...query.data, name });
  });

  api.openapi(
    createRoute({
      method: "put",
      path: "/files/{id}",
      tags,
      security: signedIn,
      request: {
        params: fileParams,
        query: z.object({ modified_at: timeSchema.optional(), base: baseQuerySchema.optional() }),
        body: anyBody,
      },
      responses: {
        200: json(fileSchema, "The file with its new version"),
        ...problems,
      },
    }),
    async (c) => {
      const { id: file_id } = c.req.valid("param");
      const target: UploadTarget = {
        kind: "version",
        file_id,
        mime_type: null,
        modified_at: fromTimeOrNull(c.req.valid("query").modified_at),
        base: c.req.valid("query").base,
        if_version_id: ifMatchVersion(c.req.header("if-match")) ?? null,
      };
      const file = await storeWhole(await uploadDeps(c, file_id), callerOf(c), target, bodyOf(c), bodyLength(c));
      return c.json(asCaller(c, file), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "put",
      path: "/chunks/{chunk_id}",
      tags,
      description: "`chunk_id` is the SHA-256 of the body.",
      security: signedIn,
      request: {
        params: z.object({ chunk_id: sha256Schema }),
        query: chunkQuerySchema,
        body: {
          description: "Bytes of the file, of any type; or frames, of theirs (docs/spec/frames.md)",
          content: { ...anyBody.content, [FRAMES_MEDIA_TYPE]: anyBody.content["application/octet-stream"] },
        },
      },
      responses: {
        200: json(chunkReceivedSchema, "Received and verified; a repeat is fine"),
        ...problems,
      },
    }),
    async (c) => {
      const { upload_id, index } = c.req.valid("query");
      const chunk = {
        upload_id,
        index,
        chunk_id: c.req.valid("param").chunk_id,
        is_frames: isFrames(c.req.header("content-type")),
      };
      const deps = await depsForSession(c, upload_id);
      const received_bytes = await putChunk(deps, callerOf(c), chunk, c.req.raw.body, bodyLength(c));
      return c.json({ received_bytes }, 200);
    },
  );

  api.openapi(
    createRoute({
      method: "get",
      path: "/uploads/{id}",
      tags,
      security: signedIn,
      request: { params: uploadParams },
      responses: {
        200: json(uploadStateSchema, "What has arrived, for resume"),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { upload, chunks } = await findSession(await depsForSession(c, id), callerOf(c), id);
      return c.json(
        {
          ...sessionToWire(upload),
          state: upload.state,
          size: upload.size as number,
          file_id: upload.file_id,
          received_bytes: chunks.reduce((sum, chunk) => sum + chunk.size, 0),
          chunks: chunks.map(({ chunk_index, chunk_id, size }) => ({
            index: chunk_index,
            chunk_id,
            size,
          })),
        },
        200,
      );
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/uploads/{id}/negotiate",
      tags,
      security: signedIn,
      description: "Which blocks of the file need not be sent: found in its base, in `bases`, and in files like it.",
      request: {
        params: uploadParams,
        ...body(negotiateSchema),
      },
      responses: {
        200: json(negotiatedSchema, "Runs of the asked blocks that are there, and those that are not"),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { blocks, bases } = c.req.valid("json");
      return c.json(await negotiateBlocks(await depsForSession(c, id), callerOf(c), id, blocks, bases), 200);
    },
  );

  api.openapi(
    createRoute({
      method: "post",
      path: "/uploads/{id}/complete",
      tags,
      security: signedIn,
      request: {
        params: uploadParams,
        ...body(completeUploadSchema),
      },
      responses: {
        201: json(fileSchema, "The file"),
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      const { chunks = [], segments } = c.req.valid("json");
      const wanted = segments ?? chunks.map((chunk_id) => ({ chunk_id }));
      const file = await completeUpload(await depsForSession(c, id), callerOf(c), id, wanted);
      return c.json(asCaller(c, file), 201);
    },
  );

  api.openapi(
    createRoute({
      method: "delete",
      path: "/uploads/{id}",
      tags,
      security: signedIn,
      request: { params: uploadParams },
      responses: {
        ...noContent,
        ...problems,
      },
    }),
    async (c) => {
      const { id } = c.req.valid("param");
      await abortUpload(await depsForSession(c, id), callerOf(c), id);
      return c.body(null, 204);
    },
  );
}
