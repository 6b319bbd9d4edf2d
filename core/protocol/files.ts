import { z } from "zod";
import { recordOf } from "./bounded.ts";
import {
  folderRefSchema,
  idSchema,
  pageQuerySchema,
  permissionWordSchema,
  sha256Schema,
  sizeSchema,
  timeSchema,
} from "./common.ts";

/** Raw from the client; `core/files/names.ts` has the rules, so that the error can name the character. */
export const rawNameSchema = z.string().max(1024);

/** The user's own key-value JSON, searchable: 16 KiB at most. */
export const metadataSchema = z
  .record(z.string().min(1).max(100), z.union([z.string().max(4096), z.number(), z.boolean(), z.null()]))
  .refine((m) => JSON.stringify(m).length <= 16_384, "is larger than 16 KiB");
export type Metadata = z.infer<typeof metadataSchema>;

export const vectorSchema = z.record(z.string(), z.number().int().min(0));

/** Devices in a vector that a change was made on. */
const MAX_DEVICES = 1000;

/** A vector that a device had from us: docs/spec/sync.md, CF1. */
export const baseSchema = recordOf(z.number().int().min(0), MAX_DEVICES);

/** The same in a query, as JSON. */
export const baseQuerySchema = z
  .string()
  .max(65_536)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is not JSON" });
      return z.NEVER;
    }
  })
  .pipe(baseSchema);

/** What becomes of two edits of one file: both stay, or the later one keeps the name. */
export const conflictPolicySchema = z.enum(["keep_both", "last_writer_wins"]);
export type ConflictPolicy = z.infer<typeof conflictPolicySchema>;

export const onNameConflictSchema = z.enum(["fail", "rename", "new_version"]);
export type OnNameConflict = z.infer<typeof onNameConflictSchema>;

export const fileSchema = z
  .object({
    file_id: idSchema,
    drive_id: idSchema,
    parent_id: idSchema.nullable(),
    name: z.string(),
    is_folder: z.boolean(),
    size: sizeSchema,
    mime_type: z.string().nullable(),
    content_hash: sha256Schema.nullable(),
    integrity: z.enum(["ok", "pending", "declared_hash_mismatch"]),
    version_id: idSchema.nullable(),
    version_number: z.number().int(),
    version_count: z.number().int(),
    vector: vectorSchema,
    /** The file that this one is a conflict copy of. */
    conflict_of: idSchema.nullable(),
    /** Of a folder, for all that lies in it; null where the folder above decides. */
    conflict_policy: conflictPolicySchema.nullable(),
    owner_id: idSchema,
    permission: permissionWordSchema,
    storage_class: z.enum(["STANDARD", "INFREQUENT_ACCESS", "ARCHIVE"]),
    metadata: metadataSchema,
    created_at: timeSchema,
    updated_at: timeSchema,
    modified_at: timeSchema.nullable(),
    trashed_at: timeSchema.nullable(),
  })
  .meta({ id: "File" });
export type File = z.infer<typeof fileSchema>;

/** What an upload, an instant upload or a commit answers. */
export const uploadedFileSchema = fileSchema.extend({ instant: z.boolean().optional() }).meta({ id: "UploadedFile" });
export type UploadedFile = z.infer<typeof uploadedFileSchema>;

export const versionSchema = z
  .object({
    version_id: idSchema,
    version_number: z.number().int(),
    size: sizeSchema,
    content_hash: sha256Schema.nullable(),
    created_by: idSchema,
    device_id: idSchema.nullable(),
    created_at: timeSchema,
    change_description: z.string().nullable(),
    is_current: z.boolean(),
  })
  .meta({ id: "Version" });
export type Version = z.infer<typeof versionSchema>;

export const createFolderSchema = z
  .object({ parent_id: folderRefSchema, name: rawNameSchema })
  .meta({ id: "CreateFolder" });

export const updateFileSchema = z
  .object({
    name: rawNameSchema.optional(),
    parent_id: folderRefSchema.optional(),
    metadata: metadataSchema.optional(),
    /** Of a folder. */
    conflict_policy: conflictPolicySchema.nullable().optional(),
  })
  .refine((b) => Object.values(b).some((value) => value !== undefined), "changes nothing")
  .meta({ id: "UpdateFile" });

export const copyFileSchema = z
  .object({ parent_id: folderRefSchema.optional(), name: rawNameSchema.optional() })
  .meta({ id: "CopyFile" });

export const contentsQuerySchema = pageQuerySchema.extend({
  sort: z.enum(["name", "updated_at", "size"]).default("name"),
  order: z.enum(["asc", "desc"]).default("asc"),
});
export type ContentsQuery = z.infer<typeof contentsQuerySchema>;

/** `until`: what was put to trash up to then; now when it is left out. */
export const emptyTrashQuerySchema = z.object({ until: timeSchema.optional() });
export const emptyTrashAnswerSchema = z.object({ until: timeSchema }).meta({ id: "TrashNotEmpty" });
export type EmptyTrashAnswer = z.infer<typeof emptyTrashAnswerSchema>;
