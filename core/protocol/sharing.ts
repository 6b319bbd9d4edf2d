import { z } from "zod";
import { idSchema, permissionWordSchema, sizeSchema, timeSchema } from "./common.ts";
import { emailSchema } from "./auth.ts";
import { fileSchema } from "./files.ts";

const grantable = z.enum(["view", "comment", "edit"]);
/** Seconds: a minute to ten years. */
const expiresIn = z.number().int().min(1).max(315_360_000).optional();

export const shareSchema = z
  .union([
    z.strictObject({ email: emailSchema, permission: grantable, expires_in: expiresIn }),
    z.strictObject({ user_id: idSchema, permission: grantable, expires_in: expiresIn }),
    z.strictObject({
      link: z.literal(true),
      permission: grantable,
      expires_in: expiresIn,
      password: z.string().min(1).max(256).optional(),
      max_downloads: z.number().int().min(1).max(1_000_000).optional(),
    }),
    z.strictObject({ team_id: idSchema, permission: grantable, expires_in: expiresIn }),
    // The seed's journey: a body of its own words makes a link.
    z.strictObject({ permissions: z.enum(["read", "write"]), expires_in: expiresIn }),
  ])
  .meta({ id: "Share" });

export const permissionSchema = z
  .object({
    permission_id: idSchema,
    file_id: idSchema,
    kind: z.enum(["user", "pending", "link"]),
    permission: permissionWordSchema,
    user_id: idSchema.nullable(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    share_link: z.string().nullable(),
    token: z.string().nullable(),
    has_password: z.boolean(),
    max_downloads: z.number().int().nullable(),
    created_by: idSchema,
    created_at: timeSchema,
    expires_at: timeSchema.nullable(),
  })
  .meta({ id: "Permission" });
export type Permission = z.infer<typeof permissionSchema>;

/** `share_link` and `token` are there for links. */
export const sharedSchema = permissionSchema
  .extend({ share_link: z.string().optional(), token: z.string().optional() })
  .meta({ id: "Shared" });

export const updatePermissionSchema = z
  .object({ permission: grantable.optional(), expires_in: expiresIn.nullable() })
  .meta({ id: "UpdatePermission" });

/** What anyone who holds the link may know of it. */
export const linkInfoSchema = z
  .object({
    token: z.string(),
    file_id: idSchema,
    name: z.string(),
    is_folder: z.boolean(),
    size: sizeSchema,
    mime_type: z.string().nullable(),
    permission: permissionWordSchema,
    expires_at: timeSchema.nullable(),
    updated_at: timeSchema,
    download_url: z.string(),
  })
  .meta({ id: "LinkInfo" });
export type LinkInfo = z.infer<typeof linkInfoSchema>;

export const sharedWithMeSchema = z
  .object({ file: fileSchema, shared_by: z.string().nullable(), shared_at: timeSchema })
  .meta({ id: "SharedWithMe" });
