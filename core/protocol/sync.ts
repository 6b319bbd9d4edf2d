import { z } from "zod";
import { listOf } from "./bounded.ts";
import { folderRefSchema, idSchema, sizeSchema, timeSchema } from "./common.ts";
import { baseSchema, fileSchema, onNameConflictSchema, rawNameSchema } from "./files.ts";
import { idOfKey, tenantOf } from "./ids.ts";
import { mimeTypeSchema } from "./media-type.ts";

/** What happened to a file, in the journal, on the socket and in events. */
export const JOURNAL_OPS = [
  "created",
  "modified",
  "updated",
  "trashed",
  "untrashed",
  "purged",
  "shared",
  "unshared",
  "version_purged",
  "verified",
  "unarchived",
  /** The same content, or the same folder, came from two devices. */
  "merged",
  /** A delete that was not done: what it named has changed since. */
  "kept",
] as const;
export type JournalOp = (typeof JOURNAL_OPS)[number];

/** `file` is the state now, null when the file is gone. Compacted: the last change of each file. */
export const changeSchema = z
  .object({
    seq: z.number().int(),
    drive_id: idSchema,
    file_id: idSchema,
    op: z.enum(JOURNAL_OPS),
    device_id: idSchema.nullable(),
    /** Of a conflict copy that came by this change: the file that it is a copy of. */
    conflict_of: idSchema.nullable(),
    at: timeSchema,
    file: fileSchema.nullable(),
  })
  .meta({ id: "Change" });
export type Change = z.infer<typeof changeSchema>;

export const changesSchema = z
  .object({ changes: z.array(changeSchema), next_cursor: z.string(), has_more: z.boolean() })
  .meta({ id: "Changes" });
export type Changes = z.infer<typeof changesSchema>;

/** The cursor for the end of the journal: for a device that has just read what it shows, and wants what comes after. */
export const CURSOR_NOW = "now";

export const changesQuerySchema = z.object({
  cursor: z.string().max(16_000).optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});

/** The polling form: RFC 3339 or Unix seconds. */
export const pollQuerySchema = z.object({
  last_sync: z.string().max(40),
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
});

/** Server to device. A wake names what moved; the journal tells. */
export const socketMessageSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("changes"),
    drive_id: idSchema,
    seq: z.number().int(),
    /** The changes themselves where they fit into a small message; else the device reads them from its cursor. */
    changes: z.array(z.object({ seq: z.number().int(), file_id: idSchema, op: z.enum(JOURNAL_OPS) })).optional(),
    /** Too much may wait for the device: it is told no more until its next heartbeat. */
    catch_up: z.literal(true).optional(),
  }),
  z.object({ type: z.literal("signed_out") }),
]);
export type SocketMessage = z.infer<typeof socketMessageSchema>;

/** Sub-protocol of the socket; the token is offered as a second one, `edgedrive.token.<access token>`. */
export const SOCKET_PROTOCOL = "edgedrive.v1";
export const SOCKET_TOKEN_PREFIX = "edgedrive.token.";

/** `base`: the vector that it was made on, `{}` for what is new. A change that has one is a sync client's: CF1. */
const change = { op_id: z.string().min(1).max(100), base: baseSchema.optional() };

/** Changes of one batch. */
export const MAX_CHANGES = 1000;

/** The JSON in front of the frames of a batch, bytes. */
export const MAX_HEAD_BYTES = 4 * 1024 * 1024;

/**
 * Bytes of a file that a batch puts: with `version_id` those of a version (of `file_id`, else of the file that the
 * change's base is of), without it those that the frames of the body stand for, all of them laid end to end.
 */
const putSegmentSchema = z.object({
  file_id: idSchema.optional(),
  version_id: idSchema.optional(),
  offset: sizeSchema,
  length: sizeSchema.min(1),
});
export type PutSegment = z.infer<typeof putSegmentSchema>;

/** Makes a file, or with `file_id` a version of one: docs/spec/uploads.md, U21 to U23. */
export const putChangeSchema = z
  .object({
    ...change,
    op: z.literal("put"),
    parent_id: folderRefSchema.optional(),
    name: rawNameSchema.optional(),
    on_name_conflict: onNameConflictSchema.default("fail"),
    file_id: idSchema.optional(),
    /** What the file's current version must still be. */
    if_version_id: idSchema.optional(),
    /** What the deltas among its frames refer to; of `base_file_id`, else of `file_id`. */
    base_file_id: idSchema.optional(),
    base_version_id: idSchema.optional(),
    size: sizeSchema,
    mime_type: mimeTypeSchema.optional(),
    modified_at: timeSchema.optional(),
    /** How many frames of the body are its own, behind those of the changes before it. */
    frames: z.number().int().min(0).max(16_384).default(0),
    segments: listOf(putSegmentSchema, 10_000).optional(),
  })
  .refine(
    ({ file_id, parent_id, name }) =>
      [parent_id, name].every((part) => (part === undefined) === (file_id !== undefined)),
    "needs parent_id and name for a file, or file_id for a version",
  )
  .refine(
    ({ file_id, base_file_id, base_version_id }) =>
      base_version_id === undefined ? base_file_id === undefined : base_file_id !== undefined || file_id !== undefined,
    "a base is a base_version_id of a base_file_id or file_id",
  )
  .refine(
    ({ file_id, base_file_id, segments = [] }) =>
      segments.every((segment) =>
        segment.version_id === undefined
          ? segment.file_id === undefined
          : (segment.file_id ?? base_file_id ?? file_id) !== undefined,
      ),
    "a segment of a version names it by version_id and file_id",
  );
export type PutChange = z.infer<typeof putChangeSchema>;

/** Changes of a device, made in their order. */
export const deltaChangeSchema = z.discriminatedUnion("op", [
  z.object({ ...change, op: z.literal("create_folder"), parent_id: folderRefSchema, name: rawNameSchema }),
  z.object({
    ...change,
    op: z.literal("update"),
    file_id: idSchema,
    name: rawNameSchema.optional(),
    parent_id: folderRefSchema.optional(),
  }),
  z.object({
    ...change,
    op: z.literal("trash"),
    file_id: idSchema,
    /** For a folder: the drive's sequence number that the device had reached (CF6). */
    seen: z.number().int().min(0).optional(),
  }),
  z.object({ ...change, op: z.literal("untrash"), file_id: idSchema }),
  putChangeSchema,
]);
export type DeltaChange = z.infer<typeof deltaChangeSchema>;

/** The id of the folder that a `create_folder` of a batch makes: later changes of the batch can name it. */
export const folderIdOf = (parent_id: string, user_id: string, op_id: string): Promise<string> =>
  idOfKey(tenantOf(parent_id), `${user_id}:${op_id}`);

export const deltaSchema = z
  .object({ device_id: idSchema, changes: listOf(deltaChangeSchema, MAX_CHANGES, 1) })
  .meta({ id: "Delta" });

/** What one request for contents may ask for. Bytes. */
export const CONTENTS_MAX = { files: 500, bytes: 8 * 1024 * 1024, file_bytes: 256 * 1024 };

/** Versions whose bytes are wanted together: docs/spec/sync.md, SN4. */
export const contentsRequestSchema = z
  .object({ items: listOf(z.object({ file_id: idSchema, version_id: idSchema }), CONTENTS_MAX.files, 1) })
  .meta({ id: "ContentsRequest" });

/** In front of the bytes of an item: its index and length, both 4 bytes, big-endian. */
export const CONTENT_HEAD_BYTES = 8;
/** In place of a length: it is not there for the caller, too large, or cannot be read now. */
export const NO_CONTENT = 0xffffffff;

export const deltaAnswerSchema = z
  .object({
    results: z.array(
      z.object({
        op_id: z.string(),
        status: z.enum(["applied", "conflict", "rejected"]),
        /** The named file as it is now, or the one that was made, was there already, or stays; null where refused. */
        file: fileSchema.nullable(),
        /** The conflict copy: what was sent, or (`last_writer_wins`) what it took the place of, in the trash. */
        copy: fileSchema.nullable(),
        /** The version that a `put` made, be it the newest still or not. */
        version_id: idSchema.nullable(),
        /** Why it was refused. */
        code: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .meta({ id: "DeltaAnswer" });
export type DeltaAnswer = z.infer<typeof deltaAnswerSchema>;
