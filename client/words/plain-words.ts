import { ApiError, NetworkError } from "../errors.ts";

/** Where the server's own words are too terse for people, or ask for something that this app can say better. */
const WORDS: Record<string, string> = {
  account_exists: "There is already an account with this address. Sign in instead?",
  cannot_move_into_itself: "A folder cannot be moved into itself.",
  file_too_large: "This file is larger than this drive accepts.",
  forbidden: "You do not have the right to do this.",
  hash_mismatch: "The file changed while it was being uploaded. Try again.",
  integrity_error: "The stored bytes do not match what was saved. Tell the operator.",
  invalid_credentials: "The address or the password is not right.",
  invite_required: "This drive is by invitation. Ask its owner for an invitation link.",
  not_found: "This is no longer here. It may have been moved or deleted.",
  parent_not_found: "The folder is no longer here.",
  quota_exceeded: "Your storage is full. Delete something for ever, or ask for more space.",
  rate_limited: "That was a lot at once. Wait a moment, then try again.",
  registration_closed: "This drive takes no new accounts.",
  trashed: "This is in the trash.",
  unavailable: "The server has a problem. Try again in a moment.",
  wrong_password: "That is not your password.",
};

const OFFLINE = "No connection. Try again when you are online.";
const UNREADABLE = "The file can no longer be read. It may have been changed, moved or deleted on this device.";
const UNKNOWN = "Something went wrong. Try again.";

/** A failure as a sentence for people. */
export function plainWords(error: unknown): string {
  if (error instanceof ApiError) return WORDS[error.code] ?? error.detail;
  if (error instanceof NetworkError) return OFFLINE;
  // What reading a chosen file throws when it is gone (File API, section 4.2).
  if (error instanceof DOMException && /NotReadable|NotFound/.test(error.name)) return UNREADABLE;
  return UNKNOWN;
}
