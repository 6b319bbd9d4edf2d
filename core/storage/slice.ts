/** Parts of contents as entries of another one: blocks are named again, never read. docs/spec/uploads.md, U18. */
import type { Entry } from "../manifests/node.ts";
import type { BlockReader } from "./block-reader.ts";
import type { ContentMap } from "./content-map.ts";

/**
 * The entries that stand for `length` bytes from `offset`, which lie within the content; null when they begin or end
 * within a block. Leaves that lie wholly there stay as they are; of others the entries are named.
 */
export async function slice(map: ContentMap, offset: number, length: number): Promise<Entry[] | null> {
  const isWithin = (start: number, { span }: Entry): boolean => start >= offset && start + span <= offset + length;
  const isCrossed = (start: number, { span }: Entry): boolean => start + span > offset && start < offset + length;
  const found: Entry[] = [];
  for (const placed of map.crossed(offset, length)) {
    const { entry } = placed;
    if (isWithin(placed.start, entry)) {
      found.push(entry);
      continue;
    }
    if (entry.kind !== "leaf") return null;
    let { start } = placed;
    for (const block of (await map.leaf(entry)).entries) {
      if (isWithin(start, block)) found.push(block);
      else if (isCrossed(start, block)) return null;
      start += block.span;
    }
  }
  return found;
}

/**
 * The packs that entries need, those below their leaves among them (M4). Leaves are read only where the contents that
 * they come from have packs which nothing else accounts for.
 * @param known packs of the contents that the entries come from
 */
export async function packsBelow(
  reader: BlockReader,
  entries: readonly Entry[],
  known: Iterable<string>,
): Promise<string[]> {
  const packs = new Set(entries.map((entry) => entry.pack_id));
  if ([...known].every((pack_id) => packs.has(pack_id))) return [...packs];
  const leaves = new Map(
    entries.filter(({ kind }) => kind === "leaf").map((entry) => [`${entry.pack_id}/${entry.index}`, entry]),
  );
  for await (const { node } of reader.leaves([...leaves.values()]))
    for (const pack_id of node.packs) packs.add(pack_id);
  return [...packs];
}
