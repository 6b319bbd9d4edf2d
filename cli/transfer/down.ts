import { chmod, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type File, Gate } from "../../client/index.ts";
import type { Drive } from "../drive/drive.ts";
import { childrenOf } from "../drive/paths.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { download } from "./download.ts";
import type { Transfer } from "./transfer.ts";

const AT_ONCE = 5;

/** A file and the place it goes to. */
type Wanted = { file: File; path: string };

/** Downloads files, and folders with what is in them; `into`: a directory that is there, else the new name of the only one. */
export async function bringDown(
  drive: Drive,
  transfer: Transfer,
  found: readonly File[],
  { destination, into, recursive }: { destination: string; into: boolean; recursive: boolean },
): Promise<void> {
  const wanted: Wanted[] = [];
  for (const file of found) {
    if (file.is_folder && !recursive)
      throw new CliError(EXIT.refused, `${file.name || "drive:/"} is a folder: -r copies it with all that is in it.`);
    await collect(drive, transfer, file, into ? join(destination, safeName(file)) : destination, wanted);
  }
  const gate = new Gate(AT_ONCE);
  const mode = 0o666 & ~process.umask();
  await Promise.all(
    wanted.map(({ file, path }) =>
      gate.run(async () => {
        try {
          if (await isThere(file, path)) return transfer.skip(file.size);
          const there = (await stat(path).catch(() => null))?.mode;
          await download(drive, file, path, transfer.counter());
          await chmod(path, there ?? mode);
          transfer.done(path, file.size);
        } catch (error) {
          transfer.failed(path, error);
        }
      }),
    ),
  );
}

/** A name that would lead out of its directory is none that this program writes. */
function safeName({ name, parent_id }: File): string {
  if (parent_id === null) return "";
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name))
    throw new CliError(EXIT.refused, `“${name}” cannot be a name on this disk.`);
  return name;
}

async function collect(drive: Drive, transfer: Transfer, file: File, path: string, wanted: Wanted[]): Promise<void> {
  if (!file.is_folder) {
    transfer.expect(file.size);
    wanted.push({ file, path });
    return;
  }
  await mkdir(path, { recursive: true });
  for (const child of await childrenOf(drive.files, file.file_id)) {
    try {
      await collect(drive, transfer, child, join(path, safeName(child)), wanted);
    } catch (error) {
      transfer.failed(join(path, child.name), error);
    }
  }
}

/** CLI7: what an earlier run brought has this size and time. */
async function isThere({ size, modified_at }: File, path: string): Promise<boolean> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory()) throw new CliError(EXIT.refused, "A directory of this name is in the way.");
  return (
    found !== null &&
    found.size === size &&
    modified_at !== null &&
    Math.floor(found.mtimeMs) === Date.parse(modified_at)
  );
}

/** Whether a local path is a directory that things go into. @throws CliError when it must be one and is none */
export async function isDirectory(path: string, must: boolean): Promise<boolean> {
  if ((await stat(path).catch(() => null))?.isDirectory()) return true;
  if (must) throw new CliError(EXIT.not_found, `There is no directory ${path}.`);
  if (!(await stat(dirname(path)).catch(() => null))?.isDirectory())
    throw new CliError(EXIT.not_found, `There is no directory ${dirname(path)}.`);
  return false;
}
