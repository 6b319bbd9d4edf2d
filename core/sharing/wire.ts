import type { PermissionRow } from "../files/model.ts";
import { toTime, toTimeOrNull } from "../protocol/common.ts";
import type { LinkInfo, Permission } from "../protocol/sharing.ts";
import type { Link } from "./links.ts";

const linkTo = (origin: string, token: string): string => `${origin}/s/${token}`;

/** @param origin of this deployment, as the caller sees it */
export const permissionToWire = (row: PermissionRow, origin: string): Permission => ({
  permission_id: row.permission_id,
  file_id: row.file_id,
  kind: row.kind,
  permission: row.permission,
  user_id: row.user_id,
  email: row.email,
  name: row.name,
  share_link: row.token === null ? null : linkTo(origin, row.token),
  token: row.token,
  has_password: row.password_hash !== null,
  max_downloads: row.max_downloads,
  created_by: row.created_by,
  created_at: toTime(row.created_at),
  expires_at: toTimeOrNull(row.expires_at),
});

export const linkToWire = ({ token, file, permission, expires_at }: Link, origin: string): LinkInfo => ({
  token,
  file_id: file.file_id,
  name: file.name,
  is_folder: file.is_folder,
  size: file.size,
  mime_type: file.mime_type,
  permission,
  expires_at: toTimeOrNull(expires_at),
  updated_at: toTime(file.updated_at),
  download_url: `${linkTo(origin, token)}/${file.is_folder ? "contents" : "download"}`,
});
