import { BATCH_PATIENCE, withDeadline } from "../storage/deadline.ts";
import type { DriveStore } from "./ports.ts";

/**
 * A drive's store that answers in time or fails, so that one call that hangs does not hold up a drive for ever (H9). A
 * batch that failed so may be committed later, and then the guards of the next one fail (H6).
 */
export const boundedStore = (store: DriveStore, patience = BATCH_PATIENCE): DriveStore => ({
  load: (needs) => withDeadline(store.load(needs), patience),
  commit: (writes) => withDeadline(store.commit(writes), patience),
});
