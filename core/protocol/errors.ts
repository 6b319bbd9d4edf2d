/**
 * Every failure that a client can cause or should know of. Codes are stable: clients branch on them.
 * Doors (HTTP, WebSocket) map a code to their own status; core never names a status.
 */
export const ERROR_CODES = [
  "account_exists",
  "archive_in_use",
  "archived",
  "base_mismatch",
  "cannot_move_into_itself",
  "chunk_size_mismatch",
  "chunk_too_large",
  "cursor_expired",
  "cursor_invalid",
  "download_limit_reached",
  "file_too_large",
  "forbidden",
  "hash_mismatch",
  "idempotency_key_reused",
  "integrity_error",
  "internal",
  "invalid_credentials",
  "invalid_refresh_token",
  "invalid_request",
  "invite_required",
  "link_expired",
  "link_revoked",
  "master_key_in_use",
  "method_not_allowed",
  "missing_chunks",
  "name_invalid",
  "name_taken",
  "no_preview",
  "not_a_file",
  "not_a_folder",
  "not_found",
  "not_text",
  "not_trashed",
  "parent_not_found",
  "password_required",
  "payload_too_large",
  "precondition_failed",
  "quota_exceeded",
  "range_not_satisfiable",
  "rate_limited",
  "registration_closed",
  "root_is_fixed",
  "size_mismatch",
  "token_expired",
  "token_invalid",
  "token_missing",
  "token_revoked",
  "too_deep",
  "too_many_chunks",
  "trashed",
  "unavailable",
  "unknown_upload",
  "upload_completed",
  "upload_expired",
  "wrong_password",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/** Extra members of a problem document, such as the `file_id` of the holder of a taken name. */
export type ErrorExtra = Readonly<Record<string, unknown>>;

/** The one error of the domain. `detail` is shown to people: plain words, no secrets, no other tenant's data. */
export class DriveError extends Error {
  readonly code: ErrorCode;
  readonly extra: ErrorExtra;

  constructor(code: ErrorCode, detail: string, extra: ErrorExtra = {}) {
    super(detail);
    this.name = "DriveError";
    this.code = code;
    this.extra = extra;
  }
}

/** The form in which a failure crosses an RPC boundary, where only an error's name and message would survive. */
export interface Failure {
  code: ErrorCode;
  detail: string;
  extra: ErrorExtra;
}

export const toFailure = (error: DriveError): Failure => ({
  code: error.code,
  detail: error.message,
  extra: error.extra,
});

export const fromFailure = (failure: Failure): DriveError =>
  new DriveError(failure.code, failure.detail, failure.extra);
