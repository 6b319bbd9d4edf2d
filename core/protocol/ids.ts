/**
 * Ids are UUIDv8 (RFC 9562, section 5.8): 48 bits of milliseconds, the version, 12 + 20 bits of tenant number
 * (the variant's two bits lie between them), 42 random bits. So any id names its tenant, and ids sort by time.
 */
import { z } from "zod";

/** 1 .. 2^32-1, assigned at random; 0 is never a tenant. */
export type TenantId = number;

const PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

export const idSchema = z.string().regex(PATTERN, "is not an id");

const hex = (bytes: Uint8Array): string => Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");

/** Puts tenant number, version and variant into 16 bytes that have the rest already. */
function formatId(bytes: Uint8Array, tenant: TenantId): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint16(6, 0x8000 | (tenant >>> 20));
  // 2 bits variant, then the low 20 bits of the tenant number, then 10 of the 42 random bits.
  view.setUint32(8, (0x80000000 | ((tenant & 0xfffff) << 10) | (view.getUint32(8) & 0x3ff)) >>> 0);
  const s = hex(bytes);
  return `${s.slice(0, 8)}-${s.slice(8, 12)}-${s.slice(12, 16)}-${s.slice(16, 20)}-${s.slice(20)}`;
}

/** @param now milliseconds since the epoch */
export function newId(tenant: TenantId, now: number): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, Math.floor(now / 2 ** 32));
  view.setUint32(2, now >>> 0);
  return formatId(bytes, tenant);
}

/**
 * An id that a request with this key has whenever it is sent: 90 bits of the key's SHA-256, in place of time and chance.
 * For what need not sort by time.
 */
export async function idOfKey(tenant: TenantId, key: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key));
  return formatId(new Uint8Array(digest, 0, 16), tenant);
}

export const isId = (value: string): boolean => PATTERN.test(value);

/** The tenant an id belongs to. @param id a valid id */
export function tenantOf(id: string): TenantId {
  const high = Number.parseInt(id.slice(15, 18), 16);
  const word = Number.parseInt(id.slice(19, 23) + id.slice(24, 28), 16);
  return high * 2 ** 20 + ((word >>> 10) & 0xfffff);
}

/** Milliseconds since the epoch at which an id was made. */
export const timeOf = (id: string): number => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);

export const newTenantId = (): TenantId => {
  const value = crypto.getRandomValues(new Uint32Array(1))[0] as number;
  return value === 0 ? newTenantId() : value;
};

const base64url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** A share token: 32 bits of tenant number and 128 random bits, base64url, 27 characters. */
export function newShareToken(tenant: TenantId): string {
  const bytes = crypto.getRandomValues(new Uint8Array(20));
  new DataView(bytes.buffer).setUint32(0, tenant);
  return base64url(bytes);
}

export const shareTokenSchema = z.string().regex(/^[A-Za-z0-9_-]{27}$/, "is not a share token");

/** @param token a well-formed share token */
export function tenantOfShareToken(token: string): TenantId {
  const head = atob(token.slice(0, 8).replaceAll("-", "+").replaceAll("_", "/"));
  return (
    ((head.charCodeAt(0) << 24) | (head.charCodeAt(1) << 16) | (head.charCodeAt(2) << 8) | head.charCodeAt(3)) >>> 0
  );
}

/** 256 random bits, base64url: refresh secrets, invites. */
export const newSecret = (): string => base64url(crypto.getRandomValues(new Uint8Array(32)));
