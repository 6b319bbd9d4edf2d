/**
 * Restores one tenant, slice by slice. docs/spec/durability.md, BK8 to BK11.
 *
 *   what an earlier try left is wiped -> the full backup -> segments behind it, up to the last cut -> what is lost is swept -> packs, as R2 has them
 *   -> contents are looked at -> the tenant is opened
 *
 * The tenant is closed (`moving`) until the last step: nobody writes, no sweep runs. Every step can be repeated.
 */
import { z } from "zod";
import type { TenantKeyRow } from "../keys/ports.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { damaged, isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { neededPacks } from "../storage/needed-packs.ts";
import { readContent } from "../storage/read.ts";
import type { PackRow } from "../files/model.ts";
import { chunkSchema, type Segment, segmentSchema, type TableRows } from "./model.ts";
import { chainOf, findFull, readEnd, segmentNames } from "./plan.ts";
import type { Vault } from "./vault.ts";

/** Rows of a slice, and its calls: an invocation stays within its CPU time. */
const ROWS = 20_000;
const CALLS = 200;

export interface RestoredContent {
  content_id: string;
  manifest: string;
  size: number;
}

export interface WithoutBytes {
  file_id: string;
  version_id: string;
  content_id: string;
}

/** Where a tenant is restored to. */
export interface RestoreTarget {
  /** A closed tenant of our own making. @returns false when another is here: then nothing may be done */
  begin(): Promise<boolean>;
  /** Some of what it has. @returns whether all is gone */
  wipe(): Promise<boolean>;
  add(rows: TableRows): Promise<void>;
  apply(segment: Segment): Promise<void>;
  /** Takes away what hangs on nothing, sets what follows from the rest. @returns drives whose files are not what they count */
  settle(): Promise<string[]>;
  addPacks(packs: readonly PackRow[]): Promise<void>;
  /** A page of living contents behind an id. */
  contents(after: string): Promise<RestoredContent[]>;
  /** Those of them that have no row. */
  missingPacks(pack_ids: readonly string[]): Promise<string[]>;
  versionsOf(content_ids: readonly string[]): Promise<WithoutBytes[]>;
  addKeys(keys: readonly TenantKeyRow[]): Promise<void>;
  /** The tenant is served again. */
  open(): Promise<void>;
}

export const restoreCursorSchema = z.object({
  phase: z.enum(["wipe", "full", "journal", "settle", "packs", "contents", "open"]),
  /** The end of the full backup. */
  end: z.string(),
  at: z.number(),
  /** Objects of the phase that are done. */
  index: z.number().int().min(0),
  after: z.string(),
});
export type RestoreCursor = z.infer<typeof restoreCursorSchema>;

/** What a slice has to tell; sums are the caller's. */
export interface Progress {
  rows: number;
  packs: number;
  contents: number;
  /** The oldest of the moments that the drives are restored to. */
  restored_to: number | null;
  /** Drives that a missing segment keeps at an earlier moment. */
  gaps: string[];
  /** Drives whose files do not add up to what they counted. */
  miscounted: string[];
  without_bytes: WithoutBytes[];
}

export interface RestoreDeps {
  tenant_id: TenantId;
  vault: Vault;
  target: RestoreTarget;
  /** Reads by the copies of the tenant's keys in R2. */
  engine: Engine;
  /** A page of the tenant's packs, as R2 lists them. */
  packs(after: string): Promise<{ packs: PackRow[]; next: string | null }>;
  /** The copies of its keys, all versions. */
  keys(): Promise<TenantKeyRow[]>;
  /** Reads every content whole, in place of one a page. */
  reads_all: boolean;
  /** Leaves the tenant closed: its rows are only looked at. */
  stays_closed: boolean;
}

export type Slice =
  | { state: "more"; cursor: RestoreCursor; progress: Progress }
  | { state: "done"; progress: Progress }
  /** It is open where it was to be restored to, or has no backup from before the moment. */
  | { state: "there" | "no_backup" };

/** @param at milliseconds since the epoch; the last cut before it is what comes back */
export async function restoreTenant(deps: RestoreDeps, at: number, cursor: RestoreCursor | null): Promise<Slice> {
  const { vault, tenant_id, target } = deps;
  const progress: Progress = {
    rows: 0,
    packs: 0,
    contents: 0,
    restored_to: null,
    gaps: [],
    miscounted: [],
    without_bytes: [],
  };
  if (cursor === null) {
    const full = await findFull(vault, tenant_id, at);
    if (full === null) return { state: "no_backup" };
    if (!(await target.begin())) return { state: "there" };
    return { state: "more", cursor: { phase: "wipe", end: full.name, at, index: 0, after: "" }, progress };
  }
  if (!(await target.begin())) return { state: "there" };
  const next = await step(deps, cursor, progress);
  return next === null ? { state: "done", progress } : { state: "more", cursor: next, progress };
}

async function step(deps: RestoreDeps, cursor: RestoreCursor, progress: Progress): Promise<RestoreCursor | null> {
  const to = (phase: RestoreCursor["phase"]): RestoreCursor => ({ ...cursor, phase, index: 0, after: "" });
  switch (cursor.phase) {
    case "wipe":
      return (await deps.target.wipe()) ? to("full") : cursor;
    case "full": {
      const { chunks } = await readEnd(deps.vault, cursor.end);
      const index = await putObjects(deps, chunks, cursor.index, progress);
      return index < chunks.length ? { ...cursor, index } : to("journal");
    }
    case "journal": {
      const end = await readEnd(deps.vault, cursor.end);
      const chain = chainOf(end, await segmentNames(deps.vault, deps.tenant_id), cursor.at);
      const names = chain.segments.map(({ name }) => name);
      const index = await putObjects(deps, names, cursor.index, progress);
      if (index < names.length) return { ...cursor, index };
      progress.gaps = chain.gaps;
      progress.restored_to = Math.min(...Object.values(chain.cuts).map(({ at }) => at));
      return to("settle");
    }
    case "settle":
      progress.miscounted = await deps.target.settle();
      return to("packs");
    case "packs": {
      const { packs, next } = await deps.packs(cursor.after);
      if (packs.length > 0) await deps.target.addPacks(packs);
      progress.packs = packs.length;
      return next === null ? to("contents") : { ...cursor, after: next };
    }
    case "contents": {
      const page = await deps.target.contents(cursor.after);
      progress.contents = page.length;
      progress.without_bytes = await deps.target.versionsOf(await withoutBytes(deps, page));
      const last = page.at(-1);
      return last === undefined ? to("open") : { ...cursor, after: last.content_id };
    }
    case "open":
      if (deps.stays_closed) return null;
      await deps.target.addKeys(await deps.keys());
      await deps.target.open();
      return null;
  }
}

/** @returns how many of the objects are done */
async function putObjects(
  { vault, target }: RestoreDeps,
  names: readonly string[],
  start: number,
  progress: Progress,
): Promise<number> {
  let index = start;
  for (let calls = 0; index < names.length && progress.rows < ROWS && calls < CALLS; index++, calls++) {
    const name = names[index] as string;
    const value = await vault.get(name);
    const segment = segmentSchema.safeParse(value);
    if (segment.success) {
      await target.apply(segment.data);
      progress.rows += segment.data.files.length + segment.data.versions.length + segment.data.journal.length;
      continue;
    }
    const chunk = chunkSchema.safeParse(value);
    if (!chunk.success) throw damaged(`${name} is neither rows nor a segment`);
    for (const table of chunk.data.tables) {
      await target.add(table);
      progress.rows += table.rows.length;
    }
  }
  return index;
}

/** Contents that name a pack which is not there, or whose manifest or first bytes do not open. */
async function withoutBytes(deps: RestoreDeps, page: readonly RestoredContent[]): Promise<string[]> {
  const { engine, tenant_id, target } = deps;
  const reader = new BlockReader(engine, tenant_id);
  const needs = new Map<string, string[]>();
  const lost = new Set<string>();
  for (const { content_id, manifest } of page) {
    const packs = await orDamaged(() => neededPacks(reader, manifest));
    if (packs === null) lost.add(content_id);
    else needs.set(content_id, packs);
  }
  const gone = new Set(await target.missingPacks([...new Set([...needs.values()].flat())]));
  for (const [content_id, packs] of needs) if (packs.some((pack_id) => gone.has(pack_id))) lost.add(content_id);
  const whole = page.filter(({ content_id }) => !lost.has(content_id));
  for (const { content_id, manifest, size } of deps.reads_all ? whole : whole.slice(0, 1)) {
    const read = await orDamaged(async () => {
      const body = await readContent(engine, tenant_id, manifest, 0, size, { fleeting: true });
      for await (const _ of body);
      return true;
    });
    if (read === null) lost.add(content_id);
  }
  return [...lost];
}

/** Null for damage; what did not answer is asked again. */
export async function orDamaged<T>(work: () => Promise<T>): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    if (isDamage(error)) return null;
    throw error;
  }
}
