/** A link: who may pass, and how long an answer may be kept. Pure. docs/spec/links.md, L2, L4, L9. */
import type { PermissionWord } from "../protocol/common.ts";
import { DriveError } from "../protocol/errors.ts";
import type { TenantId } from "../protocol/ids.ts";

/** What a link shows of a file; `manifest` is null for a folder. */
export interface SharedFile {
  file_id: string;
  name: string;
  is_folder: boolean;
  size: number;
  mime_type: string | null;
  version_id: string | null;
  content_hash: string | null;
  updated_at: number;
  manifest: string | null;
}

/** A link with what it leads to: one query finds it. */
export interface Link {
  tenant_id: TenantId;
  token: string;
  permission_id: string;
  permission: PermissionWord;
  password_hash: string | null;
  max_downloads: number | null;
  expires_at: number | null;
  revoked_at: number | null;
  /** The file itself, or a folder above it, is in the trash. */
  trashed: boolean;
  file: SharedFile;
}

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

/** A new link's answer to `expires_in` (seconds). */
export const expiryOf = (expires_in: number | undefined, now: number): number | null =>
  expires_in === undefined ? null : now + expires_in * 1000;
