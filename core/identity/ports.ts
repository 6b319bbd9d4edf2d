import type { Account, Claims, DeviceRow, SignInSession } from "./model.ts";

export interface NewTenant {
  tenant_id: number;
  name: string;
  plan: string;
  storage_bytes: number;
}

/** On what a new account stands: being the first, an invitation, or nothing. */
export type Admission = { by: "first" } | { by: "invite"; invite_hash: string } | { by: "open" };

/** `not_first` and `invite_used`: someone else was quicker. */
export type Creation = "created" | "address_taken" | "not_first" | "invite_used";

export interface AccountStore {
  byEmail(email: string): Promise<Account | null>;
  byId(user_id: string): Promise<Account | null>;
  plan(tenant_id: number): Promise<string>;
  isEmpty(): Promise<boolean>;
  /**
   * Makes the tenant in a shard, then account, device and sign-in session in one batch: a crash between them leaves
   * only rows that nobody can reach. What the batch stands on is checked in it, so of two at once one is refused.
   */
  create(
    tenant: NewTenant,
    account: Account,
    device: DeviceRow,
    session: SignInSession,
    admission: Admission,
  ): Promise<Creation>;
  /** True when the invite exists, is unused and not expired. */
  inviteIsOpen(invite_hash: string, now: number): Promise<boolean>;
  /** A new sign-in: the device is made or renewed. @returns its earlier sign-in sessions, which end by it */
  signIn(device: DeviceRow, session: SignInSession): Promise<string[]>;
  device(user_id: string, device_id: string): Promise<DeviceRow | null>;
  session(session_id: string): Promise<SignInSession | null>;
  /** Compare-and-swap of the refresh secret: false when it is not the newest one any more. */
  rotate(session_id: string, from_hash: string, to_hash: string, now: number): Promise<boolean>;
  revoke(session_id: string, now: number): Promise<void>;
}

export interface PasswordHasher {
  hash(password: string): Promise<string>;
  /** Takes as long for `null` (no such account) as for a hash. */
  verify(password: string, hash: string | null): Promise<boolean>;
}

export interface TokenSigner {
  sign(claims: Claims, now: number): Promise<string>;
  /** SHA-256 of a secret in hex: only hashes of refresh secrets and invites are stored. */
  fingerprint(secret: string): Promise<string>;
  /** The refresh secret that follows from these, always the same one; nobody without the server's secret can tell it. */
  nextSecret(session_id: string, secret: string, idempotency_key: string): Promise<string>;
}
