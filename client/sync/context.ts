/** What the parts of the engine share. */
import type { Hasher } from "./content.ts";
import type { Holds } from "./holds.ts";
import type { Disk, Random, Remote, Reporter } from "./ports.ts";
import type { SyncState } from "./state.ts";

/** Bytes under way, by what they belong to. */
export interface TransferMeter {
  up(key: string, bytes: number): void;
  down(key: string, bytes: number): void;
}

export interface Context {
  disk: Disk;
  remote: Remote;
  random: Random;
  report: Reporter;
  state: SyncState;
  holds: Holds;
  meter: TransferMeter;
  newHasher(): Hasher;
  /** Aborted by a pause. */
  signal(): AbortSignal | undefined;
  /** The disk is not what was thought at this path: look before the next plan. */
  rescan(path: string): void;
}
