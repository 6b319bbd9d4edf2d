/**
 * Restores one tenant, slice by slice. docs/spec/durability.md, BK8 to BK18.
 *
 *   what an earlier try left is wiped -> the full backup -> segments behind it, up to the last cut -> what is lost is swept
 *   -> packs, as R2 has them, and the archive -> contents are looked at; those without bytes are looked for in the living
 *   tenant and in newer backups -> what nobody has is told -> the tenant is opened
 *
 * The tenant is closed (`moving`) until the last step: nobody writes, no sweep runs. Every step can be repeated.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { z } from "zod";
import { damaged } from "../storage/damage.ts";
import { archivedPacks } from "./archived-packs.ts";
import { chunkSchema, segmentSchema } from "./model.ts";
import { chainOf, findFull, readEnd, segmentNames } from "./plan.ts";
import { newestTenant, recoverFromLiving, recoverFromNewer, withoutBytes } from "./recover.ts";
import type { RestoreDeps, WithoutBytes } from "./restore-ports.ts";

/** Rows of a slice, and its calls: an invocation stays within its CPU time. */
const ROWS = 20_000;
const CALLS = 200;

export const restoreCursorSchema = z.object({
  phase: z.enum([
    "wipe",
    "full",
    "journal",
    "settle",
    "packs",
    "archive",
    "contents",
    "living",
    "newer",
    "lost",
    "open",
  ]),
  /** Only the newest attempt goes on. */
  attempt: z.string().regex(/^[0-9a-f]{16}$/),
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
    const attempt = bytesToHex(crypto.getRandomValues(new Uint8Array(8)));
    if (!(await target.begin(attempt, true))) return { state: "there" };
    return { state: "more", cursor: { phase: "wipe", attempt, end: full.name, at, index: 0, after: "" }, progress };
  }
  if (!(await target.begin(cursor.attempt, false))) return { state: "there" };
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
      await keepArchive(deps);
      return to("packs");
    case "packs": {
      const { packs, next } = await deps.packs(cursor.after);
      if (packs.length > 0) await deps.target.addPacks(packs);
      progress.packs = packs.length;
      return next === null ? to("archive") : { ...cursor, after: next };
    }
    case "archive": {
      const archive = await deps.archive();
      if (archive === null) return to("contents");
      const { packs, next } = await archivedPacks(deps, archive, cursor.after);
      await deps.target.addPacks(packs);
      progress.packs = packs.length;
      return next === null ? to("contents") : { ...cursor, after: next };
    }
    case "contents": {
      const page = await deps.target.contents(cursor.after);
      progress.contents = page.length;
      await deps.target.markLost(await withoutBytes(deps, page));
      const last = page.at(-1);
      return last === undefined ? to("living") : { ...cursor, after: last.content_id };
    }
    case "living": {
      const after = await recoverFromLiving(deps, cursor.after);
      return after === null ? to("newer") : { ...cursor, after };
    }
    case "newer": {
      const place = await recoverFromNewer(deps, cursor.end, cursor);
      return place === null ? to("lost") : { ...cursor, ...place };
    }
    case "lost": {
      const page = await deps.target.lost(cursor.after);
      const last = page.at(-1);
      if (last !== undefined) {
        progress.without_bytes = await deps.target.versionsOf(page.map(({ content_id }) => content_id));
        return { ...cursor, after: last.content_id };
      }
      await deps.target.settleLost();
      return to("open");
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

/** Where its archive is now, and by which credentials: packs that were moved there after the moment are wanted, too. */
async function keepArchive(deps: RestoreDeps): Promise<void> {
  if (deps.living !== null) return deps.target.setArchive(await deps.living.archive());
  const { archive } = (await newestTenant(deps)) ?? {};
  if (archive !== undefined) await deps.target.setArchive(archive as string | null);
}
