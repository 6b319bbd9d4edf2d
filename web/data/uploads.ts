import { useSyncExternalStore } from "react";
import { isCode, uploadMany, type ApiError, type UploadSource } from "../../client/index.ts";
import { files, uploadTools } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { walkDropped, type DroppedEntry } from "../lib/tree-drop.ts";
import { applyChanges } from "./apply-changes.ts";
import { isOffline, onOfflineChange } from "./live.ts";
import { UploadQueue, type UploadsSnapshot } from "./upload-queue.ts";

export const uploads = new UploadQueue(
  (requests) => uploadMany(uploadTools, requests),
  (file) => applyChanges([{ file_id: file.file_id, file }]),
);
onOfflineChange(() => {
  if (!isOffline()) uploads.resume();
});

export const useUploads = (): UploadsSnapshot => useSyncExternalStore(uploads.subscribe, uploads.snapshot);

/** A folder of that name, made now or there before. */
async function folderIn(parent_id: string, name: string): Promise<string> {
  try {
    const folder = await files.create_folder(parent_id, name);
    applyChanges([{ file_id: folder.file_id, file: folder }]);
    return folder.file_id;
  } catch (error) {
    if (!isCode(error, "name_taken")) throw error;
    const holder = await files.get((error as ApiError).extra["file_id"] as string);
    if (!holder.is_folder) throw error;
    return holder.file_id;
  }
}

/** Uploads dropped files and whole folders. What cannot be read or made is shown in the tray; the rest goes on. */
export async function uploadEntries(entries: DroppedEntry[], parent_id: string): Promise<void> {
  const made = new Map<string, string>([["", parent_id]]);
  const keyOf = (path: string[]): string => path.map((p) => `/${p}`).join("");
  for await (const dropped of walkDropped(entries)) {
    const parent = made.get(keyOf(dropped.path));
    const name = dropped.kind === "file" ? dropped.file.name : dropped.name;
    // Its folder could not be made, and the tray says so already.
    if (parent === undefined) continue;
    if (dropped.kind === "file") uploads.add([dropped.file], parent);
    else if (dropped.kind === "unreadable") uploads.addFailed(name, parent, "It cannot be read on this device.");
    else {
      await folderIn(parent, name)
        .then((id) => made.set(keyOf([...dropped.path, name]), id))
        .catch((error: unknown) => uploads.addFailed(name, parent, plainWords(error)));
    }
  }
}

export const uploadFiles = (chosen: Iterable<UploadSource>, parent_id: string): void => uploads.add(chosen, parent_id);
