/** Versions of a tenant's key, wrapped by master keys. docs/spec/storage.md, K3. */
import { DriveError } from "../protocol/errors.ts";
import type { MasterCheck } from "./master-check.ts";
import type { MasterKeys } from "./masters.ts";
import type { KeyCopies, KeyStore, TenantKeyPlace, TenantKeyRow } from "./ports.ts";
import { importKey, newKeyBytes, tenantKeyData, unwrapBytes, wrapKey } from "./wrap.ts";

export interface KeyDeps {
  masters: MasterKeys;
  store: KeyStore;
  copies: KeyCopies;
  check: MasterCheck;
  now(): number;
}

/**
 * A new version, in use from now on. The copy comes first, so that what is used can always be read back; of several who
 * add one at once all use the one that R2 kept, and a try that crashed is gone on with (K5).
 */
export async function addTenantKey(deps: KeyDeps, place: TenantKeyPlace): Promise<TenantKeyRow> {
  const { masters, store, copies, check, now } = deps;
  await check.admit(masters.newest);
  const copy = await copies.create(await newTenantKey(masters, place, now()));
  const row = await store.add(copy);
  // Another made it meanwhile, in the other of two buckets: the row is what is used.
  if (row.wrapped_key !== copy.wrapped_key) await copies.put(row);
  return row;
}

/** @throws `unavailable`, naming the version, when it is not configured */
function masterOf({ keys }: MasterKeys, version: string): Promise<CryptoKey> {
  const master = keys.get(version);
  if (master === undefined) throw new DriveError("unavailable", `The master key ${version} is not configured.`);
  return master;
}

async function wrapped(
  masters: MasterKeys,
  { tenant_id, version, created_at }: Omit<TenantKeyRow, "master_version" | "wrapped_key">,
  raw: Uint8Array,
): Promise<TenantKeyRow> {
  const master_version = masters.newest;
  const wrapped_key = await wrapKey(await masterOf(masters, master_version), raw, tenantKeyData(tenant_id, version));
  return { tenant_id, version, master_version, wrapped_key, created_at };
}

/** A random key under the newest master. */
export const newTenantKey = (masters: MasterKeys, place: TenantKeyPlace, created_at: number): Promise<TenantKeyRow> =>
  wrapped(masters, { ...place, created_at }, newKeyBytes());

/** The same key under the newest master. */
export const rewrapTenantKey = async (masters: MasterKeys, row: TenantKeyRow): Promise<TenantKeyRow> =>
  wrapped(masters, row, await rawTenantKey(masters, row));

/** @throws `integrity_error` when it does not open, `unavailable` when its master is not configured */
export const openTenantKey = async (masters: MasterKeys, row: TenantKeyRow): Promise<CryptoKey> =>
  importKey(await rawTenantKey(masters, row));

async function rawTenantKey(masters: MasterKeys, row: TenantKeyRow): Promise<Uint8Array> {
  const { tenant_id, version, master_version, wrapped_key } = row;
  return unwrapBytes(await masterOf(masters, master_version), wrapped_key, tenantKeyData(tenant_id, version));
}
