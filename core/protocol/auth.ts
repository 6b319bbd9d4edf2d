import { z } from "zod";
import { idSchema, timeSchema } from "./common.ts";

export const emailSchema = z
  .string()
  .trim()
  .max(254)
  .transform((s) => s.normalize("NFC").toLowerCase())
  .pipe(z.email());

/** At least 8 characters (NIST SP 800-63B, 3.1.1); the upper bound keeps hashing cheap to refuse. */
export const passwordSchema = z.string().min(8).max(256);
export const deviceNameSchema = z.string().trim().min(1).max(100);
export const platformSchema = z.string().trim().max(50);

export const registerSchema = z
  .object({
    email: emailSchema,
    password: passwordSchema,
    name: z.string().trim().min(1).max(100),
    invite: z.string().max(200).optional(),
    device_name: deviceNameSchema.optional(),
    platform: platformSchema.optional(),
  })
  .meta({ id: "Register" });

export const endAccountSchema = z.object({ password: z.string().max(256) }).meta({ id: "EndAccount" });

export const loginSchema = z
  .object({
    email: emailSchema,
    password: z.string().max(256),
    totp: z.string().max(20).optional(),
    device_id: idSchema.optional(),
    device_name: deviceNameSchema.optional(),
    platform: platformSchema.optional(),
  })
  .meta({ id: "Login" });

export const refreshSchema = z.object({ refresh_token: z.string().min(1).max(400) }).meta({ id: "Refresh" });

export const userSchema = z
  .object({ user_id: idSchema, email: z.string(), name: z.string(), root_folder_id: idSchema })
  .meta({ id: "User" });
export type User = z.infer<typeof userSchema>;

/** `expires_in` is in seconds. */
export const signedInSchema = z
  .object({
    user: userSchema,
    device_id: idSchema,
    access_token: z.string(),
    refresh_token: z.string(),
    token_type: z.literal("Bearer"),
    expires_in: z.number().int(),
  })
  .meta({ id: "SignedIn" });
export type SignedIn = z.infer<typeof signedInSchema>;

export const quotaSchema = z.object({
  used_bytes: z.number().int(),
  reserved_bytes: z.number().int(),
  limit_bytes: z.number().int(),
});

export const meSchema = z
  .object({
    user: userSchema.extend({ role: z.enum(["admin", "member"]) }),
    tenant: z.object({ tenant_id: z.number().int(), name: z.string(), plan: z.string() }),
    device_id: idSchema,
    quota: quotaSchema,
  })
  .meta({ id: "Me" });
export type Me = z.infer<typeof meSchema>;

export const deviceSchema = z
  .object({
    device_id: idSchema,
    name: z.string(),
    platform: z.string().nullable(),
    last_seen_at: timeSchema.nullable(),
    last_synced_at: timeSchema.nullable(),
    /** The sequence number of one's own drive that it had reached then, to some minutes. */
    acknowledged_seq: z.number().int().nullable(),
    /** `expired`: it is behind what is kept of the journal, and reads everything anew when it comes back. */
    sync_status: z.enum(["synced", "expired", "never"]),
  })
  .meta({ id: "Device" });
export type Device = z.infer<typeof deviceSchema>;

export const inviteSchema = z
  .object({ invite: z.string(), register_url: z.string(), expires_at: timeSchema })
  .meta({ id: "Invite" });
