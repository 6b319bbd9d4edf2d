/** A link: who may pass, and how long an answer may be kept. Pure. docs/spec/links.md, L2, L4, L9. */
import { z } from "zod";
import { idSchema, permissionWordSchema } from "../protocol/common.ts";
import { DriveError } from "../protocol/errors.ts";
import { shareTokenSchema } from "../protocol/ids.ts";

/** What a link shows of a file; `manifest` is null for a folder. */
export const sharedFileSchema = z.object({
  file_id: idSchema,
  name: z.string(),
  is_folder: z.boolean(),
  size: z.number(),
  mime_type: z.string().nullable(),
  version_id: idSchema.nullable(),
  content_hash: z.string().nullable(),
  updated_at: z.number(),
  manifest: z.string().nullable(),
});
export type SharedFile = z.infer<typeof sharedFileSchema>;

/** A link with what it leads to: one query finds it. A schema, because caches keep it. */
export const linkSchema = z.object({
  tenant_id: z.number(),
  token: shareTokenSchema,
  permission_id: idSchema,
  permission: permissionWordSchema,
  password_hash: z.string().nullable(),
  max_downloads: z.number().nullable(),
  expires_at: z.number().nullable(),
  revoked_at: z.number().nullable(),
  /** The file itself, or a folder above it, is in the trash. */
  trashed: z.boolean(),
  file: sharedFileSchema,
});
export type Link = z.infer<typeof linkSchema>;

/** Milliseconds for which what was read of a link may be believed. With a lost purge, a revoked link lives this long. */
export const RESOLUTION_TTL = 60_000;

/** Milliseconds: how long a counted download may be resumed, and how long a password need not be repeated. */
export const TICKET_TTL = 3_600_000;

const unknown = (): DriveError => new DriveError("not_found", "There is no such link.");

/** Throws `not_found`, `link_revoked` or `link_expired`. What its owner trashed is as if it had never been shared. */
export function requireOpen(link: Link | null, now: number): Link {
  if (link === null) throw unknown();
  if (link.revoked_at !== null) throw new DriveError("link_revoked", "This link was withdrawn by its owner.");
  if (link.expires_at !== null && link.expires_at <= now)
    throw new DriveError("link_expired", "This link has expired.");
  if (link.trashed) throw unknown();
  return link;
}

/** Links that ask or count: nothing of them is kept in any cache, and `LinkGate` decides. */
export const isGuarded = (link: Link): boolean => link.password_hash !== null || link.max_downloads !== null;

/** @param read_at when the read of the link began */
export const keptUntil = (link: Link, read_at: number): number =>
  Math.min(read_at + RESOLUTION_TTL, link.expires_at ?? Infinity);
