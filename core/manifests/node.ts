/** Nodes of a manifest and their bytes. docs/spec/storage.md, M1 to M4 and M8. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { BLOCK_MAX, type BlockBits, isBlockBits } from "../blocks/classes.ts";
import { HASH_BYTES, PACK_ID_BYTES, packIdBytes, TAG_BYTES } from "../packs/format.ts";
import type { BlockPlace } from "../packs/writer.ts";
import { BinaryReader, BinaryWriter } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";

/** A block of the content, a leaf, or (in a pointer) the root block. */
export interface Entry extends BlockPlace {
  /** Bytes of the content that it stands for. */
  span: number;
}

export const NODE_KIND = { leaf: 1, root: 2, pointer: 3 } as const;
export type NodeKind = keyof typeof NODE_KIND;

export interface Node {
  kind: NodeKind;
  bits: BlockBits;
  /** Bytes of the content below. */
  size: number;
  /** Ids of all packs that are needed to read what is below. */
  packs: string[];
  entries: Entry[];
}

const FORMAT = 1;
const LEAF = 1;
const FOLLOWS = 2;
/** A hash, flags and two lengths: no entry takes less. */
const ENTRY_MIN = HASH_BYTES + 3;
/** A leaf or root block is no longer than this: what a damaged length can make us read. */
export const NODE_BLOCK_MAX = BLOCK_MAX;

export const dataEntry = (place: BlockPlace): Entry => ({ ...place, span: place.length });

const follows = (entry: BlockPlace, last: BlockPlace | undefined): boolean =>
  last !== undefined &&
  entry.pack_id === last.pack_id &&
  entry.index === last.index + 1 &&
  entry.offset === last.offset + last.stored;

export function encodeNode(node: Node): Uint8Array<ArrayBuffer> {
  const numbers = new Map(node.packs.map((pack_id, i) => [pack_id, i]));
  const writer = new BinaryWriter().u8(FORMAT).u8(NODE_KIND[node.kind]).u8(node.bits).varint(node.size);
  writer.varint(node.packs.length);
  for (const pack_id of node.packs) writer.raw(packIdBytes(pack_id));
  writer.varint(node.entries.length);
  let last: Entry | undefined;
  for (const entry of node.entries) {
    const isNext = follows(entry, last);
    const isLeaf = entry.kind === "leaf";
    writer.u8((isLeaf ? LEAF : 0) | (isNext ? FOLLOWS : 0));
    writer.raw(entry.hash).varint(entry.length).varint(entry.stored);
    if (isLeaf) writer.varint(entry.span);
    if (!isNext)
      writer
        .varint(numbers.get(entry.pack_id) as number)
        .varint(entry.index)
        .varint(entry.offset);
    last = entry;
  }
  return writer.bytes;
}

/** @throws `integrity_error` for anything that no `encodeNode` made */
export function decodeNode(bytes: Uint8Array): Node {
  const reader = new BinaryReader(bytes);
  const format = reader.u8();
  const code = reader.u8();
  const kind = (Object.keys(NODE_KIND) as NodeKind[]).find((name) => NODE_KIND[name] === code);
  const bits = reader.u8();
  if (format !== FORMAT || kind === undefined || !isBlockBits(bits)) throw damaged("a manifest of no known form");
  const size = reader.varint();
  const packs = Array.from({ length: reader.count(PACK_ID_BYTES) }, () => bytesToHex(reader.raw(PACK_ID_BYTES)));
  const entries: Entry[] = [];
  const count = reader.count(ENTRY_MIN);
  for (let i = 0; i < count; i++) entries.push(decodeEntry(reader, kind, packs, entries.at(-1)));
  reader.end();
  const node: Node = { kind, bits, size, packs, entries };
  check(node);
  return node;
}

function decodeEntry(reader: BinaryReader, within: NodeKind, packs: string[], last: Entry | undefined): Entry {
  const flags = reader.u8();
  const isLeaf = (flags & LEAF) !== 0;
  const isNext = (flags & FOLLOWS) !== 0;
  if (flags > (LEAF | FOLLOWS) || (isNext && last === undefined)) throw damaged("a manifest has an entry of no kind");
  const [hash, length, stored] = [reader.raw(HASH_BYTES), reader.varint(), reader.varint()];
  if (length === 0 || length > NODE_BLOCK_MAX || stored <= TAG_BYTES || stored > length + TAG_BYTES)
    throw damaged("a manifest has an impossible length");
  const span = isLeaf ? reader.varint() : length;
  const kind = within === "pointer" ? "root" : isLeaf ? "leaf" : "data";
  if (isNext) {
    const { pack_id, index, offset } = last as Entry;
    const next = offset + (last as Entry).stored;
    return { kind, hash, length, stored, span, pack_id, index: index + 1, offset: next };
  }
  const [pack_id, index, offset] = [packs[reader.varint()], reader.varint(), reader.varint()];
  if (pack_id === undefined) throw damaged("a manifest names no pack");
  return { kind, hash, length, stored, span, pack_id, index, offset };
}

function check({ kind, size, entries }: Node): void {
  if (kind === "pointer") {
    if (entries.length !== 1) throw damaged("a pointer with more than one root");
    return;
  }
  if (kind === "leaf" && entries.some((entry) => entry.kind !== "data")) throw damaged("a leaf below a leaf");
  if (entries.reduce((sum, entry) => sum + entry.span, 0) !== size)
    throw damaged("the lengths of a manifest do not add up");
}
