import { DriveError } from "../protocol/errors.ts";

export const noSpace = (needed_bytes: number, free_bytes: number): DriveError =>
  new DriveError("quota_exceeded", "There is not enough space left in this drive.", { needed_bytes, free_bytes });
