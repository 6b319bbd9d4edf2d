import type { Account, Claims, DeviceRow, SignInSession } from "./model.ts";

export interface NewTenant {
  tenant_id: number;
  name: string;
  plan: string;
  storage_bytes: number;
}

export interface AccountStore {
  byEmail(email: string): Promise<Account | null>;
  byId(user_id: string): Promise<Account | null>;
  plan(tenant_id: number): Promise<string>;
  isEmpty(): Promise<boolean>;
  /**
   * Makes the tenant in a shard, then account, device and sign-in session in one batch: a crash between them leaves
   * only rows that nobody can reach. False when the address is taken meanwhile, or the invite was.
   */
  create(
    tenant: NewTenant,
    account: Account,
    device: DeviceRow,
    session: SignInSession,
    invite_hash: string | null,
  ): Promise<boolean>;
  /** True when the invite exists, is unused and not expired. */
  inviteIsOpen(invite_hash: string, now: number): Promise<boolean>;
  /** A new sign-in: the device is made or keeps its name; its earlier sign-in sessions end. */
  signIn(device: DeviceRow, session: SignInSession): Promise<void>;
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
}
