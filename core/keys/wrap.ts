/** Keys that wrap keys. docs/spec/storage.md, K1 and K3. */
import type { TenantId } from "../protocol/ids.ts";
import { packIdBytes } from "../packs/format.ts";
import { BinaryWriter, fromBase64, toBase64 } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const NONCE = 12;
export const KEY_BYTES = 32;

export const importKey = (raw: Uint8Array): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", raw as Bytes, "AES-GCM", false, ["encrypt", "decrypt"]);

export const newKeyBytes = (): Uint8Array => crypto.getRandomValues(new Uint8Array(KEY_BYTES));

const magic = (text: string): BinaryWriter => new BinaryWriter().raw(new TextEncoder().encode(text));

export const tenantKeyData = (tenant: TenantId, version: number): Bytes => magic("EDK1").u32(tenant).u32(version).bytes;

export const packKeyData = (tenant: TenantId, version: number, pack_id: string): Bytes =>
  magic("EDK2").u32(tenant).u32(version).raw(packIdBytes(pack_id)).bytes;

export const masterCheckData = (version: string): Bytes => magic("EDK4").raw(new TextEncoder().encode(version)).bytes;

/** @returns base64 of nonce, ciphertext and tag */
export async function wrapKey(wrapping: CryptoKey, raw: Uint8Array, additionalData: Bytes): Promise<string> {
  const iv = crypto.getRandomValues(new Uint8Array(NONCE));
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, wrapping, raw as Bytes);
  return toBase64(new BinaryWriter().raw(iv).raw(new Uint8Array(sealed)).bytes);
}

/** @throws `integrity_error` when it was wrapped by another key, for something else, or was changed */
export async function unwrapBytes(wrapping: CryptoKey, wrapped: string, additionalData: Bytes): Promise<Uint8Array> {
  const bytes = fromBase64(wrapped);
  const params = { name: "AES-GCM", iv: bytes.subarray(0, NONCE), additionalData };
  const raw = await crypto.subtle.decrypt(params, wrapping, bytes.subarray(NONCE)).catch(() => {
    throw damaged("a key does not open");
  });
  return new Uint8Array(raw);
}

/** As {@link unwrapBytes}. */
export const unwrapKey = async (wrapping: CryptoKey, wrapped: string, additionalData: Bytes): Promise<CryptoKey> =>
  importKey(await unwrapBytes(wrapping, wrapped, additionalData));
