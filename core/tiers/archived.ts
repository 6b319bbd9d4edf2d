/** Bytes that are in the archive, and have to come back before they can be read. docs/spec/tiers.md, TI17. */
import { DriveError, type ErrorExtra } from "../protocol/errors.ts";

export const archived = (extra: ErrorExtra = {}): DriveError =>
  new DriveError("archived", "These bytes are in the archive; ask for them back, and they can be read later.", extra);

export const isArchivedError = (error: unknown): boolean => error instanceof DriveError && error.code === "archived";
