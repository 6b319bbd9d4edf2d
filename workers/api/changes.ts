/** What happened since a cursor, in all drives that its owner sees. docs/spec/sync.md, J2, J3 and VD1 to VD4. */
import { toWire } from "../../core/files/wire.ts";
import { toTime } from "../../core/protocol/common.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import type { Change, Changes } from "../../core/protocol/sync.ts";
import type { Person } from "../../core/sharing/rights.ts";
import { formatSyncCursor, type SyncCursor } from "../../core/sync/cursor.ts";
import { cursorExpired, isKept } from "../../core/sync/kept.ts";
import { type DriveState, DRIVES_MAX } from "../../core/sync/look.ts";
import { compact, type Told, toldOf } from "../../core/sync/others.ts";
import { type JournalEntry, type JournalStore, seqsBefore } from "../../platform/d1/shard/journal-store.ts";
import { readEndings, readOthers } from "../../platform/d1/shard/others-journal.ts";
import { lastSeqsOf } from "./accesses.ts";
import type { AppContext } from "./context.ts";
import { itemsIn, movedDrives } from "./look.ts";
import { pointersTo } from "./shared-items.ts";

/** Part of one drive's journal. */
interface Part {
  changes: Change[];
  /** Entries that were read. */
  count: number;
  reached: number;
  has_more: boolean;
}

/** As it is told to the drive's owner. */
export const ownChange = ({ entry, file }: JournalEntry): Change => ({
  seq: entry.seq,
  drive_id: entry.drive_id,
  file_id: entry.file_id,
  op: entry.op,
  device_id: entry.device_id,
  conflict_of: entry.conflict_of,
  at: toTime(entry.at),
  file: file === null ? null : toWire(file, "owner"),
});

const othersChange = (drive_id: string, { seq, op, file_id, device_id, conflict_of, at, file }: Told): Change => ({
  seq,
  drive_id,
  file_id,
  op,
  device_id,
  conflict_of,
  at: toTime(at),
  file: file === null ? null : toWire(file.file, file.permission),
});

/** What was cut away is `cursor_expired` (J9). A restored journal goes on behind a gap: a cursor from within it names changes that were lost (J3). */
async function requireKnown(
  journal: JournalStore,
  drive_id: string,
  reached: number,
  first: { seq: number } | undefined,
  first_seq: number,
): Promise<void> {
  if (!isKept(reached, first_seq)) throw cursorExpired();
  if (reached === 0 || first === undefined || first.seq === reached + 1) return;
  if (!(await journal.has(drive_id, reached)))
    throw new DriveError("cursor_invalid", "Changes that this cursor names were lost; read everything anew.");
}

async function readOwn(app: AppContext, { user_id }: Person, reached: number, limit: number): Promise<Part> {
  const { journal } = await app.tenantOfId(user_id);
  const { entries: found, first_seq } = await journal.since(user_id, reached, limit + 1);
  await requireKnown(journal, user_id, reached, found[0]?.entry, first_seq);
  const changes = found.slice(0, limit).map(ownChange);
  return {
    changes: compact(changes),
    count: changes.length,
    reached: changes.at(-1)?.seq ?? reached,
    has_more: found.length > limit,
  };
}

/** Of a drive where nothing is held any more only that is read which says so. */
async function readOther(app: AppContext, person: Person, state: DriveState, limit: number): Promise<Part> {
  const { drive_id, reached, seq, isHeld } = state;
  const { journal, place } = await app.tenantOfId(drive_id);
  const range = { tenant: place.tenant_id, drive_id, seq: reached, limit: limit + 1 };
  if (!isHeld) {
    const endings = await readEndings(place.db, person, range);
    const told = endings.map((entry): Told => ({ ...entry, file: null }));
    return {
      changes: told.map((one) => othersChange(drive_id, one)),
      count: told.length,
      reached: seq,
      has_more: false,
    };
  }
  const { entries, accesses, first_seq } = await readOthers(place.db, person, range);
  await requireKnown(journal, drive_id, reached, entries[0], first_seq);
  const taken = entries.slice(0, limit);
  let items = state.items;
  const itemsOf = async () => (items ??= await itemsIn(app, person, drive_id));
  const told = await toldOf(person, { entries: taken, accesses }, itemsOf);
  return {
    changes: told.map((one) => othersChange(drive_id, one)),
    count: taken.length,
    reached: taken.at(-1)?.seq ?? reached,
    has_more: entries.length > limit,
  };
}

/** One page. Of drives of others `limit` holds for the entries that are read, not for what came or ended by itself. */
export async function changesSince(
  app: AppContext,
  person: Person,
  cursor: SyncCursor,
  limit: number,
): Promise<Changes> {
  const { user_id } = person;
  const others = new Map(cursor.drives);
  others.delete(user_id);
  const [own, moved] = await Promise.all([
    readOwn(app, person, cursor.drives.get(user_id) ?? 0, limit),
    movedDrives(app, person, cursor, others, Date.now()),
  ]);
  const drives = new Map(cursor.drives).set(user_id, own.reached);
  const changes = own.changes;
  // First one's own: what others have to tell waits for its last page.
  if (own.has_more) return { changes, next_cursor: formatSyncCursor({ ...cursor, drives }), has_more: true };

  let left = Math.max(1, limit - own.count);
  let is_behind = false;
  for (const state of moved.states) {
    const { drive_id, reached, seq, isHeld, told } = state;
    const here = told.map((one) => othersChange(drive_id, one));
    drives.set(drive_id, reached);
    if (seq > reached && left > 0) {
      const part = await readOther(app, person, state, left);
      here.push(...part.changes);
      drives.set(drive_id, part.reached);
      left -= part.count;
      is_behind ||= part.has_more;
    } else is_behind ||= seq > reached;
    changes.push(...compact(here));
    if (!isHeld) drives.delete(drive_id);
  }
  const next = { drives, looked_at: moved.looked_at, is_behind };
  return { changes, next_cursor: formatSyncCursor(next), has_more: is_behind };
}

/** The end of all journals: for a device that has just read what it shows. */
export async function cursorNow(app: AppContext, person: Person): Promise<SyncCursor> {
  const looked_at = Date.now();
  const drive_ids = [...new Set((await pointersTo(app, person)).map(({ drive_id }) => drive_id))];
  const drives = await lastSeqsOf(app, [person.user_id, ...drive_ids.slice(0, DRIVES_MAX - 1)]);
  return { drives, looked_at, is_behind: false };
}

/** Where the journals were at a time, milliseconds since the epoch. */
export async function cursorAt(app: AppContext, person: Person, at: number): Promise<SyncCursor> {
  const drive_ids = [...new Set((await pointersTo(app, person)).map(({ drive_id }) => drive_id))];
  const wanted = [person.user_id, ...drive_ids.slice(0, DRIVES_MAX - 1)];
  const now = Date.now();
  const found = await Promise.all(
    [...(await app.shards.byShard(wanted))].map(([db, ids]) => seqsBefore(db, ids, at, now)),
  );
  const looked_at = Math.floor(Math.min(Math.max(0, at), now));
  return { drives: new Map(found.flatMap((seqs) => [...seqs])), looked_at, is_behind: true };
}
