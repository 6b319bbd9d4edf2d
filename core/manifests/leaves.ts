import type { BlockBits } from "../blocks/classes.ts";
import type { PackWriter } from "../packs/writer.ts";
import { encodeNode, type Entry, type Node } from "./node.ts";

const MIN = 48;
const MAX = 192;

/** By content, so that an edit moves the ends of one or two leaves only (M6). */
const isLast = ({ hash }: Entry, count: number): boolean =>
  count >= MAX || (count >= MIN && ((hash.at(-1) as number) & 63) === 0);

function* group(entries: readonly Entry[]): Generator<Entry[]> {
  let from = 0;
  for (const [i, entry] of entries.entries())
    if (isLast(entry, i + 1 - from) || i === entries.length - 1) {
      yield entries.slice(from, i + 1);
      from = i + 1;
    }
}

export const spanOf = (entries: readonly Entry[]): number => entries.reduce((sum, entry) => sum + entry.span, 0);

export const packsOf = (entries: readonly Entry[]): string[] => [...new Set(entries.map((entry) => entry.pack_id))];

/** Puts data entries into leaves, as blocks of the pack that is being written. @returns the leaves' entries */
export async function addLeaves(pack: PackWriter, bits: BlockBits, entries: readonly Entry[]): Promise<Entry[]> {
  const leaves: Entry[] = [];
  for (const part of group(entries)) {
    const leaf: Node = { kind: "leaf", bits, size: spanOf(part), packs: packsOf(part), entries: part };
    leaves.push({ ...(await pack.add("leaf", encodeNode(leaf))), span: leaf.size });
  }
  return leaves;
}
