/** What this file system can do, found out by trying: no table of file systems knows what is mounted where. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export interface Abilities {
  /** Of the synced folder itself. */
  device: bigint;
  /** Whether an inode stays the same when its name changes. */
  lasting_inodes: boolean;
  /** Whether it tells when a file was born, and that stays. */
  births: boolean;
  /** Whether `a` and `A` are two names. */
  tells_case: boolean;
  /** Whether composed and decomposed characters are two names. */
  tells_forms: boolean;
  /** Whether it refuses what Windows refuses. */
  windows_names: boolean;
}

/** @param directory in which things may be made; what is made is gone afterwards */
export function probe(directory: string): Abilities {
  const place = join(directory, `probe-${process.pid}`);
  // Where it is the first thing in a folder that turns out to be another one, nothing of it stays.
  const isNew = !existsSync(directory);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  try {
    return {
      device: lstatSync(directory, { bigint: true }).dev,
      ...identities(place),
      tells_case: isTold(place, "case-a", "CASE-A"),
      tells_forms: isTold(place, "form-\u00e9", "form-e\u0301"),
      windows_names: process.platform === "win32" || !canMake(join(place, "a:b")) || !canMake(join(place, "a?")),
    };
  } finally {
    rmSync(place, { recursive: true, force: true });
    if (isNew) rmdirSync(directory);
  }
}

function identities(place: string): Pick<Abilities, "lasting_inodes" | "births"> {
  const [path, moved] = [join(place, "one"), join(place, "two")];
  writeFileSync(path, "");
  const before = lstatSync(path, { bigint: true });
  renameSync(path, moved);
  // Some systems give the time of the last change of the inode for that of its birth.
  writeFileSync(moved, "1");
  utimesSync(moved, 1, 1);
  const after = lstatSync(moved, { bigint: true });
  return {
    lasting_inodes: before.ino !== 0n && before.ino === after.ino,
    births: before.birthtimeNs > 0n && before.birthtimeNs === after.birthtimeNs && before.ctimeNs !== after.ctimeNs,
  };
}

function isTold(place: string, name: string, other: string): boolean {
  writeFileSync(join(place, name), "");
  return statSync(join(place, other), { throwIfNoEntry: false }) === undefined;
}

function canMake(path: string): boolean {
  try {
    writeFileSync(path, "");
    return true;
  } catch {
    return false;
  }
}
