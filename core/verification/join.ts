/** Equal contents of a tenant end in the same packs. docs/spec/storage.md, S8, S9 and S14. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { parseText } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import type { EqualContents, VerifiedContent } from "./ports.ts";

/** Packs of all contents looked at (125 GiB): a look takes up to three calls for each, and an invocation has 10,000. */
const PACKS_MAX = 2_000;

/** Packs asked for at once. */
const AHEAD = 5;

export interface JoinDeps {
  engine: Engine;
  tenant_id: TenantId;
  equals: EqualContents;
}

interface Look {
  /** Where its blocks begin and end, and their class: all that its owner can tell one manifest from another by. */
  cuts: string;
  /** All that reading it needs. */
  packs: string[];
  /** Every one of them is there. */
  is_whole: boolean;
}

/** Null for what has more than `most` packs, and for what does not open. */
async function lookAt({ engine, tenant_id }: JoinDeps, manifest: string, most: number): Promise<Look | null> {
  const reader = new BlockReader(engine, tenant_id);
  try {
    const node = await parseText(manifest);
    const root = await reader.root(manifest);
    // A root that is a block of its own lies in one more pack than it names (M5).
    const packs = [...new Set([...node.packs, ...root.packs])];
    if (packs.length > most) return null;
    const hash = sha256.create().update(Uint8Array.of(root.bits));
    for await (const { entry } of reader.data(root, 0, root.size))
      hash.update(new Uint8Array(Uint32Array.of(entry.span).buffer));
    return { cuts: bytesToHex(hash.digest()), packs, is_whole: await areThere(engine, tenant_id, packs) };
  } catch (error) {
    // A store that does not answer is asked again, with the job.
    if (isDamage(error)) return null;
    throw error;
  }
}

async function areThere({ objects }: Engine, tenant_id: TenantId, packs: readonly string[]): Promise<boolean> {
  for (let at = 0; at < packs.length; at += AHEAD) {
    const some = packs.slice(at, at + AHEAD);
    const found = await Promise.all(some.map((pack_id) => objects.get(packKey(tenant_id, pack_id), 0, 1)));
    if (found.includes(null)) return false;
  }
  return true;
}

/**
 * The blocks of the oldest one that is whole become those of all that are cut alike. Nothing is deleted: packs that no
 * manifest names any more keep their rows, and are what garbage collection looks for; who reads by the old manifest
 * reads on.
 * @returns how many contents got another manifest, and how many packs were looked at
 */
export async function joinEqual(deps: JoinDeps, content: VerifiedContent): Promise<{ joined: number; packs: number }> {
  // Without bytes there is nothing to save.
  if (content.size === 0) return { joined: 0, packs: 0 };
  const found = await deps.equals.find(content.content_hash, content.size);
  // It may be in a history only.
  if (!found.some(({ content_id }) => content_id === content.content_id)) found.push(content);
  const byAge = found.toSorted((a, b) => (a.content_id < b.content_id ? -1 : 1));
  const manifests = new Set([content, ...byAge].map(({ manifest }) => manifest));
  if (manifests.size === 1) return { joined: 0, packs: 0 };
  const looks = new Map<string, Look | null>();
  let most = PACKS_MAX;
  for (const manifest of manifests) {
    const look = await lookAt(deps, manifest, most);
    most -= look?.packs.length ?? 0;
    looks.set(manifest, look);
  }
  const oldest = new Map<string, VerifiedContent>();
  for (const one of byAge) {
    const look = looks.get(one.manifest);
    if (look?.is_whole && !oldest.has(look.cuts)) oldest.set(look.cuts, one);
  }
  let joined = 0;
  for (const other of byAge) {
    const kept = oldest.get(looks.get(other.manifest)?.cuts ?? "");
    if (kept === undefined || kept.manifest === other.manifest) continue;
    if (await deps.equals.repoint(other, kept, looks.get(kept.manifest)?.packs ?? [])) joined += 1;
  }
  return { joined, packs: PACKS_MAX - most };
}
