/** Keys of a backup's objects: each has one of its own. docs/spec/durability.md, BK2. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { KeyRing } from "../keys/ring.ts";
import type { KeyDeps } from "../keys/tenant-key.ts";
import { importKey, newKeyBytes, unwrapKey, wrapKey } from "../keys/wrap.ts";
import { PACK_ID_BYTES } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BinaryWriter } from "../storage/binary.ts";
import { damaged } from "../storage/damage.ts";
import type { ObjectMetadata } from "../storage/ports.ts";

export interface BackupKeys {
  create(): Promise<{ key: CryptoKey; metadata: ObjectMetadata }>;
  /** @throws `integrity_error` */
  open(metadata: ObjectMetadata): Promise<CryptoKey>;
}

const newKeyId = (): string => bytesToHex(crypto.getRandomValues(new Uint8Array(PACK_ID_BYTES)));

function idOf({ key_id }: ObjectMetadata): string {
  if (key_id === undefined) throw damaged("a backup does not name its key");
  return key_id;
}

/** Of a tenant's backup: wrapped as the keys of packs are, so they end with the tenant's. */
export const tenantBackupKeys = (ring: KeyRing, tenant_id: TenantId): BackupKeys => ({
  async create() {
    const key_id = newKeyId();
    const { key, metadata } = await ring.newPackKey(tenant_id, key_id);
    return { key, metadata: { ...metadata, key_id } };
  },
  open: (metadata) => ring.packKey(tenant_id, idOf(metadata), metadata),
});

/** Of the directory's: wrapped by a master key. */
export const masterBackupKeys = ({ masters, check }: Pick<KeyDeps, "masters" | "check">): BackupKeys => {
  const data = (key_id: string) =>
    new BinaryWriter().raw(new TextEncoder().encode("EDK3")).raw(hexToBytes(key_id)).bytes;
  const master = async (version: string): Promise<CryptoKey> => {
    const key = masters.keys.get(version);
    if (key === undefined) throw new Error(`master key ${version} is not configured`);
    return key;
  };
  return {
    async create() {
      await check.admit(masters.newest);
      const key_id = newKeyId();
      const raw = newKeyBytes();
      const wrapped_key = await wrapKey(await master(masters.newest), raw, data(key_id));
      return { key: await importKey(raw), metadata: { master_version: masters.newest, wrapped_key, key_id } };
    },
    async open(metadata) {
      const { master_version = "", wrapped_key = "" } = metadata;
      return unwrapKey(await master(master_version), wrapped_key, data(idOf(metadata)));
    },
  };
};
