/** Which files damage touches: one pass over the contents. docs/spec/durability.md, SC5. */
import { type Calls, rootNaming } from "../compaction/survey.ts";
import type { GarbageStore } from "../garbage/ports.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import type { Findings } from "./ports.ts";

const CALLS_MAX = 400;

export interface TraceDeps {
  tenant_id: TenantId;
  engine: Engine;
  contents: Pick<GarbageStore, "contents">;
  findings: Findings;
  /** Pages of one slice. */
  pages: number;
}

/** One slice behind a content's id, "" at first. @returns the id to go on behind, null at the end or with nothing to trace */
export async function traceDamage(deps: TraceDeps, start: string): Promise<string | null> {
  const packs = (await deps.findings.damaged()).filter(({ is_traced }) => !is_traced || start !== "");
  if (packs.length === 0) return null;
  const reader = new BlockReader(deps.engine, deps.tenant_id);
  const calls: Calls = { left: CALLS_MAX };
  const touched = new Map<string, string[]>(packs.map(({ pack_id }) => [pack_id, []]));
  let after: string | null = start;
  for (let page = 0; page < deps.pages && calls.left > 0 && after !== null; page++) {
    const found = await deps.contents.contents(after);
    for (const { content_id, manifest, is_garbage } of found) {
      if (is_garbage) continue;
      try {
        const named = await rootNaming(reader, manifest, (pack_id) => touched.has(pack_id), calls);
        const all = new Set(named === null ? [] : [...named.root.packs, ...named.own.map((entry) => entry.pack_id)]);
        for (const pack_id of all) touched.get(pack_id)?.push(content_id);
      } catch (error) {
        // Its root lies in what is damaged, perhaps: rounds report it (G12).
        if (!isDamage(error)) throw error;
      }
    }
    after = found.at(-1)?.content_id ?? null;
  }
  for (const [pack_id, content_ids] of touched) await deps.findings.touch(pack_id, content_ids);
  return after;
}
