import type { File, Files, Page } from "../../client/index.ts";
import type { Drive } from "./drive.ts";
import { CliError, EXIT, usage } from "../exit-codes.ts";

const PREFIX = "drive:";
const PAGE = 1000;

export const isRemote = (argument: string): boolean => argument.startsWith(PREFIX);

/** A place in the drive: folder and file names from the root down. `folder`: a slash at its end says that it is one. */
export interface RemotePath {
  names: string[];
  folder: boolean;
}

/** @throws CliError (usage) for a local path, and for steps up */
export function parseRemote(argument: string): RemotePath {
  if (!isRemote(argument)) throw usage(`“${argument}” is not a path of the drive: those begin with \`drive:\`.`);
  const path = argument.slice(PREFIX.length).normalize("NFC");
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.includes("..")) throw usage(`“${argument}”: there is no “..” in paths of the drive.`);
  return { names, folder: names.length === 0 || path.endsWith("/") };
}

export const showRemote = (names: readonly string[]): string => `${PREFIX}/${names.join("/")}`;

/** Every page of a list, one after the other. */
export async function* pages<T>(read: (cursor: string | null) => Promise<Page<T>>): AsyncGenerator<T[]> {
  let cursor: string | null = null;
  do {
    const page: Page<T> = await read(cursor);
    yield page.items;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

export async function allOf<T>(read: (cursor: string | null) => Promise<Page<T>>): Promise<T[]> {
  const all: T[] = [];
  for await (const items of pages(read)) all.push(...items);
  return all;
}

export const childrenOf = (files: Files, folder_id: string): Promise<File[]> =>
  allOf((cursor) => files.contents(folder_id, { sort: "name", order: "asc" }, { cursor, limit: PAGE }));

async function childOf(files: Files, folder_id: string, name: string): Promise<File | null> {
  const read = (cursor: string | null) =>
    files.contents(folder_id, { sort: "name", order: "asc" }, { cursor, limit: PAGE });
  for await (const items of pages(read)) {
    const found = items.find((file) => file.name === name);
    if (found !== undefined) return found;
  }
  return null;
}

/** What lies there, and how far the way exists: `found` is null when only its folder does. */
export interface Resolved {
  path: RemotePath;
  /** Where it lies, or would; null for the root. */
  parent: File | null;
  name: string;
  found: File | null;
}

/** @throws CliError when a folder of the way is missing, or is none */
export async function resolve({ files, session }: Drive, path: RemotePath): Promise<Resolved> {
  let parent: File | null = null;
  let found: File | null = await files.get(session.user!.root_folder_id);
  for (const [depth, name] of path.names.entries()) {
    const above = showRemote(path.names.slice(0, depth));
    if (found === null) throw new CliError(EXIT.not_found, `There is no ${above} in the drive.`);
    if (!found.is_folder) throw new CliError(EXIT.not_found, `${above} is not a folder.`);
    parent = found;
    found = await childOf(files, found.file_id, name);
  }
  return { path, parent, name: path.names.at(-1) ?? "", found };
}

/** @throws CliError when it is not there, or a slash at its end asks for a folder and it is none */
export async function mustFind(drive: Drive, argument: string): Promise<File> {
  const path = parseRemote(argument);
  const { found } = await resolve(drive, path);
  if (found === null) throw new CliError(EXIT.not_found, `There is no ${showRemote(path.names)} in the drive.`);
  if (path.folder && !found.is_folder) throw new CliError(EXIT.not_found, `${showRemote(path.names)} is not a folder.`);
  return found;
}

/** Where things go: into a folder under their own names, or to one new name in a folder. */
export type Target = { folder: File; name: string | null; holder: File | null };

/** As `cp` and `mv` read their last argument. @param several more than one thing goes there */
export async function targetOf(drive: Drive, argument: string, several: boolean): Promise<Target> {
  const path = parseRemote(argument);
  const { found, parent, name } = await resolve(drive, path);
  if (found?.is_folder) return { folder: found, name: null, holder: null };
  if (several || path.folder || parent === null)
    throw new CliError(EXIT.not_found, `There is no folder ${showRemote(path.names)} in the drive.`);
  return { folder: parent, name, holder: found };
}

/** The way from the root to a file, as far as the caller may see it. Folders are asked for once. */
export function pathFinder(files: Files): (file: File) => Promise<string> {
  const known = new Map<string, Promise<File | null>>();
  const folder = (id: string): Promise<File | null> => {
    const asked = known.get(id) ?? files.get(id).catch(() => null);
    known.set(id, asked);
    return asked;
  };
  return async (file) => {
    const names = [file.name];
    for (let at = file.parent_id; at !== null;) {
      const above: File | null = await folder(at);
      if (above === null || above.parent_id === null) break;
      names.unshift(above.name);
      at = above.parent_id;
    }
    return showRemote(names);
  };
}
