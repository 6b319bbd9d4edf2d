/** Domain errors as HTTP: RFC 9457 problem documents. The one place that knows statuses. */
import type { DriveError, ErrorCode } from "../../core/protocol/errors.ts";

const STATUS: Record<ErrorCode, number> = {
  account_exists: 409,
  archive_in_use: 409,
  archived: 409,
  base_mismatch: 409,
  cannot_move_into_itself: 409,
  chunk_size_mismatch: 422,
  chunk_too_large: 413,
  cursor_expired: 410,
  cursor_invalid: 400,
  download_limit_reached: 410,
  file_too_large: 413,
  forbidden: 403,
  hash_mismatch: 422,
  idempotency_key_reused: 422,
  integrity_error: 500,
  internal: 500,
  invalid_credentials: 401,
  invalid_refresh_token: 401,
  invalid_request: 400,
  invite_required: 403,
  link_expired: 410,
  link_revoked: 410,
  master_key_in_use: 409,
  method_not_allowed: 405,
  missing_chunks: 409,
  name_invalid: 422,
  name_taken: 409,
  no_preview: 404,
  not_a_file: 409,
  not_a_folder: 409,
  not_found: 404,
  not_text: 422,
  not_trashed: 409,
  parent_not_found: 404,
  password_required: 401,
  payload_too_large: 413,
  precondition_failed: 412,
  quota_exceeded: 413,
  range_not_satisfiable: 416,
  rate_limited: 429,
  registration_closed: 403,
  root_is_fixed: 409,
  size_mismatch: 422,
  token_expired: 401,
  token_invalid: 401,
  token_missing: 401,
  token_revoked: 401,
  too_deep: 422,
  too_many_chunks: 413,
  trashed: 410,
  unavailable: 503,
  unknown_upload: 404,
  upload_completed: 409,
  upload_expired: 410,
  wrong_password: 401,
};

const title = (code: ErrorCode): string => `${code.charAt(0).toUpperCase()}${code.slice(1).replaceAll("_", " ")}`;

/** Headers that the standard asks for with a status. */
function headersFor(error: DriveError, status: number): Record<string, string> {
  const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
  if (status === 401) headers["www-authenticate"] = `Bearer realm="edgedrive", error="${error.code}"`;
  const retry = error.extra.retry_after;
  if (typeof retry === "number") headers["retry-after"] = String(Math.max(1, Math.ceil(retry)));
  if (status === 429 && typeof retry === "number")
    headers.ratelimit = `"default";r=0;t=${Math.max(1, Math.ceil(retry))}`;
  if (status === 503) headers["retry-after"] = "1";
  const size = error.extra.complete_length;
  if (status === 416 && typeof size === "number") headers["content-range"] = `bytes */${size}`;
  return headers;
}

export const statusOf = (code: ErrorCode): number => STATUS[code];

export function problem(error: DriveError, request_id: string): Response {
  const status = statusOf(error.code);
  const body = {
    ...error.extra,
    type: `/api/docs#${error.code}`,
    title: title(error.code),
    status,
    code: error.code,
    detail: error.message,
    request_id,
  };
  return Response.json(body, { status, headers: { ...headersFor(error, status), "x-request-id": request_id } });
}
