/** Roots, inline or as a block of their own. docs/spec/storage.md, M5. */
import type { BlockBits } from "../blocks/classes.ts";
import { sha256 } from "../packs/block.ts";
import type { PackWriter } from "../packs/writer.ts";
import { BinaryWriter, fromBase64, sameBytes, toBase64 } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";
import { tooScattered } from "./bounds.ts";
import { addLeaves, packsOf, spanOf } from "./leaves.ts";
import { decodeNode, encodeNode, type Entry, type Node, NODE_BLOCK_MAX } from "./node.ts";

/** A longer root does not lie in its row: 16 KiB as text. */
export const ROOT_MAX = 12 * 1024;
const CHECK_BYTES = 16;

/** Nodes one after the other, as one root. */
export function joinNodes(bits: BlockBits, nodes: readonly Node[]): Node {
  const entries = nodes.flatMap((node) => node.entries);
  const packs = [...new Set(nodes.flatMap((node) => node.packs))];
  return { kind: "root", bits, size: spanOf(entries), packs, entries };
}

async function toText(node: Uint8Array): Promise<string> {
  return toBase64(new BinaryWriter().raw(node).raw((await sha256(node)).subarray(0, CHECK_BYTES)).bytes);
}

/** @throws `integrity_error` */
export async function parseText(text: string): Promise<Node> {
  const bytes = fromBase64(text);
  const node = bytes.subarray(0, -CHECK_BYTES);
  const check = (await sha256(node)).subarray(0, CHECK_BYTES);
  if (!sameBytes(check, bytes.subarray(-CHECK_BYTES))) throw damaged("a manifest was changed");
  return decodeNode(node);
}

/**
 * A root as the text of its row. Throws `invalid_request` for one that no reader would take (M5).
 * @param openPack makes the pack for what does not fit the row; it is called once at most, and its caller finishes it
 */
export async function formatRoot(root: Node, openPack: () => Promise<PackWriter>): Promise<string> {
  const inline = encodeNode(root);
  if (inline.length <= ROOT_MAX) return toText(inline);
  const pack = await openPack();
  const slim = await withLeaves(root, pack);
  const bytes = encodeNode(slim);
  if (bytes.length <= ROOT_MAX) return toText(bytes);
  if (bytes.length > NODE_BLOCK_MAX) throw tooScattered();
  const place: Entry = { ...(await pack.add("root", bytes)), span: root.size };
  return toText(encodeNode({ ...slim, kind: "pointer", packs: packsOf([place]), entries: [place] }));
}

/** Runs of data entries become leaves. */
async function withLeaves(root: Node, pack: PackWriter): Promise<Node> {
  const entries: Entry[] = [];
  let run: Entry[] = [];
  const endRun = async (): Promise<void> => {
    entries.push(...(await addLeaves(pack, root.bits, run)));
    run = [];
  };
  for (const entry of root.entries) {
    if (entry.kind === "data") {
      run.push(entry);
      continue;
    }
    await endRun();
    entries.push(entry);
  }
  await endRun();
  return { ...root, packs: [...new Set([...root.packs, ...packsOf(entries)])], entries };
}

/** A node as text, for a chunk that waits for its session's end. */
export const formatNode = (node: Node): Promise<string> => toText(encodeNode(node));
