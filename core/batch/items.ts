/** The changes of a batch on their way: who may make them, and what became of them. docs/spec/sync.md, J5 to J8. */
import { DriveError, toFailure } from "../protocol/errors.ts";
import { folderIdOf } from "../protocol/sync.ts";
import { parseName } from "../files/names.ts";
import { type Access, decide } from "../sharing/rights.ts";
import type { Command, Result, Submission } from "../sync/commands.ts";
import type { Answer, Change, Put } from "./model.ts";
import type { BatchCaller, BatchDeps } from "./ports.ts";

export interface Item<C extends Change = Change> {
  readonly change: C;
  /** Of the hub: the client's own, kept apart from those of other users. */
  readonly op_id: string;
  /** What is to be changed, or the folder in which something is made; null when the caller may not. */
  at: (Access & Pick<Answer & { ok: true }, "permission">) | null;
  /** What the hub is asked for; of a `put` once its bytes are stored. */
  command: Command | null;
  /** Set as soon as it is known. */
  answer: Answer | null;
}

export const isPut = (item: Item): item is Item<Put> => item.change.op === "put";

export function refuse(item: Item, error: unknown): void {
  if (!(error instanceof DriveError)) throw error;
  item.answer = { ok: false, failure: toFailure(error) };
}

export function settle(item: Item, result: Result): void {
  if (!result.ok) {
    item.answer = result;
    return;
  }
  const { status, file, copy, version_id } = result.outcome;
  const permission = item.at?.permission ?? "edit";
  item.answer = { ok: true, status, file, copy, permission, version_id: isPut(item) ? version_id : null };
}

export const submissionOf = ({ op_id, command }: Item, { actor }: BatchCaller): Submission => ({
  command: command as Command,
  actor,
  op_id,
});

/** Where a change is made: the item itself, or the folder that gets something new. */
function placeOf(change: Change): string {
  if (change.op === "create_folder") return change.parent_id;
  if (change.op !== "put") return change.file_id;
  return change.target.kind === "file" ? change.target.parent_id : change.target.file_id;
}

/** Rights of all changes, in one look. Refusals are answers here. */
export async function decideAll(deps: BatchDeps, caller: BatchCaller, changes: readonly Change[]): Promise<Item[]> {
  const user_id = caller.principal.user_id;
  const wanted = new Set(changes.map(placeOf));
  for (const change of changes)
    if (change.op === "update" && change.parent_id !== undefined) wanted.add(change.parent_id);
  const accesses = await deps.accesses(caller.principal, [...wanted]);
  const seen = new Set<string>();
  const items: Item[] = [];
  for (const change of changes) {
    const item: Item = { change, op_id: `${user_id}:${change.op_id}`, at: null, command: null, answer: null };
    items.push(item);
    try {
      if (seen.has(change.op_id))
        throw new DriveError("idempotency_key_reused", "Another change of this batch has the same op_id.");
      seen.add(change.op_id);
      await decideOne(caller, accesses, item);
    } catch (error) {
      refuse(item, error);
    }
  }
  return items;
}

async function decideOne({ principal }: BatchCaller, accesses: Map<string, Access>, item: Item): Promise<void> {
  const { change } = item;
  // The hub refuses what is trashed by then, but for repeats: a batch that is sent again may have trashed it itself.
  const right = (file_id: string) => decide(accesses.get(file_id) ?? null, principal, "edit", { allowTrashed: true });
  const at = right(placeOf(change));
  item.at = at;
  switch (change.op) {
    case "create_folder": {
      const { parent_id, name, base } = change;
      const file_id = await folderIdOf(parent_id, principal.user_id, change.op_id);
      item.command = { op: "create_folder", parent_id, name, on_name_conflict: "fail", file_id, base };
      // Who may make it may do the same in it, and later changes of the batch will.
      if (!accesses.has(file_id)) accesses.set(file_id, at);
      return;
    }
    case "update": {
      const { file_id, name, parent_id, base } = change;
      if (parent_id !== undefined) right(parent_id);
      const seen = { parent_id: at.file.parent_id, name: at.file.name };
      item.command = { op: "update", file_id, name, parent_id, base, seen };
      return;
    }
    case "put":
      if (change.target.kind === "file") parseName(change.target.name);
      return;
    case "trash":
      item.command = { op: "trash", file_id: change.file_id, base: change.base, seen: change.seen };
      return;
    case "untrash":
      item.command = { op: "untrash", file_id: change.file_id, base: change.base };
  }
}
