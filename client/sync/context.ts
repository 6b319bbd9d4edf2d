/** What the parts of the engine share. */
import type { Hasher } from "./content.ts";
import type { Holds } from "./holds.ts";
import type { Disk, Random, Remote, Reporter } from "./ports.ts";
import type { SyncState } from "./state.ts";
import type { Transfers } from "./transfers.ts";

export interface Context {
  disk: Disk;
  remote: Remote;
  random: Random;
  report: Reporter;
  state: SyncState;
  holds: Holds;
  transfers: Transfers;
  newHasher(): Hasher;
  /** Aborted by a pause. */
  signal(): AbortSignal | undefined;
  /** The disk is not what was thought at this path: look before the next plan. */
  rescan(path: string): void;
}
