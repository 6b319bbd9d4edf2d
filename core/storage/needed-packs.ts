import { parseText } from "../manifests/root.ts";
import type { BlockReader } from "./block-reader.ts";

/** All packs that a content needs: the root names them, a pointer only that of the root (M4). @throws `integrity_error` */
export async function neededPacks(reader: BlockReader, manifest: string): Promise<string[]> {
  const node = await parseText(manifest);
  return node.kind === "pointer" ? [...node.packs, ...(await reader.root(manifest)).packs] : node.packs;
}
