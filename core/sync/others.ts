/**
 * What somebody is told of a drive in which others share items with them: decided by what they see now, never by what
 * they saw. docs/spec/sync.md, VD3 and VD4.
 */
import type { JournalRow } from "../files/model.ts";
import type { JournalOp } from "../protocol/sync.ts";
import { type Access, type Granted, permissionOf, type Person, type Principal, viewOf } from "../sharing/rights.ts";

/** An entry, and for `shared` and `unshared` whose grant it is about. */
export interface OthersEntry extends JournalRow {
  holder_id: string | null;
}

/** Part of a drive's journal, with the rights on all files and folders that it names. */
export interface OthersPage {
  entries: OthersEntry[];
  accesses: ReadonlyMap<string, Access>;
}

/** `file` is null for what is gone. */
export interface Told {
  seq: number;
  op: JournalOp;
  file_id: string;
  device_id: string | null;
  conflict_of: string | null;
  at: number;
  file: Granted | null;
}

/** Has a grant that reaches it, trashed or not. */
export const holds = (principal: Principal, access: Access | undefined): boolean =>
  access !== undefined && permissionOf(principal, access) !== null;

/** May end or bring back items that lie below what is not theirs to see. */
const REACHES_BELOW: ReadonlySet<JournalOp> = new Set(["trashed", "untrashed", "purged"]);

/** What an entry says of the file that it is about; null when it is none of theirs. */
function ofItself(principal: Person, entry: OthersEntry, page: OthersPage): Told | null {
  const { seq, op, file_id, device_id, conflict_of, at } = entry;
  const access = page.accesses.get(file_id);
  const file = viewOf(principal, access);
  const told = { seq, op, file_id, device_id, conflict_of, at, file };
  if (op === "shared" || op === "unshared") {
    if (entry.holder_id !== principal.user_id) return null;
    return { ...told, op: file === null ? "unshared" : "shared" };
  }
  if (file !== null) return told;
  const left = entry.from_id === null ? undefined : page.accesses.get(entry.from_id);
  return holds(principal, access) || holds(principal, left) ? told : null;
}

/** Items by id, null for what is purged. */
export type Items = ReadonlyMap<string, Access | null>;

/** What an entry of a folder that is none of theirs does to items below it. */
function ofItems(principal: Principal, entry: OthersEntry, items: Items): Told[] {
  const { seq, op, device_id, at } = entry;
  const told: Told[] = [];
  for (const [file_id, access] of items) {
    const file = access === null ? null : viewOf(principal, access);
    const change = { seq, file_id, device_id, conflict_of: null, at, file };
    if (op === "purged" && access === null) told.push({ ...change, op: "unshared" });
    if (op !== "purged" && access?.chain.some((above) => above.file_id === entry.file_id))
      told.push({ ...change, op: file === null ? "trashed" : "untrashed" });
  }
  return told;
}

/** Items that lie below what is gone, and are seen all the same. */
export function stillSeen(principal: Principal, gone: Told, items: Items): Told[] {
  return [...items].flatMap(([file_id, access]) => {
    if (access === null || file_id === gone.file_id) return [];
    const file = access.chain.some((above) => above.file_id === gone.file_id) ? viewOf(principal, access) : null;
    return file === null ? [] : [{ ...gone, op: "shared" as const, file_id, file }];
  });
}

/**
 * In the order of the journal; nothing of what is not theirs. Items of the drive are asked for only when an entry may
 * have reached one that it does not name.
 */
export async function toldOf(principal: Person, page: OthersPage, itemsOf: () => Promise<Items>): Promise<Told[]> {
  const told: Told[] = [];
  for (const entry of page.entries) {
    const change = ofItself(principal, entry, page);
    if (change !== null) told.push(change);
    // What is purged may have been a folder.
    const mayReach = page.accesses.get(entry.file_id)?.file.is_folder !== false;
    if (change === null && mayReach && REACHES_BELOW.has(entry.op))
      told.push(...ofItems(principal, entry, await itemsOf()));
    if (change?.file === null && mayReach) told.push(...stillSeen(principal, change, await itemsOf()));
  }
  return compact(told);
}

/** The last change of each file, in order: a device wants the state, not the way there. */
export function compact<T extends { file_id: string }>(changes: readonly T[]): T[] {
  const last = new Map(changes.map((change, i) => [change.file_id, i]));
  return changes.filter((change, i) => last.get(change.file_id) === i);
}
