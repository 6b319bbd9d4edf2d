/** A look at all that others share with somebody: what moved, what came, what ended. docs/spec/sync.md, VD1 to VD4. */
import { type Access, type Person, viewOf } from "../sharing/rights.ts";
import { holds, type Items, stillSeen, type Told } from "./others.ts";

/** Milliseconds between two looks of one who asks. */
export const LOOK_EVERY = 60_000;

/** Drives of one cursor: it must fit into an address. */
export const DRIVES_MAX = 500;

/** Clocks of two machines differ by less. */
const CLOCK_SKEW = 5_000;

export interface Looked {
  /** Pointers, those of what was shared last first. */
  pointers: readonly { file_id: string; drive_id: string; noted_at: number }[];
  accesses: ReadonlyMap<string, Access>;
  /** Newest sequence numbers of the drives of cursor and pointers; of drives that are gone none. */
  seqs: ReadonlyMap<string, number>;
  /** Items whose grant to this person ended by itself since `since`. */
  expired: ReadonlySet<string>;
}

export interface DriveState {
  drive_id: string;
  /** Read its journal behind this. */
  reached: number;
  seq: number;
  /** Something of it is shared with them, though it may be in the trash. */
  isHeld: boolean;
  /** Null when they were not looked at. */
  items: Items | null;
  /** What no journal tells, in front of what it does. */
  told: Told[];
}

const outermost = (items: Items): string[] =>
  [...items].flatMap(([file_id, access]) =>
    access === null || access.chain.slice(1).some((above) => items.has(above.file_id)) ? [] : [file_id],
  );

/**
 * @param reached by the cursor, the person's own drive not among them
 * @param since of the last look; null when this one only finds what moved
 */
export function driveStates(
  person: Person,
  reached: ReadonlyMap<string, number>,
  { pointers, accesses, seqs, expired }: Looked,
  since: number | null,
  now: number,
): DriveState[] {
  const byDrive = Map.groupBy(pointers, (pointer) => pointer.drive_id);
  const drive_ids = [...new Set([...byDrive.keys(), ...reached.keys()])].slice(0, DRIVES_MAX);
  return drive_ids.flatMap((drive_id) => {
    const own = byDrive.get(drive_id) ?? [];
    const items = new Map(own.map(({ file_id }) => [file_id, accesses.get(file_id) ?? null]));
    const isHeld = [...items.values()].some((access) => access !== null && holds(person, access));
    const known = reached.get(drive_id);
    const seq = seqs.get(drive_id) ?? known ?? 0;
    if (known === undefined && !isHeld) return [];
    const change = { seq: known ?? seq, device_id: null, conflict_of: null, at: now };
    const come = (file_id: string): Told[] => {
      const file = viewOf(person, items.get(file_id) ?? undefined);
      return file === null ? [] : [{ ...change, op: "shared", file_id, file }];
    };
    const end = (file_id: string): Told[] => {
      if (viewOf(person, items.get(file_id) ?? undefined) !== null) return come(file_id);
      const gone: Told = { ...change, op: "unshared", file_id, file: null };
      return [gone, ...stillSeen(person, gone, items)];
    };
    const noted = own.filter(({ noted_at }) => since !== null && noted_at > since - CLOCK_SKEW);
    const ended = own.filter(({ file_id }) => expired.has(file_id) || !isHeld);
    const told =
      known === undefined
        ? outermost(items).flatMap(come)
        : since === null
          ? []
          : [...ended.flatMap(({ file_id }) => end(file_id)), ...noted.flatMap(({ file_id }) => come(file_id))];
    return [{ drive_id, reached: known ?? seq, seq, isHeld, items, told }];
  });
}
