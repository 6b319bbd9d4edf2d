import type { BigIntStats } from "node:fs";
import type { DiskEntry, Fingerprint } from "../../client/sync/ports.ts";
import type { Abilities } from "./probe.ts";

/** The owner's execute bit. */
const EXECUTE = 0o100n;

/**
 * Two names of one file (hard links) are two items here, so neither has an identity. The device's number may change when it
 * is mounted again, so it is named only where it is another than the folder's own.
 */
function identityOf(stats: BigIntStats, { device, lasting_inodes, births }: Abilities): string | null {
  if (!lasting_inodes || (stats.nlink > 1n && stats.isFile())) return null;
  const on = stats.dev === device ? "" : `${stats.dev}:`;
  return births ? `${on}${stats.ino}:${stats.birthtimeNs}` : `${on}${stats.ino}`;
}

const millisecondsOf = (ns: bigint): number => Number(ns / 1_000_000n) + Number(ns % 1_000_000n) / 1e6;

/** Null for what is neither file nor folder. */
export function fingerprintOf(stats: BigIntStats, abilities: Abilities): Fingerprint | null {
  const identity = identityOf(stats, abilities);
  if (stats.isDirectory()) return { identity, kind: "folder", size: 0, modified_ms: 0, executable: false };
  if (!stats.isFile()) return null;
  return {
    identity,
    kind: "file",
    size: Number(stats.size),
    modified_ms: millisecondsOf(stats.mtimeNs),
    executable: (stats.mode & EXECUTE) !== 0n,
  };
}

export function entryOf(name: string, stats: BigIntStats, abilities: Abilities): DiskEntry {
  const fingerprint = fingerprintOf(stats, abilities);
  if (fingerprint !== null) return { name, ...fingerprint };
  return { name, kind: "unsyncable", why: stats.isSymbolicLink() ? "symbolic_link" : "special" };
}

/** Whether nothing has happened to it in between. Of a folder only that it is the same one. */
export const isSame = (a: Fingerprint, b: Fingerprint): boolean =>
  a.kind === b.kind &&
  a.identity === b.identity &&
  a.size === b.size &&
  a.modified_ms === b.modified_ms &&
  a.executable === b.executable;
