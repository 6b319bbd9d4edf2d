import type { FileRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import type { UploadTarget } from "./model.ts";

/** What a target must be for the bytes that go there; asked before they are taken, and again by the commit. */
export function requirePlace(file: FileRow, target: UploadTarget): void {
  if (target.kind === "file") {
    if (!file.is_folder) throw new DriveError("not_a_folder", `“${file.name}” is not a folder.`);
    return;
  }
  if (file.is_folder) throw new DriveError("not_a_file", `“${file.name}” is a folder.`);
  if (target.if_version_id !== null && target.if_version_id !== file.version_id)
    throw new DriveError("precondition_failed", "The file has changed since.", { version_id: file.version_id });
}
