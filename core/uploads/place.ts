import type { FileRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import { type Principal, requireRight, type RightsStore } from "../sharing/rights.ts";
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

/** What an earlier try made may have been moved since to where the caller sees nothing: then there is no such file. */
export async function requireSeen(
  rights: RightsStore,
  principal: Principal,
  file: FileRow,
  target: UploadTarget,
): Promise<void> {
  const at = target.kind === "file" ? file.parent_id === target.parent_id : file.file_id === target.file_id;
  if (!at) await requireRight(rights, principal, file.file_id, "view", { allowTrashed: true });
}
