import { DiskError, type DiskProblem } from "../../client/sync/ports.ts";

/** What a system call says, as what it means for sync. What is not here depends on what was tried. */
const PROBLEMS: Record<string, DiskProblem> = {
  ENOENT: "missing",
  ENOTDIR: "missing",
  // A symbolic link, where none is followed.
  ELOOP: "missing",
  EEXIST: "occupied",
  EISDIR: "occupied",
  ENOTEMPTY: "not_empty",
  EROFS: "read_only",
  ENOSPC: "full",
  EDQUOT: "full",
  EFBIG: "full",
  EBUSY: "busy",
  ETXTBSY: "busy",
  EAGAIN: "busy",
  EMFILE: "busy",
  ENFILE: "busy",
};

/** Runs what touches the disk. @param otherwise what a failure means that has no meaning of its own, such as EACCES */
export async function onDisk<T>(
  path: string,
  otherwise: "unreadable" | "read_only",
  task: () => Promise<T> | T,
): Promise<T> {
  try {
    return await task();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof DiskError || code === undefined) throw error;
    throw new DiskError(PROBLEMS[code] ?? otherwise, path, error);
  }
}
