import type { File } from "../../client/index.ts";
import { contentStates, files, session } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { toast } from "../ui/toasts.tsx";
import { applyChanges } from "./apply-changes.ts";
import { queryClient } from "./query-client.ts";

const text = {
  trashed: (some: readonly File[]) => `${named(some)} moved to trash`,
  restored: (some: readonly File[]) => `${named(some)} restored`,
  purged: (some: readonly File[]) => `${named(some)} deleted for ever`,
  emptied: "Trash emptied",
  undo: "Undo",
};

const named = (some: readonly File[]): string =>
  some.length === 1 ? `“${some[0]?.name}”` : `${some.length.toLocaleString()} items`;

const now = (): string => new Date().toISOString();

/** Shows the outcome at once, does it for each, and shows again what the server refused. */
async function each(
  some: readonly File[],
  shown: (file: File) => File | null,
  act: (file: File) => Promise<unknown>,
): Promise<File[]> {
  applyChanges(some.map((file) => ({ file_id: file.file_id, file: shown(file) })));
  const results = await Promise.allSettled(some.map(act));
  const refused = some.filter((_, i) => results[i]?.status === "rejected");
  if (refused.length > 0) {
    applyChanges(refused.map((file) => ({ file_id: file.file_id, file })));
    const first = results.find((r) => r.status === "rejected");
    toast({ message: plainWords(first?.reason), tone: "bad" });
  }
  return some.filter((file) => !refused.includes(file));
}

export async function moveToTrash(some: readonly File[]): Promise<void> {
  const done = await each(
    some,
    (file) => ({ ...file, trashed_at: now() }),
    (file) => files.trash(file.file_id),
  );
  if (done.length > 0)
    toast({ message: text.trashed(done), action: { label: text.undo, act: () => void putBack(done) } });
}

async function putBack(some: readonly File[]): Promise<File[]> {
  const done = await each(
    some,
    (file) => ({ ...file, trashed_at: null }),
    async (file) => {
      // Its place or name may have changed when the old one was taken meanwhile.
      const restored = await files.untrash(file.file_id);
      applyChanges([{ file_id: restored.file_id, file: restored }]);
    },
  );
  return done;
}

export async function restore(some: readonly File[]): Promise<void> {
  const done = await putBack(some);
  if (done.length > 0) toast({ message: text.restored(done) });
}

export async function deleteForEver(some: readonly File[]): Promise<void> {
  const done = await each(
    some,
    () => null,
    (file) => files.purge(file.file_id),
  );
  if (done.length > 0) toast({ message: text.purged(done) });
}

export async function emptyTrash(): Promise<void> {
  await files.empty_trash();
  await queryClient.invalidateQueries({ queryKey: ["trash"] });
  await queryClient.invalidateQueries({ queryKey: ["me"] });
  toast({ message: text.emptied });
}

export async function rename(file: File, name: string): Promise<void> {
  const renamed = await files.update(file.file_id, { name });
  applyChanges([{ file_id: renamed.file_id, file: renamed }]);
}

export async function createFolder(parent_id: string, name: string): Promise<File> {
  const folder = await files.create_folder(parent_id, name);
  applyChanges([{ file_id: folder.file_id, file: folder }]);
  return folder;
}

export async function signOut(): Promise<void> {
  await session.logout().catch(() => undefined);
  await forgetAll();
}

export async function endAccount(password: string): Promise<void> {
  await session.end_account(password);
  await forgetAll();
}

async function forgetAll(): Promise<void> {
  await contentStates.clear().catch(() => undefined);
  queryClient.clear();
}
