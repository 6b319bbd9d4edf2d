/**
 * A full backup, slice by slice. docs/spec/durability.md, BK4 and BK5.
 *
 *   sequence numbers of all drives -> pages of all tables -> segments of what changed since -> the end
 *
 * No page is from the same moment as another: the segments put that right. Each slice can be repeated; two chains of
 * slices write chunks of their own.
 */
import { z } from "zod";
import type { Chunk, End, TableRows } from "./model.ts";
import { newEnd, newChunk, newSegment, newSet, type Scope } from "./names.ts";
import type { PagedSource, TenantSource } from "./ports.ts";
import type { Vault } from "./vault.ts";

/** Characters of JSON after which a chunk ends, and of all chunks of a slice: memory, and a second or two of CPU. */
const CHUNK = 4_000_000;
const SLICE = 40_000_000;

/** Where a full backup is, between its slices: travels in the message that starts the next one. */
export const fullStateSchema = z.object({
  set: z.string().startsWith("backup/").endsWith("/"),
  started_at: z.number(),
  /** Tables that are done. */
  done: z.number().int().min(0),
  after: z.array(z.union([z.string(), z.number()])).nullable(),
  /** Names of the chunks within the set. */
  chunks: z.array(z.string()),
  seqs: z.record(z.string(), z.number()),
  /** Up to where the segments of each drive are written; those that are not named have none yet. */
  closed: z.record(z.string(), z.object({ upto: z.number(), is_cut: z.boolean() })),
  rows: z.number(),
});
export type FullState = z.infer<typeof fullStateSchema>;

export interface FullDeps {
  scope: Scope;
  source: PagedSource;
  /** For a tenant; the directory has no journal. */
  tenant: TenantSource | null;
  vault: Vault;
  /** Pages of one slice, so that it stays within an invocation. */
  pages: number;
}

/** @returns the state from which the next slice goes on; null when the backup is whole, or there is nothing to back up */
export async function runFull(deps: FullDeps, before: FullState | null): Promise<FullState | null> {
  const state = before === null ? await begin(deps) : structuredClone(before);
  if (state === null) return null;
  const budget = { left: SLICE, pages: deps.pages };
  while (state.done < deps.source.tables.length) {
    if (budget.left <= 0 || budget.pages <= 0) return state;
    await writeChunk(deps, state, budget);
  }
  for (const drive_id of Object.keys(state.seqs))
    while (state.closed[drive_id]?.is_cut !== true) {
      if (budget.left <= 0 || budget.pages-- <= 0) return state;
      budget.left -= await closeDrive(deps, state, drive_id);
    }
  await finish(deps, state);
  return null;
}

async function begin({ scope, source, tenant }: FullDeps): Promise<FullState | null> {
  const seqs = tenant === null ? {} : await tenant.seqs();
  if (seqs === null) return null;
  // From here on ticks follow: until the first full backup is whole, their segments lie in wait for it.
  for (const [drive_id, seq] of Object.entries(seqs))
    if ((await tenant?.mark(drive_id)) === null) await tenant?.moveMark(drive_id, seq);
  const started_at = await source.now();
  return {
    set: newSet(scope, started_at),
    started_at,
    done: 0,
    after: null,
    chunks: [],
    seqs,
    closed: {},
    rows: 0,
  };
}

async function put({ vault }: FullDeps, state: FullState, value: unknown): Promise<void> {
  const name = newChunk(state.set);
  await vault.put(name, value);
  state.chunks.push(name.slice(state.set.length));
}

/** Small tables lie in one chunk together. */
async function writeChunk(deps: FullDeps, state: FullState, budget: { left: number; pages: number }): Promise<void> {
  const tables: TableRows[] = [];
  for (let size = 0; size < CHUNK && state.done < deps.source.tables.length && budget.pages > 0;) {
    const table = deps.source.tables[state.done] as string;
    const { rows, last } = await deps.source.page(table, state.after);
    if (rows.length > 0) tables.push({ table, rows });
    state.rows += rows.length;
    const length = JSON.stringify(rows).length;
    size += length;
    budget.left -= length;
    budget.pages -= 1;
    state.after = last;
    if (last === null) state.done += 1;
  }
  if (tables.length > 0) await put(deps, state, { kind: "rows", tables } satisfies Chunk);
}

/** @returns characters written */
async function closeDrive(deps: FullDeps, state: FullState, drive_id: string): Promise<number> {
  const from = state.closed[drive_id]?.upto ?? (state.seqs[drive_id] as number);
  const segment = (await deps.tenant?.segment(drive_id, from)) ?? null;
  // A drive that is gone has nothing left to close.
  state.closed[drive_id] = { upto: segment?.upto ?? from, is_cut: segment?.is_cut ?? true };
  // Nothing has changed since: the pages are exact.
  if (segment === null || segment.journal.length === 0) return 0;
  await put(deps, state, segment);
  state.rows += segment.files.length + segment.versions.length + segment.journal.length;
  return JSON.stringify(segment).length;
}

async function finish({ source, vault }: FullDeps, state: FullState): Promise<void> {
  const { set, started_at, rows } = state;
  const chunks = state.chunks.map((chunk) => set + chunk);
  const upto = Object.fromEntries(Object.entries(state.closed).map(([drive_id, closed]) => [drive_id, closed.upto]));
  const end: End = { kind: "end", started_at, ended_at: await source.now(), chunks, upto, rows };
  await vault.put(newEnd(set), end);
}

/** What of a drive's journal is in no segment yet, a few segments at a time. @returns whether more is left */
export async function writeSegments(
  { vault, source, tenant_id, drive_id }: { vault: Vault; source: TenantSource; tenant_id: number; drive_id: string },
  segments: number,
): Promise<"done" | "more" | "no_full"> {
  let mark = await source.mark(drive_id);
  if (mark === null) return "no_full";
  for (let written = 0; written < segments; written++) {
    const segment = await source.segment(drive_id, mark);
    if (segment === null || segment.upto === mark) return "done";
    await vault.put(newSegment(tenant_id, segment), segment);
    await source.moveMark(drive_id, segment.upto);
    if (segment.is_cut) return "done";
    mark = segment.upto;
  }
  return "more";
}
