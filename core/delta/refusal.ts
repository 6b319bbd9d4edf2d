import { DriveError } from "../protocol/errors.ts";

/** What a client sent is malformed. `reason` is stable, for logs and tests; `detail` is for people. */
export const refusal = (reason: string, detail: string): DriveError =>
  new DriveError("invalid_request", detail, { reason });

/** The base is not what the delta was made for: send the bytes whole (D7). */
export const baseMismatch = (detail: string): DriveError => new DriveError("base_mismatch", detail);
