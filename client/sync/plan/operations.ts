/** What a plan is made of. Ids of nodes are those of the local tree. */
import type { Problem, RemoteFile, SyncedItem } from "../ports.ts";

/** To the synced tree alone: both sides have it already, or neither has (PL3). */
export interface Correction {
  file_id: string;
  synced: SyncedItem | null;
  /** A node that from now on is this file, or no file. */
  bind?: { node: string; file_id: string | null };
  /** A folder whose place this file takes; what was synced in it is in this one. */
  instead_of?: string;
}

export type Up =
  | { kind: "make"; node: string; parent_id: string; name: string }
  | {
      kind: "put";
      node: string;
      /** Null for a new file. */
      file_id: string | null;
      parent_id: string;
      name: string;
      base: SyncedItem["vector"];
      hash: string;
      size: number;
    }
  | { kind: "place"; file_id: string; parent_id: string; name: string; base: SyncedItem["vector"] }
  | { kind: "trash"; file_id: string; base: SyncedItem["vector"]; is_folder: boolean };

export type Down =
  | { kind: "make"; file_id: string; remote: RemoteFile }
  | { kind: "fetch"; file_id: string; remote: RemoteFile; node: string | null }
  | { kind: "move"; file_id: string; remote: RemoteFile; node: string }
  /** Out of its place, which another needs, until its own is free. */
  | { kind: "park"; file_id: string; node: string }
  | { kind: "remove"; file_id: string; node: string; is_folder: boolean }
  | { kind: "recover"; file_id: string | null; node: string; code: string };

export interface Plan {
  /** Nodes whose content must be known first. */
  hash: string[];
  corrections: Correction[];
  /** In the order in which they can be done. */
  up: Up[];
  down: Down[];
  problems: Problem[];
  /** What needs nothing any more. */
  settled: string[];
}

/** A name that nobody else has, for as long as names change places. */
export const temporaryName = (name: string, file_id: string): string => `.${file_id.slice(-12)}.${name}`.slice(0, 80);
