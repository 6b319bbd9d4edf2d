import { ApiError, NetworkError } from "../client/index.ts";
import { plainWords } from "../client/words/plain-words.ts";

/** docs/spec/cli.md, CLI3. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  signed_out: 3,
  not_found: 4,
  refused: 5,
  partly: 6,
  offline: 7,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A failure whose message says all that a person needs. */
export class CliError extends Error {
  readonly code: ExitCode;

  constructor(code: ExitCode, message: string) {
    super(message);
    this.name = "CliError";
    this.code = code;
  }
}

export const usage = (message: string): CliError => new CliError(EXIT.usage, message);

/** Nobody is signed in, or not any more. */
const SIGNED_OUT = new Set([
  "invalid_credentials",
  "invalid_refresh_token",
  "token_expired",
  "token_invalid",
  "token_missing",
  "token_revoked",
]);
const NOT_FOUND = new Set(["not_found", "parent_not_found", "trashed", "link_expired", "link_revoked"]);
const UNREACHABLE = new Set(["unavailable", "rate_limited", "internal", "integrity_error"]);

/** What of the disk is worth its own words; for the rest Node's own do. */
const DISK_WORDS: Record<string, string> = {
  EACCES: "You may not read or write this.",
  EPERM: "You may not read or write this.",
  EROFS: "This place is read-only.",
  ENOSPC: "The disk is full.",
  EDQUOT: "Your space on this disk is used up.",
  EISDIR: "This is a directory.",
  ENOTDIR: "This is not a directory.",
  ENAMETOOLONG: "The name is too long for this disk.",
};

const isDiskError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === "string";

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.code;
  if (error instanceof NetworkError) return EXIT.offline;
  if (isParseArgsError(error)) return EXIT.usage;
  if (isDiskError(error)) return error.code === "ENOENT" ? EXIT.not_found : EXIT.failed;
  if (!(error instanceof ApiError)) return EXIT.failed;
  if (SIGNED_OUT.has(error.code)) return EXIT.signed_out;
  if (NOT_FOUND.has(error.code)) return EXIT.not_found;
  return UNREACHABLE.has(error.code) ? EXIT.failed : EXIT.refused;
}

/** As a sentence for people. */
export function wordsOf(error: unknown): string {
  if (error instanceof CliError || isParseArgsError(error)) return error.message;
  if (error instanceof ApiError && SIGNED_OUT.has(error.code) && error.code !== "invalid_credentials")
    return "You are signed out. Sign in with `edgedrive login`.";
  if (error instanceof ApiError || error instanceof NetworkError) return plainWords(error);
  if (isDiskError(error)) {
    const words = DISK_WORDS[error.code ?? ""] ?? (error.code === "ENOENT" ? "There is no such file." : error.message);
    return error.path === undefined ? words : `${error.path}: ${words}`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** As thrown by `parseArgs` of node:util. */
const isParseArgsError = (error: unknown): error is Error =>
  (error as NodeJS.ErrnoException | undefined)?.code?.startsWith("ERR_PARSE_ARGS") === true;
