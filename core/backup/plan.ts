/** From which objects a tenant is restored as it was at a moment. docs/spec/durability.md, BK8. */
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import { type End, endSchema } from "./model.ts";
import { fullPrefix, fullsOf, journalPrefix, parseSegment, type Scope, type SegmentName } from "./names.ts";
import type { Vault } from "./vault.ts";

/** The newest full backup that was whole at the moment; null when there is none. */
export async function findFull(vault: Vault, scope: Scope, at: number): Promise<{ name: string; end: End } | null> {
  for (const { end: name, started_at } of fullsOf(await vault.objects.list(fullPrefix(scope)))) {
    if (name === null || started_at > at) continue;
    const end = await readEnd(vault, name);
    if (end.ended_at <= at) return { name, end };
  }
  return null;
}

/** When the newest whole one was begun, milliseconds since the epoch; null when there is none. */
export async function newestBackup(objects: Pick<Vault["objects"], "list">, scope: Scope): Promise<number | null> {
  return fullsOf(await objects.list(fullPrefix(scope))).find(({ end }) => end !== null)?.started_at ?? null;
}

export async function readEnd(vault: Vault, name: string): Promise<End> {
  const end = endSchema.safeParse(await vault.get(name));
  if (!end.success) throw damaged(`${name} is no end of a backup`);
  return end.data;
}

export interface Chain {
  /** In the order in which they are applied. */
  segments: SegmentName[];
  /** What the drives end with: the moment of their last cut. */
  cuts: Record<string, { upto: number; at: number }>;
  /** Drives of which later segments are there that do not follow: one between is missing. */
  gaps: string[];
}

/** What follows a full backup, up to the last cut of each drive before a moment. */
export function chainOf(end: End, names: readonly SegmentName[], at: number): Chain {
  const chain: Chain = { segments: [], cuts: {}, gaps: [] };
  const later = names.filter((name) => name.at <= at).toSorted((a, b) => a.at - b.at || a.upto - b.upto);
  for (const [drive_id, upto] of Object.entries(end.upto)) {
    const own = later.filter((name) => name.drive_id === drive_id);
    const steps: SegmentName[] = [];
    let known = upto;
    let whole = 0;
    for (const name of own) {
      // What was read earlier must not come after what was read later: it has nothing that is not known.
      if (name.upto <= known || name.from > known) continue;
      steps.push(name);
      known = name.upto;
      if (name.is_cut) whole = steps.length;
    }
    const used = steps.slice(0, whole);
    chain.segments.push(...used);
    const last = used.at(-1);
    chain.cuts[drive_id] = { upto: last?.upto ?? upto, at: last?.at ?? end.ended_at };
    const reached = chain.cuts[drive_id].upto;
    if (own.some((name) => name.is_cut && name.upto > reached)) chain.gaps.push(drive_id);
  }
  chain.segments.sort((a, b) => a.at - b.at || a.upto - b.upto);
  return chain;
}

export async function segmentNames(vault: Vault, tenant_id: TenantId): Promise<SegmentName[]> {
  const keys = await vault.objects.list(journalPrefix(tenant_id));
  return keys.map(parseSegment).filter((name) => name !== null);
}
