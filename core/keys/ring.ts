/** Master keys wrap tenant key versions, a tenant key version wraps pack keys. docs/spec/storage.md, K1 to K4. */
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { ObjectMetadata } from "../storage/ports.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { MasterKeys } from "./masters.ts";
import type { KeyStore, TenantKeyRow } from "./ports.ts";
import { importKey, newKeyBytes, packKeyData, tenantKeyData, unwrapKey, wrapKey } from "./wrap.ts";

/** A new tenant key version is used everywhere after this long, and a deleted tenant's keys are gone. */
const TENANT_TTL = 5 * 60_000;
const TENANTS_MAX = 1_000;
const PACKS_MAX = 2_000;

interface TenantKey {
  version: number;
  key: CryptoKey;
}

export interface NewPackKey {
  key: CryptoKey;
  key_version: number;
  /** What the pack's object says of itself (PK8). */
  metadata: ObjectMetadata;
}

export class KeyRing {
  readonly #masters: MasterKeys;
  readonly #store: KeyStore;
  readonly #now: () => number;
  readonly #tenants: BoundedCache<TenantKey>;
  readonly #packs: BoundedCache<CryptoKey>;

  constructor(masters: MasterKeys, store: KeyStore, now: () => number) {
    this.#masters = masters;
    this.#store = store;
    this.#now = now;
    this.#tenants = new BoundedCache(TENANTS_MAX, TENANT_TTL, now);
    this.#packs = new BoundedCache(PACKS_MAX, TENANT_TTL, now);
  }

  async newPackKey(tenant: TenantId, pack_id: string): Promise<NewPackKey> {
    const newest = await this.#newest(tenant);
    const raw = newKeyBytes();
    const pack_key = await wrapKey(newest.key, raw, packKeyData(tenant, newest.version, pack_id));
    const metadata = { tenant: String(tenant), key_version: String(newest.version), pack_key };
    return { key: await importKey(raw), key_version: newest.version, metadata };
  }

  /** @param metadata of the pack's object. @throws `integrity_error` when they do not open */
  async packKey(tenant: TenantId, pack_id: string, metadata: ObjectMetadata): Promise<CryptoKey> {
    const known = this.#packs.get(pack_id);
    if (known !== undefined) return known;
    const { key_version, pack_key } = metadata;
    const version = Number(key_version);
    if (!Number.isInteger(version) || pack_key === undefined) throw damaged("a pack does not name its key");
    const wrapping = await this.#version(tenant, version);
    const key = await unwrapKey(wrapping.key, pack_key, packKeyData(tenant, version, pack_id));
    this.#packs.set(pack_id, key);
    return key;
  }

  async #newest(tenant: TenantId): Promise<TenantKey> {
    const known = this.#tenants.get(`${tenant}`);
    if (known !== undefined) return known;
    const row = (await this.#store.newest(tenant)) ?? (await this.#store.add(await this.#firstVersion(tenant)));
    const key = await this.#open(row);
    this.#tenants.set(`${tenant}`, key);
    return key;
  }

  async #version(tenant: TenantId, version: number): Promise<TenantKey> {
    const known = this.#tenants.get(`${tenant}/${version}`);
    if (known !== undefined) return known;
    const row = await this.#store.find(tenant, version);
    if (row === null) throw damaged("a pack names a key that is gone");
    const key = await this.#open(row);
    this.#tenants.set(`${tenant}/${version}`, key);
    return key;
  }

  async #open({ tenant_id, version, master_version, wrapped_key }: TenantKeyRow): Promise<TenantKey> {
    const master = this.#masters.keys.get(master_version);
    if (master === undefined) throw new Error(`master key ${master_version} is not configured`);
    return { version, key: await unwrapKey(await master, wrapped_key, tenantKeyData(tenant_id, version)) };
  }

  async #firstVersion(tenant_id: TenantId): Promise<TenantKeyRow> {
    const master = (await this.#masters.keys.get(this.#masters.newest)) as CryptoKey;
    const wrapped_key = await wrapKey(master, newKeyBytes(), tenantKeyData(tenant_id, 1));
    return { tenant_id, version: 1, master_version: this.#masters.newest, wrapped_key, created_at: this.#now() };
  }
}
