/** One block: compressed, sealed, and back. docs/spec/storage.md, PK4 to PK9. */
import { BLOCK_MAX } from "../blocks/classes.ts";
import { sameBytes } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";
import { free } from "../storage/free.ts";
import type { Codec } from "../storage/ports.ts";
import type { Compressor } from "./compressor.ts";
import { blockData, type BlockKind, nonce, type OpenPack, type StoredBlock, TAG_BYTES } from "./format.ts";

type Bytes = Uint8Array<ArrayBuffer>;

export const sha256 = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest("SHA-256", bytes as Bytes));

export async function sealBlock(
  compressor: Compressor,
  pack: OpenPack,
  index: number,
  kind: BlockKind,
  raw: Uint8Array,
): Promise<{ block: StoredBlock; sealed: Bytes }> {
  const hash = await sha256(raw);
  const payload = compressor.payloadOf(raw);
  const block: StoredBlock = { kind, hash, length: raw.length, stored: payload.length + TAG_BYTES };
  const params = { name: "AES-GCM", iv: nonce(index), additionalData: blockData(pack, index, block) };
  const sealed = new Uint8Array(await crypto.subtle.encrypt(params, pack.key, payload as Bytes));
  if (payload !== raw) free(payload as Bytes);
  return { block, sealed };
}

/** @throws `integrity_error` when anything differs from what was sealed */
export async function openBlock(
  codec: Codec,
  pack: OpenPack,
  index: number,
  block: StoredBlock,
  sealed: Uint8Array,
): Promise<Bytes> {
  const params = { name: "AES-GCM", iv: nonce(index), additionalData: blockData(pack, index, block) };
  const payload = await crypto.subtle.decrypt(params, pack.key, sealed as Bytes).then(
    (plain) => new Uint8Array(plain),
    () => {
      throw damaged("a block does not open");
    },
  );
  const raw = payload.length === block.length ? payload : inflate(codec, payload, block.length);
  if (!sameBytes(await sha256(raw), block.hash)) throw damaged("a block has another hash");
  return raw;
}

function inflate(codec: Codec, payload: Bytes, length: number): Bytes {
  if (length > BLOCK_MAX) throw damaged("a block is too long");
  let raw: Bytes;
  try {
    raw = codec.decompress(payload, length);
  } catch {
    throw damaged("a block does not decompress");
  }
  free(payload);
  if (raw.length !== length) throw damaged("a block has another length");
  return raw;
}
