export type Role = "admin" | "member";

export interface Account {
  user_id: string;
  tenant_id: number;
  email: string;
  name: string;
  password_hash: string;
  role: Role;
  created_at: number;
}

export interface DeviceRow {
  user_id: string;
  device_id: string;
  name: string;
  platform: string | null;
  created_at: number;
  last_seen_at: number | null;
  last_synced_at: number | null;
  /** What of its user's drive it had when it asked last for changes. */
  acknowledged_seq: number | null;
}

/** A family of refresh tokens: one sign-in of one device. */
export interface SignInSession {
  session_id: string;
  user_id: string;
  device_id: string;
  refresh_hash: string;
  created_at: number;
  expires_at: number;
  revoked_at: number | null;
}

/** What an access token says; verified with no database. */
export interface Claims {
  user_id: string;
  session_id: string;
  device_id: string;
  /** As it was at the last rotation of the token; "" in older tokens. Conflict copies bear it. */
  device_name: string;
  role: Role;
  plan: string;
}

/** Milliseconds. */
export const ACCESS_TTL = 15 * 60_000;
export const REFRESH_TTL = 30 * 24 * 3_600_000;
