/** Master keys wrap tenant key versions, a tenant key version wraps pack keys. docs/spec/storage.md, K1 to K6. */
import type { TenantId } from "../protocol/ids.ts";
import { damaged } from "../storage/damage.ts";
import type { ObjectMetadata } from "../storage/ports.ts";
import { BoundedCache } from "./bounded-cache.ts";
import type { TenantKeyPlace, TenantKeyRow } from "./ports.ts";
import { addTenantKey, type KeyDeps, openTenantKey } from "./tenant-key.ts";
import { importKey, newKeyBytes, packKeyData, unwrapKey, wrapKey } from "./wrap.ts";

/** A new tenant key version is used everywhere after this long, and a deleted tenant's keys are gone. */
export const TENANT_TTL = 5 * 60_000;
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
  readonly #deps: KeyDeps;
  readonly #tenants: BoundedCache<TenantKey>;
  readonly #packs: BoundedCache<CryptoKey>;

  constructor(deps: KeyDeps) {
    const { now } = deps;
    this.#deps = deps;
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
    const { key_version, pack_key } = metadata;
    const version = Number(key_version);
    if (!Number.isInteger(version) || pack_key === undefined) throw damaged("a pack does not name its key");
    // By what the object says now: a wrapped key that was damaged since is seen, also where the right one is known.
    const name = `${tenant}/${pack_id}/${version}/${pack_key}`;
    const known = this.#packs.get(name);
    if (known !== undefined) return known;
    const wrapping = await this.#version(tenant, version);
    const key = await unwrapKey(wrapping.key, pack_key, packKeyData(tenant, version, pack_id));
    this.#packs.set(name, key);
    return key;
  }

  async #newest(tenant: TenantId): Promise<TenantKey> {
    const known = this.#tenants.get(`${tenant}`);
    if (known !== undefined) return known;
    const row =
      (await this.#deps.store.newest(tenant)) ?? (await addTenantKey(this.#deps, { tenant_id: tenant, version: 1 }));
    const key = await this.#open(row);
    this.#tenants.set(`${tenant}`, key);
    return key;
  }

  async #version(tenant: TenantId, version: number): Promise<TenantKey> {
    const known = this.#tenants.get(`${tenant}/${version}`);
    if (known !== undefined) return known;
    const row =
      (await this.#deps.store.find(tenant, version)) ?? (await this.#restored({ tenant_id: tenant, version }));
    const key = await this.#open(row);
    this.#tenants.set(`${tenant}/${version}`, key);
    return key;
  }

  /** A row that the shard has lost, by its copy. */
  async #restored(place: TenantKeyPlace): Promise<TenantKeyRow> {
    const copy = await this.#deps.copies.find(place);
    if (copy === null) throw damaged("a pack names a key that is gone");
    return this.#deps.store.add(copy);
  }

  async #open(row: TenantKeyRow): Promise<TenantKey> {
    // A shard that was set back may name a master that was retired since: the copy is wrapped by a newer one.
    const { masters, copies } = this.#deps;
    const known = masters.keys.has(row.master_version) ? row : ((await copies.find(row)) ?? row);
    return { version: row.version, key: await openTenantKey(masters, known) };
  }
}
