import { DriveError } from "../protocol/errors.ts";

/** Stored bytes are not what was stored. @param what for whoever mends it; names no file and no key */
export const damaged = (what: string): DriveError =>
  new DriveError("integrity_error", `Some of this file's bytes cannot be read: ${what}.`);

export const packMissing = (): DriveError => damaged("a pack is missing");

/** Whether something is damaged for good; what did not answer may well be whole (S13). */
export const isDamage = (error: unknown): boolean => error instanceof DriveError && error.code === "integrity_error";
