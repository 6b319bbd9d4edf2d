/** One tenant as it was at a moment: docs/spec/durability.md, BK9 and BK10. */
import type { BesideSlice } from "../../core/backup/beside.ts";
import { UsageError } from "./cli.ts";
import type { Operator } from "./operator.ts";
import { problemsOf, type Restored, restoreTenant } from "./rebuild.ts";

export interface Place {
  tenant_id: number;
  shard: string;
  shards: string[];
  drives: string[];
}

/** Written before by everybody who writes: later moments may still change. */
const SETTLE_TIME = 60_000;

export interface RestoreResult {
  restored: Restored;
  made: number;
  problems: string[];
}

interface Wanted {
  place: Place;
  at: number;
  now: number;
  without_archive: boolean;
  say: (message: string) => void;
}

const settled = ({ at, now }: Wanted): number => Math.min(at, now - SETTLE_TIME);

/** In place of what is there now, in another shard. Until it is done nobody can change anything. */
export async function restoreInto(operator: Operator, wanted: Wanted, shard: string): Promise<RestoreResult> {
  const { place, without_archive, say } = wanted;
  const { tenant_id } = place;
  if (shard === place.shard || !place.shards.includes(shard))
    throw new UsageError(`--into wants another shard than ${place.shard}: one of ${place.shards.join(", ")}.`);
  await operator("close", { tenant_id, shard: place.shard });
  say(`tenant ${tenant_id} is closed in ${place.shard}`);
  const restored = await restoreTenant(operator, {
    tenant_id,
    shard,
    at: settled(wanted),
    reads_all: false,
    stays_closed: false,
    without_archive,
  });
  if (restored.state === "no_backup") {
    await operator("reopen", { tenant_id });
    throw new UsageError(`There is no backup from before that moment; tenant ${tenant_id} is open as it was.`);
  }
  await operator("move", { tenant_id, shard });
  say(`tenant ${tenant_id} is open in ${shard}; what it was lies closed in ${place.shard} (--forget ${place.shard})`);
  return { restored, made: 0, problems: problemsOf(tenant_id, restored) };
}

/** Beside what is there now: a folder in each drive. */
export async function restoreBeside(operator: Operator, wanted: Wanted): Promise<RestoreResult> {
  const { place, without_archive, say } = wanted;
  const { tenant_id } = place;
  const shard = place.shards.find((name) => name !== place.shard);
  if (shard === undefined) throw new UsageError("The rows of then need another shard for a while, and there is none.");
  const moment = settled(wanted);
  const closed = { tenant_id, shard, at: moment, reads_all: false, stays_closed: true, without_archive };
  const restored = await restoreTenant(operator, closed);
  if (restored.state !== "done") throw new UsageError(`There is nothing to restore from: ${restored.state}.`);
  say(`tenant ${tenant_id} as it was lies in ${shard}`);
  const result: RestoreResult = { restored, made: 0, problems: problemsOf(tenant_id, restored) };
  const name = `Restored ${new Date(restored.restored_to ?? moment).toISOString().slice(0, 16).replace("T", " ").replace(":", ".")}`;
  for (const drive_id of place.drives)
    for (let offset: number | null = 0; offset !== null;) {
      const slice: BesideSlice = await operator<BesideSlice>("beside", {
        tenant_id,
        shard,
        drive_id,
        at: moment,
        name,
        offset,
      });
      result.made += slice.made;
      result.problems.push(...slice.refused.map(({ file_id, reason }) => `file ${file_id}: ${reason}`));
      offset = slice.next;
    }
  await forget(operator, { tenant_id, shard });
  return result;
}

/** The rows of a copy that is not served. */
export async function forget(operator: Operator, copy: { tenant_id: number; shard: string }): Promise<void> {
  while (!(await operator<{ done: boolean }>("forget", copy)).done);
}
