/** What a client keeps of a version, so that the next one costs what changed: docs/spec/delta.md, D19 to D22. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import { type BlockBits, isBlockBits } from "../core/blocks/classes.ts";
import { ByteReader, ByteWriter } from "../core/delta/bytes.ts";
import { parseSignature, serialiseSignature, type Signature } from "../core/delta/index.ts";
import { sameBytes, sha256 } from "../core/delta/sha256.ts";
import type { BlockRef } from "../core/frames/index.ts";

export interface ContentState {
  file_id: string;
  version_id: string;
  /** Bytes. */
  size: number;
  block_bits: BlockBits;
  /** In order, end to end. */
  blocks: BlockRef[];
  signature: Signature;
}

/** Where states are kept, by file. A state may get lost at any time: then an edit costs more, nothing else. */
export interface ContentStates {
  get(file_id: string): Promise<Uint8Array | null>;
  set(file_id: string, state: Uint8Array): Promise<void>;
  remove(file_id: string): Promise<void>;
}

export class MemoryContentStates implements ContentStates {
  readonly #states = new Map<string, Uint8Array>();

  async get(file_id: string): Promise<Uint8Array | null> {
    return this.#states.get(file_id) ?? null;
  }

  async set(file_id: string, state: Uint8Array): Promise<void> {
    this.#states.set(file_id, state);
  }

  async remove(file_id: string): Promise<void> {
    this.#states.delete(file_id);
  }
}

const MAGIC = Uint8Array.of(0x45, 0x44, 0x56, 0x31); // "EDV1"
const ID_BYTES = 16;
const HASH_BYTES = 32;
const CHECK_BYTES = 16;
/** Before the blocks, and of one of them, at most. */
const HEAD_MAX = MAGIC.length + 2 * ID_BYTES + 1 + 2 * 8;
const BLOCK_BYTES_MAX = HASH_BYTES + 8;

const idToBytes = (id: string): Uint8Array => hexToBytes(id.replaceAll("-", ""));
const idFromBytes = (bytes: Uint8Array): string =>
  bytesToHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");

export async function serialiseState(state: ContentState): Promise<Uint8Array> {
  const signature = serialiseSignature(state.signature);
  const out = new ByteWriter(HEAD_MAX + state.blocks.length * BLOCK_BYTES_MAX + signature.length + CHECK_BYTES);
  out.bytes(MAGIC);
  out.bytes(idToBytes(state.file_id));
  out.bytes(idToBytes(state.version_id));
  out.byte(state.block_bits);
  out.varint(state.size);
  out.varint(state.blocks.length);
  for (const { hash, length } of state.blocks) {
    out.bytes(hexToBytes(hash));
    out.varint(length);
  }
  out.bytes(signature);
  out.bytes((await sha256(out.view())).subarray(0, CHECK_BYTES));
  return out.view();
}

/** Null for what is damaged, or not whole. */
export async function parseState(bytes: Uint8Array): Promise<ContentState | null> {
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECK_BYTES));
  if (!sameBytes((await sha256(body)).subarray(0, CHECK_BYTES), bytes.subarray(body.length))) return null;
  try {
    return parseBody(body);
  } catch {
    return null;
  }
}

function parseBody(body: Uint8Array): ContentState | null {
  const reader = new ByteReader(body, "state");
  if (!sameBytes(reader.bytes(MAGIC.length), MAGIC)) return null;
  const file_id = idFromBytes(reader.bytes(ID_BYTES));
  const version_id = idFromBytes(reader.bytes(ID_BYTES));
  const block_bits = reader.byte();
  const size = reader.varint();
  const blocks: BlockRef[] = [];
  let offset = 0;
  for (let left = reader.varint(); left > 0; left--) {
    const hash = bytesToHex(reader.bytes(HASH_BYTES));
    const length = reader.varint();
    blocks.push({ hash, offset, length });
    offset += length;
  }
  const signature = parseSignature(reader.rest());
  if (!isBlockBits(block_bits) || offset !== size || signature.size !== size) return null;
  return { file_id, version_id, size, block_bits, blocks, signature };
}
