/** What is stored beside what is known: once a month, and only to report it. docs/spec/durability.md, RC1 to RC4. */
import type { PackRow } from "../files/model.ts";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { ObjectCatalog, ObjectFacts, ObjectStore } from "../storage/ports.ts";
import type { Finding, Findings } from "./ports.ts";
import { DAY } from "../time.ts";

const EVERY = 30 * DAY;
/** Longer than an upload or a run of compaction may take until its packs have rows, or are swept. */
const SETTLED = 3 * DAY;
/** Pages of a slice. */
const PAGES = 20;
/** Findings of one run that are kept; of the others the number is logged. */
const FINDINGS_MAX = 1_000;

export interface RowOfPack extends Pick<PackRow, "pack_id" | "state" | "size" | "changed_at"> {
  /** Where it lies, null for R2: `docs/spec/tiers.md`. */
  tier: string | null;
}

export interface ReconcileStore {
  /** When the last run began; null when the tenant is not active here. */
  reconciled(): Promise<number | null>;
  /** Rows behind `after` up to `upto` (null: all), by id, and whether there are more. */
  rows(after: string, upto: string | null): Promise<{ rows: RowOfPack[]; more: boolean }>;
  /** The run that began then is done: what others found goes. */
  finishReconciliation(started_at: number): Promise<void>;
}

export interface ReconcileDeps {
  tenant_id: TenantId;
  store: ReconcileStore;
  findings: Findings;
  listing: Pick<ObjectCatalog, "page">;
  objects: Pick<ObjectStore, "get">;
  now(): number;
  /** A run is done, and so much was found. */
  report(found: number): void;
}

export interface ReconcilePlace {
  started_at: number;
  /** Id of the last pack that was compared. */
  after: string;
  /** So far. */
  found: number;
}

/**
 * One slice.
 * @param place null begins, when the last run is a month ago
 * @returns where to go on, null when nothing is left
 */
export async function reconcile(deps: ReconcileDeps, place: ReconcilePlace | null): Promise<ReconcilePlace | null> {
  const last = await deps.store.reconciled();
  if (last === null || (place !== null && place.started_at <= last)) return null;
  if (place === null && deps.now() - last < EVERY) return null;
  const at = { ...(place ?? { started_at: deps.now(), after: "", found: 0 }) };
  for (let page = 0; page < PAGES; page++) {
    const { upto, found } = await comparePage(deps, at);
    const kept = found.slice(0, Math.max(0, FINDINGS_MAX - at.found));
    if (kept.length > 0) await deps.findings.add(kept);
    at.found += found.length;
    if (upto === null) {
      await deps.store.finishReconciliation(at.started_at);
      if (at.found > 0) deps.report(at.found);
      return null;
    }
    at.after = upto;
  }
  return at;
}

async function comparePage(
  { tenant_id, store, listing, objects, now }: ReconcileDeps,
  { started_at, after }: ReconcilePlace,
): Promise<{ upto: string | null; found: Finding[] }> {
  const prefix = packKey(tenant_id, "");
  const listed = await listing.page(prefix, packKey(tenant_id, after));
  const idOf = ({ key }: ObjectFacts): string => key.slice(prefix.length);
  const last = listed.at(-1);
  const end = last === undefined ? null : idOf(last);
  const { rows, more } = await store.rows(after, end);
  const upto = more ? (rows.at(-1) as RowOfPack).pack_id : end;
  const stored = new Map(listed.map((object) => [idOf(object), object]));
  const known = new Set<string>();
  const found: Finding[] = [];
  const add = (kind: Finding["kind"], pack_id: string, detail: string): void =>
    void found.push({ kind, pack_id, detail, found_at: started_at });
  for (const { pack_id, state, size, changed_at, tier } of rows) {
    known.add(pack_id);
    const object = stored.get(pack_id);
    if (state === "deleted") {
      // Every round deletes it again (G6).
      if (object !== undefined && changed_at < now() - SETTLED) add("no_row", pack_id, "it was deleted");
    } else if (object === undefined) {
      if (tier === "archive") continue;
      // Rows and objects were not read at one moment, and it may wait in another store.
      const isThere = (await objects.get(packKey(tenant_id, pack_id), 0, 1)) !== null;
      if (!isThere) add("no_object", pack_id, `its row says ${state}`);
    } else if (object.size !== size) add("size", pack_id, `${object.size} bytes, its row says ${size}`);
  }
  for (const [pack_id, { size, uploaded_at }] of stored)
    if (!known.has(pack_id) && (upto === null || pack_id <= upto) && uploaded_at < now() - SETTLED)
      add("no_row", pack_id, `${size} bytes since ${new Date(uploaded_at).toISOString()}`);
  return { upto, found };
}
