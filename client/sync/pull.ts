/** Brings the remote tree to the end of the journal: EX1, EX6, VD3, VD4. */
import { isCode, NetworkError } from "../errors.ts";
import type { Remote, RemoteChange, RemoteFile } from "./ports.ts";
import { SHARED_ID } from "./remote-tree.ts";
import type { SyncState } from "./state.ts";

const CURSOR = "cursor";
const SEEN = "seen:";

/** The last sequence number that we know of a drive (CF6). */
export const seenOf = (state: SyncState, drive_id: string): number | undefined => {
  const seen = state.values.get(SEEN + drive_id);
  return seen === undefined ? undefined : Number(seen);
};

/** @throws ApiError, NetworkError: then what was read so far is kept, and the tree may not be planned over */
export async function pull(remote: Remote, state: SyncState): Promise<void> {
  if (!state.values.has(CURSOR)) await readAll(remote, state);
  for (;;) {
    try {
      const page = await remote.changes(state.values.get(CURSOR) ?? null);
      await take(remote, state, page.changes, page.cursor);
      if (!page.has_more) break;
    } catch (error) {
      if (!isCode(error, "cursor_expired", "cursor_invalid")) throw error;
      await readAll(remote, state);
    }
  }
  dropInvisible(state);
}

async function take(remote: Remote, state: SyncState, changes: readonly RemoteChange[], cursor: string): Promise<void> {
  if (changes.length === 0 && cursor === state.values.get(CURSOR)) return;
  // Before anything is applied: when a stream breaks off, the page is read once more as if for the first time.
  const folders: RemoteFile[] = [];
  const dropped = new Set(changes.filter(isGone).flatMap(({ file_id }) => [...state.remote.tree.below(file_id)]));
  for (const change of changes)
    if (isUnread(state, change, dropped)) folders.push(...(await readFolder(remote, change.file_id)));
  for (const change of changes) state.remote.apply(change);
  for (const file of folders) state.remote.put(file);
  const seen: Record<string, string> = {};
  for (const { drive_id, seq } of changes)
    seen[SEEN + drive_id] = String(Math.max(seq, seenOf(state, drive_id) ?? 0, Number(seen[SEEN + drive_id] ?? 0)));
  await save(state, { ...seen, [CURSOR]: cursor });
}

const isGone = ({ file }: RemoteChange): boolean => file === null || file.trashed_at !== null;

/**
 * A folder whose inside no change tells: moved in, brought back, shared, or shared with other rights (VD4).
 * @param dropped goes with what it lay in, by the same page
 */
function isUnread(state: SyncState, change: RemoteChange, dropped: ReadonlySet<string>): boolean {
  const { op, file_id, drive_id, file } = change;
  if (isGone(change) || !file!.is_folder) return false;
  if (op === "shared" && drive_id !== state.me.drive_id) return true;
  if (drive_id !== state.me.drive_id && state.remote.get(file_id)?.permission !== file!.permission) return true;
  return op !== "created" && (!state.remote.tree.has(file_id) || dropped.has(file_id));
}

async function save(state: SyncState, values: Record<string, string>): Promise<void> {
  const touched = state.remote.takeTouched();
  for (const [id] of touched) state.dirty.add(id);
  await state.write({ remote: touched, values });
}

/** A folder that is gone by now has nothing: the journal will tell. */
async function readFolder(remote: Remote, folder_id: string): Promise<RemoteFile[]> {
  try {
    const { files } = await whole(remote, folder_id);
    return files;
  } catch (error) {
    if (isCode(error, "not_found", "trashed", "forbidden")) return [];
    throw error;
  }
}

/** Compared with what was there: only what the whole snapshot does not have any more is gone. */
async function readAll(remote: Remote, state: SyncState): Promise<void> {
  const { files, cursor } = await whole(remote, null);
  const there = new Set(files.map(({ file_id }) => file_id));
  const before = [...state.remote.tree.ids()];
  for (const id of before) if (!there.has(id) && id !== SHARED_ID && id !== state.me.root_id) state.remote.remove(id);
  for (const file of files) state.remote.put(file);
  await save(state, { [CURSOR]: cursor! });
}

async function whole(
  remote: Remote,
  folder_id: string | null,
): Promise<{ files: RemoteFile[]; cursor: string | null }> {
  const files: RemoteFile[] = [];
  let cursor: string | null = null;
  for await (const line of remote.snapshot(folder_id)) {
    if (line.type === "end") return { files, cursor };
    if (line.type === "start") cursor = line.cursor;
    if (line.type === "file") files.push(line.file);
  }
  throw new NetworkError(new Error("The snapshot broke off."));
}

/** What lies in nothing that we see, such as a trashed folder's files of which something was told since. */
function dropInvisible(state: SyncState): void {
  for (const id of state.dirty)
    if (state.remote.get(id) !== undefined && !state.remote.isVisible(id)) state.remote.remove(id);
}
