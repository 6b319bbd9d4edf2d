/** What of the browser's `FileSystemEntry` a dropped tree is read by. */
export interface DroppedEntry {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly name: string;
}
interface FileEntry extends DroppedEntry {
  file(resolve: (file: File) => void, reject: (error: unknown) => void): void;
}
interface DirectoryEntry extends DroppedEntry {
  createReader(): { readEntries(resolve: (entries: DroppedEntry[]) => void, reject: (error: unknown) => void): void };
}

/** A file, or a folder that has to exist even when it is empty; `path` are the folders above it, outermost first. */
export type Dropped =
  | { kind: "folder"; path: string[]; name: string }
  | { kind: "file"; path: string[]; file: File }
  | { kind: "unreadable"; path: string[]; name: string };

/** Every entry of dropped trees, a folder always before what is in it. Breadth does not matter: one entry is held at a time. */
export async function* walkDropped(entries: Iterable<DroppedEntry>, path: string[] = []): AsyncGenerator<Dropped> {
  for (const entry of entries) {
    if (entry.isDirectory) {
      yield { kind: "folder", path, name: entry.name };
      yield* walkFolder(entry as DirectoryEntry, [...path, entry.name]);
    } else if (entry.isFile) {
      yield await readFile(entry as FileEntry, path);
    }
  }
}

async function* walkFolder(folder: DirectoryEntry, path: string[]): AsyncGenerator<Dropped> {
  const reader = folder.createReader();
  // Chromium hands out a hundred at a time; an empty batch is the end.
  for (;;) {
    const batch = await new Promise<DroppedEntry[]>((resolve, reject) => reader.readEntries(resolve, reject)).catch(
      () => null,
    );
    if (batch === null) return yield { kind: "unreadable", path: path.slice(0, -1), name: folder.name };
    if (batch.length === 0) return;
    yield* walkDropped(batch, path);
  }
}

async function readFile(entry: FileEntry, path: string[]): Promise<Dropped> {
  try {
    return { kind: "file", path, file: await new Promise<File>((resolve, reject) => entry.file(resolve, reject)) };
  } catch {
    return { kind: "unreadable", path, name: entry.name };
  }
}

/** Files chosen as a folder carry their path (`Holiday/Day/a.jpg`): the same tree as if it had been dropped. */
export function entriesOfChosen(chosen: Iterable<File>): DroppedEntry[] {
  const root: ChosenFolder = { folders: new Map(), files: [] };
  for (const file of chosen) {
    const path = file.webkitRelativePath.split("/").slice(0, -1);
    let folder = root;
    for (const name of path) {
      const inner: ChosenFolder = folder.folders.get(name) ?? { folders: new Map(), files: [] };
      folder.folders.set(name, inner);
      folder = inner;
    }
    folder.files.push(file);
  }
  return entriesOf(root);
}

interface ChosenFolder {
  folders: Map<string, ChosenFolder>;
  files: File[];
}

function entriesOf(folder: ChosenFolder): DroppedEntry[] {
  const folders = [...folder.folders].map(([name, inner]): DirectoryEntry => {
    const createReader = () => {
      let batch = entriesOf(inner);
      return {
        readEntries: (resolve: (entries: DroppedEntry[]) => void) => {
          resolve(batch);
          batch = [];
        },
      };
    };
    return { isFile: false, isDirectory: true, name, createReader };
  });
  const files = folder.files.map((file): FileEntry => {
    return { isFile: true, isDirectory: false, name: file.name, file: (resolve) => resolve(file) };
  });
  return [...folders, ...files];
}
