/**
 * Which restored contents have their bytes, and where those are that have moved since: compaction and joining give
 * contents other manifests, and the old packs go. docs/spec/durability.md, BK12 and BK15.
 */
import { BlockReader } from "../storage/block-reader.ts";
import { isDamage } from "../storage/damage.ts";
import { neededPacks } from "../storage/needed-packs.ts";
import { readContent } from "../storage/read.ts";
import { chunkSchema, type Row, segmentSchema } from "./model.ts";
import { fullPrefix, fullsOf } from "./names.ts";
import { findFull, readEnd, segmentNames } from "./plan.ts";
import type { RestoreDeps, RestoredContent } from "./restore-ports.ts";

/** Chunks of one slice, 4 MB or so each. */
const CHUNKS = 20;
/** A chunk that ends with another table is the last one of a backup that has contents (BK4). */
const UP_TO_CONTENTS: ReadonlySet<string> = new Set(["tenants", "drives", "contents"]);

/** Contents that name a pack which is not there, or whose manifest or first bytes do not open. */
export async function withoutBytes(deps: RestoreDeps, page: readonly RestoredContent[]): Promise<string[]> {
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

/** What the tenant has of a page of lost contents now. @returns the id behind which the next page begins; null at the end */
export async function recoverFromLiving(deps: RestoreDeps, after: string): Promise<string | null> {
  if (deps.living === null) return null;
  const page = await deps.target.lost(after);
  const last = page.at(-1);
  if (last === undefined) return null;
  await recover(deps, page, await deps.living.contents(page.map(({ content_id }) => content_id)));
  return last.content_id;
}

/** In a newer full backup: its end, and chunks of it that are done. The newest one first. */
export interface NewerPlace {
  after: string;
  index: number;
}

/**
 * What newer full backups have of the lost contents, a few chunks at a time. Each is asked, not the newest alone: a
 * content may have moved and been dropped since, and its bytes may still be there.
 * @param than the end of the backup that is restored
 */
export async function recoverFromNewer(
  deps: RestoreDeps,
  than: string,
  { after, index: start }: NewerPlace,
): Promise<NewerPlace | null> {
  const { vault, tenant_id, target } = deps;
  const ends = fullsOf(await vault.objects.list(fullPrefix(tenant_id)))
    .flatMap(({ end }) => (end === null ? [] : [end]))
    .filter((end) => end > than && (after === "" || end <= after));
  let left = CHUNKS;
  for (const end of ends) {
    // One that has gone meanwhile was too old.
    let index = end === after ? start : 0;
    if (index === 0 && (await target.lost("")).length === 0) return null;
    const { chunks } = (await orDamaged(() => readEnd(vault, end))) ?? { chunks: [] };
    for (let isLast = false; index < chunks.length && !isLast; index++, left--) {
      if (left === 0) return { after: end, index };
      const chunk = chunkSchema.safeParse(await orDamaged(() => vault.get(chunks[index] as string)));
      const tables = chunk.success ? chunk.data.tables : [];
      await recoverRows(
        deps,
        tables.filter(({ table }) => table === "contents").flatMap(({ rows }) => rows),
      );
      isLast = tables.some(({ table }) => !UP_TO_CONTENTS.has(table));
    }
  }
  return null;
}

async function recoverRows(deps: RestoreDeps, rows: readonly Row[]): Promise<void> {
  const known = rows.map(({ content_id, manifest, size }) => ({
    content_id: content_id as string,
    manifest: manifest as string,
    size: size as number,
  }));
  await recover(deps, await deps.target.lostAmong(known.map(({ content_id }) => content_id)), known);
}

async function recover(
  deps: RestoreDeps,
  lost: readonly RestoredContent[],
  known: readonly RestoredContent[],
): Promise<void> {
  const manifests = new Map(lost.map(({ content_id, manifest }) => [content_id, manifest]));
  // What has not moved is lost there, too.
  const moved = known.filter(
    ({ content_id, manifest }) => manifests.has(content_id) && manifests.get(content_id) !== manifest,
  );
  const still = new Set(await withoutBytes(deps, moved));
  await deps.target.repoint(moved.filter(({ content_id }) => !still.has(content_id)));
}

/** The tenant's row as the newest backup has it; null when that does not open. */
export async function newestTenant({
  vault,
  tenant_id,
}: Pick<RestoreDeps, "vault" | "tenant_id">): Promise<Row | null> {
  return orDamaged(async () => {
    const full = await findFull(vault, tenant_id, Infinity);
    const [segment] = (await segmentNames(vault, tenant_id)).toSorted((a, b) => b.at - a.at);
    if (segment !== undefined && segment.at > (full?.end.ended_at ?? 0))
      return segmentSchema.parse(await vault.get(segment.name)).tenants[0] ?? null;
    const first = full?.end.chunks[0];
    if (first === undefined) return null;
    const { tables } = chunkSchema.parse(await vault.get(first));
    return tables.find(({ table }) => table === "tenants")?.rows[0] ?? null;
  });
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
