/** Names, additional data and the footer of packs. docs/spec/storage.md, PK1 to PK8. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { TenantId } from "../protocol/ids.ts";
import { BinaryReader, BinaryWriter } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";

export const PACK_ID_BYTES = 24;
export const HASH_BYTES = 32;
export const TAG_BYTES = 16;
export const TRAILER_BYTES = 12;

/** What a stored block is; part of what its seal covers. */
export const BLOCK_KIND = { data: 0, leaf: 1, root: 2 } as const;
export type BlockKind = keyof typeof BLOCK_KIND;

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const BLOCK_MAGIC = text("EDB1");
const FOOTER_MAGIC = text("EDF1");
const TRAILER_MAGIC = text("EDP1");

/** The prefix that the packs of an upload have in common. */
export const packPrefix = (upload_id: string): string => upload_id.replaceAll("-", "");

export const newPackId = (upload_id: string): string =>
  packPrefix(upload_id) + bytesToHex(crypto.getRandomValues(new Uint8Array(8)));

/** The object of a pack; of a prefix, what the objects of all its packs begin with. */
export const packKey = (tenant: TenantId, pack_id: string): string => `${tenant}/${pack_id}`;

export const packIdBytes = (pack_id: string): Uint8Array => hexToBytes(pack_id);

/** A pack and its key, unwrapped. */
export interface OpenPack {
  tenant_id: TenantId;
  pack_id: string;
  key: CryptoKey;
}

/** A block as it lies in a pack. */
export interface StoredBlock {
  kind: BlockKind;
  /** SHA-256 of the raw bytes. */
  hash: Uint8Array;
  /** Raw bytes. */
  length: number;
  /** Bytes in the pack: payload and tag. */
  stored: number;
}

export function blockData(
  { tenant_id, pack_id }: OpenPack,
  index: number,
  block: StoredBlock,
): Uint8Array<ArrayBuffer> {
  return new BinaryWriter()
    .raw(BLOCK_MAGIC)
    .u8(BLOCK_KIND[block.kind])
    .u32(tenant_id)
    .raw(packIdBytes(pack_id))
    .u32(index)
    .raw(block.hash)
    .u32(block.length)
    .u32(block.stored - TAG_BYTES).bytes;
}

const FOOTER_INDEX = 2 ** 32 - 1;

export function nonce(index: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(12);
  new DataView(bytes.buffer).setUint32(8, index);
  return bytes;
}

const footerParams = ({ tenant_id, pack_id }: OpenPack, count: number) => ({
  name: "AES-GCM",
  iv: nonce(FOOTER_INDEX),
  additionalData: new BinaryWriter().raw(FOOTER_MAGIC).u32(tenant_id).raw(packIdBytes(pack_id)).u32(count).bytes,
});

/** The footer, sealed, and the trailer. */
export async function sealFooter(pack: OpenPack, blocks: readonly StoredBlock[]): Promise<Uint8Array> {
  const plain = new BinaryWriter();
  for (const { kind, hash, length, stored } of blocks)
    plain.u8(BLOCK_KIND[kind]).raw(hash).varint(length).varint(stored);
  const sealed = new Uint8Array(await crypto.subtle.encrypt(footerParams(pack, blocks.length), pack.key, plain.bytes));
  return new BinaryWriter().raw(sealed).u32(blocks.length).u32(sealed.length).raw(TRAILER_MAGIC).bytes;
}

/** What the trailer says. @throws `integrity_error` */
export function parseTrailer(trailer: Uint8Array): { count: number; length: number } {
  const reader = new BinaryReader(trailer);
  const [count, length] = [reader.u32(), reader.u32()];
  if (!reader.raw(4).every((byte, i) => byte === TRAILER_MAGIC[i])) throw damaged("a pack has no trailer");
  reader.end();
  return { count, length };
}

/** @throws `integrity_error` */
export async function openFooter(
  pack: OpenPack,
  count: number,
  sealed: Uint8Array<ArrayBuffer>,
): Promise<StoredBlock[]> {
  const plain = await crypto.subtle.decrypt(footerParams(pack, count), pack.key, sealed).catch(() => {
    throw damaged("the footer of a pack does not open");
  });
  const reader = new BinaryReader(new Uint8Array(plain));
  const kinds = Object.keys(BLOCK_KIND) as BlockKind[];
  const blocks = Array.from({ length: count }, (): StoredBlock => {
    const kind = kinds[reader.u8()];
    if (kind === undefined) throw damaged("a block of no kind");
    return { kind, hash: reader.raw(HASH_BYTES), length: reader.varint(), stored: reader.varint() };
  });
  reader.end();
  return blocks;
}
