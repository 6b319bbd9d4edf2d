import type { Outcome } from "../../client/sync/engine.ts";
import type { Stop } from "../../client/sync/brakes.ts";

const NOTHING_DONE = "Nothing was deleted, here or in the drive.";

/** Why syncing stopped, and what its user can do. */
export function wordsOfStop(stop: Stop, path: string): string {
  switch (stop.why) {
    case "root_missing":
      return `The folder is not there: is its disk connected? ${NOTHING_DONE} It goes on when the folder is back.`;
    case "marker_missing":
      return `This is not the folder that was synced, or it was emptied. ${NOTHING_DONE} If you want to begin anew with what is here: edgedrive sync --anew ${path}`;
    case "other_pairing":
      return `This folder was paired by another installation. ${NOTHING_DONE} If you want to begin anew with what is here: edgedrive sync --anew ${path}`;
    case "other_account":
      return `This folder is in sync with somebody else's drive. ${NOTHING_DONE}`;
    case "mass_deletion": {
      const where =
        stop.side === "here"
          ? "on this disk, for they are gone from the drive"
          : "in the drive, for they are gone from this disk";
      return `${stop.count} of ${stop.of} items would be deleted ${where}. If that is right: edgedrive sync --confirm-deletes ${path}`;
    }
  }
}

/** How a round ended, as a sentence. */
export function wordsOfOutcome(outcome: Outcome, path: string, problems: number): string {
  const left = problems === 0 ? "" : ` ${problems} ${problems === 1 ? "item needs" : "items need"} a look.`;
  switch (outcome.state) {
    case "in_sync":
      return `Up to date.${left}`;
    case "waiting":
      return `Up to date, but for what is tried again soon.${left}`;
    case "offline":
      return "The server cannot be reached. It is tried again.";
    case "paused":
      return "Paused.";
    case "stopped":
      return wordsOfStop(outcome.stop, path);
  }
}
