import { DriveError } from "../protocol/errors.ts";

/** Stored bytes are not what was stored. @param what for whoever mends it; names no file and no key */
export const damaged = (what: string): DriveError =>
  new DriveError("integrity_error", `Some of this file's bytes cannot be read: ${what}.`);
