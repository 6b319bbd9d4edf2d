/** Equal contents of a tenant end in the same packs. docs/spec/storage.md, S8 and S9. */
import { parseText } from "../manifests/root.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import type { Engine } from "../storage/engine.ts";
import type { EqualContents, VerifiedContent } from "./ports.ts";

export interface JoinDeps {
  engine: Engine;
  tenant_id: TenantId;
  equals: EqualContents;
}

/** All that reading a content needs: a root that is a block of its own lies in one more pack than it names (M5). */
async function packsBehind({ engine, tenant_id }: JoinDeps, manifest: string): Promise<string[]> {
  const node = await parseText(manifest);
  const root = node.kind === "root" ? node : await new BlockReader(engine, tenant_id).root(manifest);
  return [...new Set([...node.packs, ...root.packs])];
}

/**
 * The oldest one's blocks become everyone's. Nothing is deleted: packs that no manifest names any more keep their rows,
 * and are what garbage collection looks for; who reads by the old manifest reads on.
 * @returns how many contents got another manifest
 */
export async function joinEqual(deps: JoinDeps, content: VerifiedContent): Promise<number> {
  // Without bytes there is nothing to save.
  if (content.size === 0) return 0;
  const found = await deps.equals.find(content.content_hash, content.size);
  // It may be in a history only.
  if (!found.some(({ content_id }) => content_id === content.content_id)) found.push(content);
  const [kept, ...rest] = found.toSorted((a, b) => (a.content_id < b.content_id ? -1 : 1)) as [VerifiedContent];
  const others = (rest as VerifiedContent[]).filter(({ manifest }) => manifest !== kept.manifest);
  if (others.length === 0) return 0;
  const packs = await packsBehind(deps, kept.manifest);
  let joined = 0;
  for (const other of others) if (await deps.equals.repoint(other, kept, packs)) joined += 1;
  return joined;
}
