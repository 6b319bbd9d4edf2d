/**
 * Rotation of a shard's tenant keys, page by page: rows and their copies, never a pack. docs/spec/storage.md, K8.
 *
 *   a row whose master is not the newest -> wrapped anew: first its copy, then the row, by compare-and-swap
 *   a newest version that is too old     -> another version: first its copy, then the row
 *   a copy that is missing or another    -> written from the row, or the row from it, whichever opens
 *   a copy without a row                 -> the row is added
 *
 * Every step can be repeated; a crash leaves what the next sweep finds.
 */
import { isDamage } from "../storage/damage.ts";
import type { RotationStore, SweptKey, TenantKeyPlace, TenantKeyRow } from "./ports.ts";
import { readTenantKeys } from "./read-back.ts";
import { addTenantKey, type KeyDeps, openTenantKey, rewrapTenantKey } from "./tenant-key.ts";

/** A tenant's newest version is as old as this at most, and an hour. Milliseconds. */
export const KEY_AGE = 90 * 24 * 60 * 60_000;

export interface RotateDeps extends KeyDeps {
  keys: RotationStore;
  /** A key that could not be seen to; the others are. */
  report(place: TenantKeyPlace, error: unknown): void;
}

export interface Rotated {
  /** Versions that were added, and rows that were wrapped anew. */
  added: number;
  rewrapped: number;
  /** Where the next call goes on; null at the end of the shard. */
  next: TenantKeyPlace | null;
}

/** One page. @param made_before tenants whose newest version is older get another; milliseconds */
export async function rotateKeys(
  deps: RotateDeps,
  made_before: number,
  after: TenantKeyPlace | null,
): Promise<Rotated> {
  const { keys, next } = await deps.keys.page(after);
  const copies = await copiesUpTo(deps, after, next);
  const rotated: Rotated = { added: 0, rewrapped: 0, next };
  for (const key of [...keys, ...(await restored(deps, keys, copies))])
    try {
      if (await mend(deps, key, copies.get(nameOf(key)) ?? null)) rotated.rewrapped += 1;
      if (!key.is_newest || key.created_at >= made_before) continue;
      await addTenantKey(deps, { tenant_id: key.tenant_id, version: key.version + 1 });
      rotated.added += 1;
    } catch (error) {
      deps.report(key, error);
    }
  return rotated;
}

const nameOf = ({ tenant_id, version }: TenantKeyPlace): string => `${tenant_id}/${version}`;

const isBehind = (a: TenantKeyPlace, b: TenantKeyPlace): boolean =>
  a.tenant_id === b.tenant_id ? a.version > b.version : a.tenant_id > b.tenant_id;

/** All behind `after`, up to a place or to the end. */
async function copiesUpTo(
  { copies }: RotateDeps,
  after: TenantKeyPlace | null,
  last: TenantKeyPlace | null,
): Promise<Map<string, TenantKeyRow>> {
  const found = new Map<string, TenantKeyRow>();
  for await (const page of readTenantKeys(copies, after))
    for (const copy of page) {
      if (last !== null && isBehind(copy, last)) return found;
      found.set(nameOf(copy), copy);
    }
  return found;
}

/** Rows that a crash behind their copies left out, or that were lost. */
async function restored(
  deps: RotateDeps,
  keys: readonly SweptKey[],
  copies: ReadonlyMap<string, TenantKeyRow>,
): Promise<SweptKey[]> {
  const known = new Set(keys.map(nameOf));
  const single = [...copies.values()].filter((copy) => !known.has(nameOf(copy)));
  const missing = single.length === 0 ? [] : await deps.keys.missing(single);
  const added: SweptKey[] = [];
  for (const place of missing) {
    const copy = copies.get(nameOf(place)) as TenantKeyRow;
    try {
      // Whether it is the newest the next sweep sees.
      added.push({ ...(await deps.store.add(copy)), is_newest: false });
    } catch (error) {
      deps.report(place, error);
    }
  }
  return added;
}

/** @returns whether it was wrapped anew */
async function mend(deps: RotateDeps, key: SweptKey, copy: TenantKeyRow | null): Promise<boolean> {
  const { masters, copies, check } = deps;
  const { is_newest: _, ...row } = key;
  if (row.master_version === masters.newest && copy?.wrapped_key === row.wrapped_key) return false;
  const good = await openable(deps, row, copy);
  await check.admit(good.master_version);
  await check.admit(masters.newest);
  const to = good.master_version === masters.newest ? good : await rewrapTenantKey(masters, good);
  if (copy?.wrapped_key !== to.wrapped_key) await copies.put(to);
  return to.wrapped_key !== row.wrapped_key && (await deps.keys.swap(row, to));
}

/** The row if it opens, else the copy. @throws what the row throws when neither does */
async function openable({ masters }: KeyDeps, row: TenantKeyRow, copy: TenantKeyRow | null): Promise<TenantKeyRow> {
  try {
    await openTenantKey(masters, row);
    return row;
  } catch (error) {
    if (copy === null || copy.wrapped_key === row.wrapped_key) throw error;
    await openTenantKey(masters, copy).catch((also) => {
      throw isDamage(error) ? also : error;
    });
    return copy;
  }
}
