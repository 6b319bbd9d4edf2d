/** Which backups are kept. docs/spec/durability.md, BK12. */
import { fullsOf, fullPrefix, journalPrefix, parseSegment, type Scope } from "./names.ts";
import type { Vault } from "./vault.ts";
import { DAY } from "../time.ts";

/** Any moment of 30 days; it needs the full backup before it, which began up to a day earlier. */
const KEPT = 32 * DAY;
const KEPT_WEEKLY = 90 * DAY;
/** The directory is written whole every few minutes: after two days one a day is enough. */
const EACH_KEPT = 2 * DAY;
/** A chain that has not ended by then never will. */
const CHAIN_MAX = 2 * DAY;

/** Deletes what is too old. @returns how many objects */
export async function expireBackups({ objects }: Pick<Vault, "objects">, scope: Scope, now: number): Promise<number> {
  const fulls = fullsOf(await objects.list(fullPrefix(scope)));
  const kept = keptSets(
    fulls.filter(({ end }) => end !== null).map(({ set, started_at }) => ({ set, started_at })),
    now,
  );
  const gone = fulls
    .filter(({ set, end, started_at }) => (end !== null ? !kept.has(set) : now - started_at > CHAIN_MAX))
    .flatMap(({ objects: names }) => names);
  if (scope !== "directory") {
    const segments = (await objects.list(journalPrefix(scope))).map(parseSegment).filter((name) => name !== null);
    gone.push(...segments.filter(({ at }) => now - at > KEPT).map(({ name }) => name));
  }
  // The end first: a backup that is not whole any more is not used.
  await objects.delete(gone.toSorted((a, b) => Number(b.includes("/end-")) - Number(a.includes("/end-"))));
  return gone.length;
}

/** The first of each day for 32 days, of each week for 90; of the last two days all; and always the newest one. */
export function keptSets(whole: readonly { set: string; started_at: number }[], now: number): Set<string> {
  const kept = new Set<string>();
  const taken = new Set<string>();
  for (const { set, started_at } of whole.toSorted((a, b) => a.started_at - b.started_at)) {
    const age = now - started_at;
    const slots = [
      ...(age <= EACH_KEPT ? [set] : []),
      ...(age <= KEPT ? [`day ${Math.floor(started_at / DAY)}`] : []),
      ...(age <= KEPT_WEEKLY ? [`week ${Math.floor(started_at / (7 * DAY))}`] : []),
    ].filter((slot) => !taken.has(slot));
    for (const slot of slots) taken.add(slot);
    if (slots.length > 0) kept.add(set);
  }
  const newest = whole.toSorted((a, b) => b.started_at - a.started_at)[0];
  if (newest !== undefined) kept.add(newest.set);
  return kept;
}
