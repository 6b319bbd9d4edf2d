/** What was sent and never answered, seen from what the journal tells since: EX1. */
import type { SyncedItem, Underway } from "./ports.ts";
import type { SyncState } from "./state.ts";

/** No content has this size, so what lies on the disk counts as changed since. */
const UNKNOWN = { size: -1, modified_ms: 0 };

/** Puts that were done though their answer was lost: what the file has there is what it had here then. */
export async function resolveUnderway(state: SyncState): Promise<void> {
  const answered = [...state.underway.values()].filter((underway) => isDone(state, underway));
  if (answered.length > 0) await state.write({ underway: answered.map(({ op_id }) => [op_id, null]) });
}

function isDone(state: SyncState, { change, hash }: Underway): boolean {
  if (hash === null) return false;
  const put = JSON.parse(change) as { file_id?: string; parent_id?: string; name?: string };
  return put.file_id === undefined
    ? isMade(state, put.parent_id!, put.name!, hash)
    : isChanged(state, put.file_id, hash);
}

function isChanged(state: SyncState, file_id: string, hash: string): boolean {
  const remote = state.remote.get(file_id);
  const synced = state.synced.get(file_id);
  if (remote === undefined || synced === undefined || remote.content_hash !== hash) return false;
  if (remote.version_id === synced.version_id) return false;
  const vector = state.own(synced.vector, remote.vector);
  state.agree(file_id, {
    ...synced,
    version_id: remote.version_id,
    hash,
    vector,
    local: { ...synced.local, ...UNKNOWN },
  });
  return true;
}

function isMade(state: SyncState, parent_id: string, name: string, hash: string): boolean {
  const folder = state.local.of(parent_id);
  const node_id = folder && state.local.tree.named(folder, name).find((id) => state.local.get(id)!.file_id === null);
  const remote = state.remote.tree
    .named(parent_id, name)
    .map((id) => state.remote.get(id)!)
    .find(({ file_id, content_hash }) => content_hash === hash && !state.synced.has(file_id));
  if (node_id === undefined || remote === undefined) return false;
  const node = state.local.get(node_id)!;
  if (node.is_folder || remote.vector[state.me.device_id] === undefined) return false;
  const item: SyncedItem = {
    file_id: remote.file_id,
    drive_id: remote.drive_id,
    parent_id,
    name,
    is_folder: false,
    vector: state.own({}, remote.vector),
    version_id: remote.version_id,
    hash,
    local: { ...node.seen, ...UNKNOWN, name: node.disk_name },
  };
  state.agree(remote.file_id, item);
  state.local.bind(node_id, remote.file_id);
  return true;
}
