import { z } from "zod";
import { BLOCK_MAX } from "../blocks/classes.ts";
import { listOf } from "./bounded.ts";
import { folderRefSchema, idSchema, sha256Schema, sizeSchema, timeSchema } from "./common.ts";
import { baseSchema, rawNameSchema } from "./files.ts";
import { mimeTypeSchema } from "./media-type.ts";

/** Chunks of one upload session that a client may send at the same time. */
export const MAX_PARALLEL = 5;

/** Chunks of one upload session. */
export const MAX_CHUNKS = 10_000;

export const startUploadSchema = z
  .object({
    parent_id: folderRefSchema,
    name: rawNameSchema,
    size: sizeSchema,
    content_hash: sha256Schema.optional(),
    mime_type: mimeTypeSchema.optional(),
    modified_at: timeSchema.optional(),
    file_id: idSchema.optional(),
    /** Of a sync client: the vector that the change was made on. Not the base of deltas. */
    base: baseSchema.optional(),
    /** What deltas and segments refer to: a version of `base_file_id`, else of `file_id`. */
    base_file_id: idSchema.optional(),
    base_version_id: idSchema.optional(),
  })
  .refine(
    ({ file_id, base_file_id, base_version_id }) =>
      base_version_id === undefined ? base_file_id === undefined : base_file_id !== undefined || file_id !== undefined,
    "a base is a base_version_id of a base_file_id or file_id",
  )
  .meta({ id: "StartUpload" });

export const uploadSessionSchema = z
  .object({
    upload_id: idSchema,
    /** Bytes of the file in one chunk, at most. */
    part_size: z.number().int(),
    /** The class of its blocks, for clients that cut themselves: docs/spec/storage.md, B1. */
    block_bits: z.number().int(),
    max_parallel: z.number().int(),
    expires_at: timeSchema,
  })
  .meta({ id: "UploadSession" });
export type UploadSession = z.infer<typeof uploadSessionSchema>;

export const uploadStateSchema = uploadSessionSchema
  .extend({
    state: z.enum(["open", "committed", "aborted"]),
    size: sizeSchema,
    received_bytes: sizeSchema,
    chunks: z.array(z.object({ index: z.number().int(), chunk_id: sha256Schema, size: sizeSchema })),
    file_id: idSchema.nullable(),
  })
  .meta({ id: "UploadState" });
export type UploadState = z.infer<typeof uploadStateSchema>;

export const chunkQuerySchema = z.object({
  upload_id: idSchema,
  index: z.coerce.number().int().min(0),
});

export const chunkReceivedSchema = z.object({ received_bytes: sizeSchema }).meta({ id: "ChunkReceived" });

/** Bytes of a chunk, all of it without an offset; or of a version, the session's base without ids. */
export const segmentSchema = z.union([
  z
    .strictObject({ chunk_id: sha256Schema, offset: sizeSchema.optional(), length: sizeSchema.min(1).optional() })
    .refine(({ offset, length }) => (offset === undefined) === (length === undefined), "has an offset and a length"),
  z
    .strictObject({
      file_id: idSchema.optional(),
      version_id: idSchema.optional(),
      offset: sizeSchema,
      length: sizeSchema.min(1),
    })
    .refine(({ file_id, version_id }) => file_id === undefined || version_id !== undefined, "needs a version_id"),
]);
export type Segment = z.infer<typeof segmentSchema>;

/** Blocks of one question: with the bound of a JSON body; a longer file asks several times. */
export const MAX_ASKED_BLOCKS = 10_000;

const versionRefSchema = z.object({ file_id: idSchema, version_id: idSchema });

export const negotiateSchema = z
  .object({
    blocks: listOf(
      z.object({ hash: sha256Schema, length: z.number().int().min(1).max(BLOCK_MAX) }),
      MAX_ASKED_BLOCKS,
      1,
    ),
    bases: listOf(versionRefSchema, 16).default([]),
  })
  .meta({ id: "Negotiate" });
export type AskedBlock = z.infer<typeof negotiateSchema>["blocks"][number];

/** `first` and `count` are of the asked blocks. */
const runSchema = z.object({ first: z.number().int(), count: z.number().int() });

export const negotiatedSchema = z
  .object({
    segments: z.array(runSchema.extend({ ...versionRefSchema.shape, offset: sizeSchema, length: sizeSchema })),
    missing: z.array(runSchema),
  })
  .meta({ id: "Negotiated" });
export type Negotiated = z.infer<typeof negotiatedSchema>;

/** More chunks than a session can have is `too_many_chunks`, so the schema's bound is looser than the rule. */
export const completeUploadSchema = z
  .object({
    chunks: listOf(sha256Schema, 100_000).optional(),
    segments: listOf(segmentSchema, 100_000).optional(),
  })
  .refine(({ chunks, segments }) => (chunks === undefined) !== (segments === undefined), "needs chunks or segments")
  .meta({ id: "CompleteUpload" });
