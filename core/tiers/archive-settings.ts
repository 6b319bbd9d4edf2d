/** A tenant's archive bucket, as the operator names it, and as its row keeps it. docs/spec/tiers.md, TI14. */
import { bytesToHex } from "@noble/hashes/utils.js";
import { z } from "zod";
import type { KeyRing } from "../keys/ring.ts";
import type { TenantId } from "../protocol/ids.ts";
import { fromBase64, toBase64 } from "../storage/binary.ts";

/** A machine's own address may be spoken to in the clear: only tests and one-machine installations have such. */
const OWN: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** A host and nothing else, over TLS. */
function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, origin } = new URL(text);
  const isSafe = protocol === "https:" || (protocol === "http:" && OWN.has(hostname));
  return isSafe && (text === origin || text === `${origin}/`);
}

export const archivePlaceSchema = z.object({
  endpoint: z.string().max(300).refine(isEndpoint, "must be https:// and a host alone"),
  bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "is not the name of a bucket"),
  region: z.string().regex(/^[a-z0-9-]{1,40}$/),
  access_key_id: z.string().regex(/^[\x21-\x7e]{1,200}$/),
});
export type ArchivePlace = z.infer<typeof archivePlaceSchema>;

export const archiveSettingsSchema = archivePlaceSchema.extend({
  secret_access_key: z.string().regex(/^[\x21-\x7e]{1,200}$/),
});
export type ArchiveSettings = z.infer<typeof archiveSettingsSchema>;

const sealedSchema = z.object({
  place: archivePlaceSchema,
  /** Names the key that seals the secret, and nothing else. */
  key_id: z.string(),
  key: z.record(z.string(), z.string()),
  secret: z.string(),
});

/** The key seals once. */
const AES = { name: "AES-GCM", iv: new Uint8Array(12) };

/** The text of a row: the secret under a key of its own, which the tenant's key wraps as that of a pack (K3). */
export async function sealSettings(
  keys: KeyRing,
  tenant: TenantId,
  { secret_access_key, ...place }: ArchiveSettings,
): Promise<string> {
  const key_id = bytesToHex(crypto.getRandomValues(new Uint8Array(24)));
  const { key, metadata } = await keys.newPackKey(tenant, key_id);
  const sealed = await crypto.subtle.encrypt(AES, key, new TextEncoder().encode(secret_access_key));
  const row = { place, key_id, key: metadata, secret: toBase64(new Uint8Array(sealed)) };
  return JSON.stringify(row satisfies z.infer<typeof sealedSchema>);
}

export const placeOf = (row: string): ArchivePlace => sealedSchema.parse(JSON.parse(row)).place;

/** Of the tenant's key under which the secret is. */
export const archiveKeyVersion = (row: string): number =>
  Number(sealedSchema.parse(JSON.parse(row)).key.key_version ?? 0);

/** @throws `integrity_error` when the row was changed */
export async function openSettings(keys: KeyRing, tenant: TenantId, row: string): Promise<ArchiveSettings> {
  const { place, key_id, key: metadata, secret } = sealedSchema.parse(JSON.parse(row));
  const key = await keys.packKey(tenant, key_id, metadata);
  const opened = await crypto.subtle.decrypt(AES, key, fromBase64(secret));
  return { ...place, secret_access_key: new TextDecoder().decode(opened) };
}
