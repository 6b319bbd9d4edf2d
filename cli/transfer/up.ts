import { type Dirent, lstatSync, statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import {
  type ApiError,
  type File,
  Gate,
  isCode,
  isSmall,
  upload,
  uploadMany,
  type UploadRequest,
} from "../../client/index.ts";
import type { Drive } from "../drive/drive.ts";
import { childrenOf, type Target } from "../drive/paths.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { localSource, openBytes } from "./local-source.ts";
import type { Transfer } from "./transfer.ts";

/** Files that are looked at and handed over at once: their sources are in memory, their bytes are not. */
const AT_ONCE = 2000;
/** Folders that are made or listed at the same time. */
const FOLDERS_AT_ONCE = 5;

interface LocalFile {
  path: string;
  name: string;
  size: number;
  modified_ms: number;
}

interface LocalFolder {
  path: string;
  files: LocalFile[];
  folders: (LocalFolder & { name: string })[];
}

/** A file whose place is known, and what has its name there. */
interface Planned extends LocalFile {
  folder: File;
  holder: File | null;
}

/** Uploads what the paths name into the target. */
export async function sendUp(
  drive: Drive,
  transfer: Transfer,
  paths: readonly string[],
  { target, recursive }: { target: Target; recursive: boolean },
): Promise<void> {
  const planned: Planned[] = [];
  const gate = new Gate(FOLDERS_AT_ONCE);
  // Existing things are listed once for all that goes there.
  const existing = target.name === null ? await byName(drive, target.folder) : new Map<string, File>();
  for (const path of paths) {
    const found = statSync(path);
    const name = (target.name ?? basename(resolve(path))).normalize("NFC");
    const holder = target.name === null ? (existing.get(name) ?? null) : target.holder;
    if (found.isDirectory()) {
      if (!recursive) throw new CliError(EXIT.refused, `${path} is a directory: -r copies it with all that is in it.`);
      const tree = await readTree(path, transfer);
      const folder = await folderIn(drive, target.folder, name, holder);
      await plan(drive, transfer, tree, folder, planned, gate);
    } else if (found.isFile()) {
      transfer.expect(found.size);
      planned.push({ path, name, size: found.size, modified_ms: found.mtimeMs, folder: target.folder, holder });
    } else transfer.failed(path, new CliError(EXIT.refused, "This is neither a file nor a directory."));
  }
  const wanted = planned.filter((file) => {
    if (!isThere(file)) return true;
    transfer.skip(file.size);
    return false;
  });
  for (let at = 0; at < wanted.length; at += AT_ONCE) await send(drive, transfer, wanted.slice(at, at + AT_ONCE));
}

/** CLI7: what an earlier run has sent has this size and time. */
const isThere = ({ holder, size, modified_ms }: Planned): boolean =>
  holder !== null &&
  !holder.is_folder &&
  holder.size === size &&
  holder.modified_at !== null &&
  Date.parse(holder.modified_at) === Math.floor(modified_ms);

const byName = async ({ files }: Drive, folder: File): Promise<Map<string, File>> =>
  new Map((await childrenOf(files, folder.file_id)).map((file) => [file.name, file]));

/** Symbolic links and special files are told and left alone, and so is what cannot be read. */
async function readTree(path: string, transfer: Transfer): Promise<LocalFolder> {
  const tree: LocalFolder = { path, files: [], folders: [] };
  let entries: Dirent[] = [];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    transfer.failed(path, error);
  }
  for (const entry of entries) {
    const below = join(path, entry.name);
    const name = entry.name.normalize("NFC");
    try {
      if (entry.isDirectory()) tree.folders.push({ ...(await readTree(below, transfer)), name });
      else if (entry.isFile()) {
        const { size, mtimeMs } = lstatSync(below);
        transfer.expect(size);
        tree.files.push({ path: below, name, size, modified_ms: mtimeMs });
      } else {
        const what = entry.isSymbolicLink() ? "a symbolic link" : "neither a file nor a directory";
        transfer.failed(below, new CliError(EXIT.refused, `This is ${what}: it stays here.`));
      }
    } catch (error) {
      transfer.failed(below, error);
    }
  }
  return tree;
}

/** Makes the folders, several at a time, and finds the place of each file. */
async function plan(
  drive: Drive,
  transfer: Transfer,
  tree: LocalFolder,
  { folder, isNew }: { folder: File; isNew: boolean },
  planned: Planned[],
  gate: Gate,
): Promise<void> {
  const empty = isNew || (tree.files.length === 0 && tree.folders.length === 0);
  const existing = empty ? new Map<string, File>() : await gate.run(() => byName(drive, folder));
  for (const file of tree.files) planned.push({ ...file, folder, holder: existing.get(file.name) ?? null });
  await Promise.all(
    tree.folders.map(async (below) => {
      try {
        const made = await gate.run(() => folderIn(drive, folder, below.name, existing.get(below.name) ?? null));
        await plan(drive, transfer, below, made, planned, gate);
      } catch (error) {
        transfer.failed(below.path, error);
      }
    }),
  );
}

/** The folder of that name, made now or there before. */
async function folderIn(
  { files }: Drive,
  parent: File,
  name: string,
  holder: File | null,
): Promise<{ folder: File; isNew: boolean }> {
  if (holder?.is_folder) return { folder: holder, isNew: false };
  try {
    return { folder: await files.create_folder(parent.file_id, name), isNew: true };
  } catch (error) {
    if (!isCode(error, "name_taken")) throw error;
    const other = await files.get((error as ApiError).extra["file_id"] as string);
    if (!other.is_folder) throw error;
    return { folder: other, isNew: false };
  }
}

/** Small new files go together, everything else by itself. */
async function send(drive: Drive, transfer: Transfer, planned: readonly Planned[]): Promise<void> {
  const small: { file: Planned; request: UploadRequest }[] = [];
  const alone: { file: Planned; request: UploadRequest }[] = [];
  for (const file of planned) {
    try {
      const request = await requestOf(file, transfer.counter());
      (isSmall(request) ? small : alone).push({ file, request });
    } catch (error) {
      transfer.failed(file.path, error);
    }
  }
  const settle = (file: Planned, result: PromiseSettledResult<unknown>): void =>
    result.status === "fulfilled" ? transfer.done(file.path, file.size) : transfer.failed(file.path, result.reason);
  const together = uploadMany(
    drive.uploads,
    small.map(({ request }) => request),
  ).then((results) => results.forEach((result, i) => settle(small[i]!.file, result)));
  await Promise.all([together, sendAlone(drive, alone, settle)]);
}

async function sendAlone(
  { uploads }: Drive,
  sends: readonly { file: Planned; request: UploadRequest }[],
  settle: (file: Planned, result: PromiseSettledResult<unknown>) => void,
): Promise<void> {
  const open = new Gate(uploads_at_once);
  await Promise.all(
    sends.map(({ file, request }) =>
      open.run(async () => {
        const [result] = await Promise.allSettled([
          (async () => {
            const bytes = await openBytes(file.path, request.source.size);
            await upload(uploads, { ...request, bytes }).finally(() => bytes.close());
          })(),
        ]);
        settle(file, result);
      }),
    ),
  );
}

/** Large files that are open at the same time: each holds a few parts in memory. */
const uploads_at_once = 3;

async function requestOf(
  { path, name, folder, holder }: Planned,
  count: (sent: number) => void,
): Promise<UploadRequest> {
  if (holder?.is_folder) throw new CliError(EXIT.refused, "A folder of this name is in the way.");
  const source = Object.assign(await localSource(path), { name });
  return {
    source,
    parent_id: folder.file_id,
    ...(holder === null ? {} : { file_id: holder.file_id }),
    onProgress: ({ sent }) => count(sent),
  };
}
