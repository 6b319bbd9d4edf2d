/** What other programs send or store for the same pair of versions, in bytes. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Pair } from "./series.ts";

function inScratch(act: (directory: string) => number): number {
  const directory = mkdtempSync(join(tmpdir(), "edit-series-"));
  try {
    return act(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const quiet = { stdio: "ignore" } as const;

export const xdelta = (pair: Pair): number =>
  inScratch((directory) => {
    const out = join(directory, "delta");
    execFileSync("xdelta3", ["-9", "-e", "-s", pair.before, pair.after, out], quiet);
    return statSync(out).size;
  });

/** Sent and received: signatures travel as well. */
export const rsync = (pair: Pair): number =>
  inScratch((directory) => {
    const target = join(directory, "file");
    copyFileSync(pair.before, target);
    utimesSync(target, 0, 0);
    const stats = execFileSync("rsync", ["-z", "--no-whole-file", "--stats", pair.after, target]).toString();
    const total = (label: string) => Number(new RegExp(`${label}: ([\\d,]+)`).exec(stats)?.[1]?.replaceAll(",", ""));
    return total("Total bytes sent") + total("Total bytes received");
  });

/** Growth of the repository. */
export const restic = (pair: Pair): number =>
  inScratch((directory) => {
    const repository = join(directory, "repository");
    const file = join(directory, "file");
    const call = (...args: string[]) =>
      execFileSync("restic", ["-r", repository, "--no-cache", ...args], {
        ...quiet,
        env: { ...process.env, RESTIC_PASSWORD: "bench" },
      });
    call("init");
    copyFileSync(pair.before, file);
    call("backup", file);
    const size = sizeOf(repository);
    copyFileSync(pair.after, file);
    call("backup", file);
    return sizeOf(repository) - size;
  });

function sizeOf(directory: string): number {
  mkdirSync(directory, { recursive: true });
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}
