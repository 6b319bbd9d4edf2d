import type { Account, DeviceRow, SignInSession } from "../../../core/identity/model.ts";
import type { AccountStore, Admission, Creation, NewTenant } from "../../../core/identity/ports.ts";

/** Accounts in memory. Each change is whole when its promise is made, as a batch is; reads come a turn later. */
export class MemoryAccounts implements AccountStore {
  readonly accounts = new Map<string, Account>();
  readonly tenants = new Map<number, NewTenant>();
  readonly deviceRows = new Map<string, DeviceRow>();
  readonly sessions = new Map<string, SignInSession>();
  readonly invites = new Map<string, { expires_at: number; used: boolean }>();

  async byEmail(email: string): Promise<Account | null> {
    return [...this.accounts.values()].find((account) => account.email === email) ?? null;
  }

  async byId(user_id: string): Promise<Account | null> {
    return this.accounts.get(user_id) ?? null;
  }

  async plan(tenant_id: number): Promise<string> {
    return this.tenants.get(tenant_id)?.plan ?? "";
  }

  async isEmpty(): Promise<boolean> {
    return this.accounts.size === 0;
  }

  async inviteIsOpen(invite_hash: string, now: number): Promise<boolean> {
    const invite = this.invites.get(invite_hash);
    return invite !== undefined && !invite.used && invite.expires_at > now;
  }

  async create(
    tenant: NewTenant,
    account: Account,
    device: DeviceRow,
    session: SignInSession,
    admission: Admission,
  ): Promise<Creation> {
    if (admission.by === "first" && this.accounts.size > 0) return "not_first";
    if ([...this.accounts.values()].some(({ email }) => email === account.email)) return "address_taken";
    if (admission.by === "invite") {
      const invite = this.invites.get(admission.invite_hash);
      if (invite === undefined || invite.used) return "invite_used";
      invite.used = true;
    }
    this.tenants.set(tenant.tenant_id, tenant);
    this.accounts.set(account.user_id, account);
    this.deviceRows.set(`${device.user_id} ${device.device_id}`, device);
    this.sessions.set(session.session_id, session);
    return "created";
  }

  async signIn(device: DeviceRow, session: SignInSession): Promise<string[]> {
    const ended = [...this.sessions.values()].filter(
      (s) => s.user_id === device.user_id && s.device_id === device.device_id && s.revoked_at === null,
    );
    for (const one of ended) this.sessions.set(one.session_id, { ...one, revoked_at: session.created_at });
    this.deviceRows.set(`${device.user_id} ${device.device_id}`, device);
    this.sessions.set(session.session_id, session);
    return ended.map((s) => s.session_id);
  }

  async device(user_id: string, device_id: string): Promise<DeviceRow | null> {
    return this.deviceRows.get(`${user_id} ${device_id}`) ?? null;
  }

  async session(session_id: string): Promise<SignInSession | null> {
    return this.sessions.get(session_id) ?? null;
  }

  async rotate(session_id: string, from_hash: string, to_hash: string, now: number): Promise<boolean> {
    const session = this.sessions.get(session_id);
    if (session?.refresh_hash !== from_hash || session.revoked_at !== null || session.expires_at <= now) return false;
    this.sessions.set(session_id, { ...session, refresh_hash: to_hash });
    return true;
  }

  async revoke(session_id: string, now: number): Promise<void> {
    const session = this.sessions.get(session_id);
    if (session?.revoked_at === null) this.sessions.set(session_id, { ...session, revoked_at: now });
  }
}
