/** Which drives of others have something to tell. docs/spec/sync.md, VD1, VD2. */
import type { Access, Person } from "../../core/sharing/rights.ts";
import type { SyncCursor } from "../../core/sync/cursor.ts";
import { type DriveState, driveStates, LOOK_EVERY } from "../../core/sync/look.ts";
import type { Items } from "../../core/sync/others.ts";
import { lookInto } from "../../platform/d1/shard/look.ts";
import { accessesOf } from "./accesses.ts";
import type { AppContext } from "./context.ts";
import { pointersTo } from "./shared-items.ts";

type Reached = ReadonlyMap<string, number>;

/** @param isWhole with what no journal tells; else only what moved */
async function look(
  app: AppContext,
  person: Person,
  reached: Reached,
  since: number,
  isWhole: boolean,
  now: number,
): Promise<DriveState[]> {
  const pointers = await pointersTo(app, person);
  const file_ids = await app.shards.byShard(pointers.map(({ file_id }) => file_id));
  const drives = [...new Set([...reached.keys(), ...pointers.map(({ drive_id }) => drive_id)])];
  const drive_ids = await app.shards.byShard(drives);
  const found = await Promise.all(
    [...new Set([...file_ids.keys(), ...drive_ids.keys()])].map((db) =>
      lookInto(db, person, { drive_ids: drive_ids.get(db) ?? [], file_ids: file_ids.get(db) ?? [], since, now }),
    ),
  );
  const looked = {
    pointers,
    seqs: new Map(found.flatMap(({ seqs }) => [...seqs])),
    accesses: new Map(found.flatMap(({ accesses }) => [...accesses])),
    expired: new Set(found.flatMap(({ expired }) => [...expired])),
  };
  return driveStates(person, reached, looked, isWhole ? since : null, now);
}

/** @param reached the cursor without the person's own drive */
export async function movedDrives(
  app: AppContext,
  person: Person,
  { looked_at, is_behind }: SyncCursor,
  reached: Reached,
  now: number,
): Promise<{ states: DriveState[]; looked_at: number }> {
  const isFresh = now - looked_at < LOOK_EVERY;
  if (isFresh && is_behind) return { states: await look(app, person, reached, looked_at, false, now), looked_at };
  // RPC's own types lose the record.
  const told = isFresh ? ((await app.hub(person.user_id).told(looked_at)) as Record<string, number> | null) : null;
  if (told === null || Object.keys(told).some((drive_id) => !reached.has(drive_id)))
    return { states: await look(app, person, reached, looked_at, true, now), looked_at: now };
  const states = Object.entries(told).map(([drive_id, seq]): DriveState => {
    const from = reached.get(drive_id) as number;
    return { drive_id, reached: from, seq, isHeld: true, items: null, told: [] };
  });
  return { states, looked_at };
}

/** What is shared with somebody in one drive. */
export async function itemsIn(app: AppContext, person: Person, drive_id: string): Promise<Items> {
  const pointers = (await pointersTo(app, person)).filter((pointer) => pointer.drive_id === drive_id);
  const file_ids = pointers.map(({ file_id }) => file_id);
  const accesses: Map<string, Access> = await accessesOf(app, person, file_ids);
  return new Map(file_ids.map((file_id) => [file_id, accesses.get(file_id) ?? null]));
}
