/** Register, sign in, refresh, sign out. docs/spec/identity.md, I1 to I9. */
import type { SignedIn, User } from "../protocol/auth.ts";
import { DriveError } from "../protocol/errors.ts";
import { isId, newId, newSecret, newTenantId, tenantOf } from "../protocol/ids.ts";
import { planOf } from "../quota/plans.ts";
import { ACCESS_TTL, type Account, type DeviceRow, REFRESH_TTL, type SignInSession } from "./model.ts";
import type { AccountStore, Admission, PasswordHasher, TokenSigner } from "./ports.ts";

export interface IdentityDeps {
  accounts: AccountStore;
  passwords: PasswordHasher;
  tokens: TokenSigner;
  now(): number;
  policy: { registration: "open" | "invite" | "closed"; setup_token: string; default_plan: string };
}

export interface DeviceHint {
  device_id?: string | undefined;
  device_name?: string | undefined;
  platform?: string | undefined;
}

/** A drive, its root folder and its user share one id: ADR 0003. */
export const userOf = ({ user_id, email, name }: Account): User => ({ user_id, email, name, root_folder_id: user_id });

const UNNAMED = "Unnamed device";

const deviceOf = (account: Account, known: DeviceRow | null, hint: DeviceHint, now: number): DeviceRow => ({
  user_id: account.user_id,
  device_id: known?.device_id ?? newId(account.tenant_id, now),
  name: hint.device_name ?? known?.name ?? UNNAMED,
  platform: hint.platform ?? known?.platform ?? null,
  created_at: known?.created_at ?? now,
  last_seen_at: now,
  last_synced_at: known?.last_synced_at ?? null,
  acknowledged_seq: known?.acknowledged_seq ?? null,
});

/** A refresh token is `session.secret`; the row keeps only the secret's hash. */
async function openSession(deps: IdentityDeps, account: Account, device_id: string) {
  const now = deps.now();
  const secret = newSecret();
  const session: SignInSession = {
    session_id: newId(account.tenant_id, now),
    user_id: account.user_id,
    device_id,
    refresh_hash: await deps.tokens.fingerprint(secret),
    created_at: now,
    expires_at: now + REFRESH_TTL,
    revoked_at: null,
  };
  return { session, refresh_token: `${session.session_id}.${secret}` };
}

async function signedIn(
  deps: IdentityDeps,
  account: Account,
  session: SignInSession,
  device: Pick<DeviceRow, "name"> | null,
  refresh_token: string,
  plan: string,
): Promise<SignedIn> {
  const { session_id, device_id } = session;
  const device_name = device === null || device.name === UNNAMED ? "" : device.name;
  const claims = { user_id: account.user_id, session_id, device_id, device_name, role: account.role, plan };
  return {
    user: userOf(account),
    device_id,
    access_token: await deps.tokens.sign(claims, deps.now()),
    refresh_token,
    token_type: "Bearer",
    expires_in: ACCESS_TTL / 1000,
  };
}

const uninvited = (): DriveError =>
  new DriveError("invite_required", "A valid invitation is needed to make an account here.");

/** Who may register now, and on what it stands. The first account is the admin's. */
async function admit(deps: IdentityDeps, invite: string | undefined): Promise<Admission> {
  const { registration, setup_token } = deps.policy;
  const { fingerprint } = deps.tokens;
  if (await deps.accounts.isEmpty()) {
    // Hashes are compared, so that the time taken tells nothing of the token.
    const isSetup = invite !== undefined && (await fingerprint(invite)) === (await fingerprint(setup_token));
    if (registration === "open" || isSetup) return { by: "first" };
    throw new DriveError(
      "invite_required",
      "The first account is made with the one-time link that the deployment printed.",
    );
  }
  if (registration === "open") return { by: "open" };
  if (registration === "closed") throw new DriveError("registration_closed", "New accounts are not accepted here.");
  const invite_hash = invite === undefined ? null : await fingerprint(invite);
  if (invite_hash === null || !(await deps.accounts.inviteIsOpen(invite_hash, deps.now()))) throw uninvited();
  return { by: "invite", invite_hash };
}

const taken = (): DriveError => new DriveError("account_exists", "There is an account with this address already.");

export async function register(
  deps: IdentityDeps,
  input: { email: string; password: string; name: string; invite?: string | undefined } & DeviceHint,
): Promise<SignedIn> {
  const admission = await admit(deps, input.invite);
  if ((await deps.accounts.byEmail(input.email)) !== null) throw taken();
  const now = deps.now();
  const tenant_id = newTenantId();
  const plan = deps.policy.default_plan;
  const account: Account = {
    user_id: newId(tenant_id, now),
    tenant_id,
    email: input.email,
    name: input.name,
    role: admission.by === "first" ? "admin" : "member",
    created_at: now,
    password_hash: await deps.passwords.hash(input.password),
  };
  const device = deviceOf(account, null, input, now);
  const { session, refresh_token } = await openSession(deps, account, device.device_id);
  const tenant = { tenant_id, name: input.name, plan, storage_bytes: planOf(plan).storage_bytes };
  const creation = await deps.accounts.create(tenant, account, device, session, admission);
  if (creation === "address_taken") throw taken();
  if (creation === "invite_used") throw uninvited();
  // Someone else was the first meanwhile: what holds for everybody after them holds here. It cannot happen twice.
  if (creation === "not_first") return register(deps, input);
  return signedIn(deps, account, session, device, refresh_token, plan);
}

/** `ended`: the device's earlier sign-in sessions, whose tokens and sockets the door closes. */
export async function login(
  deps: IdentityDeps,
  input: { email: string; password: string } & DeviceHint,
): Promise<{ answer: SignedIn; ended: string[] }> {
  const account = await deps.accounts.byEmail(input.email);
  const right = await deps.passwords.verify(input.password, account?.password_hash ?? null);
  if (account === null || !right) throw new DriveError("invalid_credentials", "The address or the password is wrong.");
  const known = input.device_id === undefined ? null : await deps.accounts.device(account.user_id, input.device_id);
  const device = deviceOf(account, known, input, deps.now());
  const { session, refresh_token } = await openSession(deps, account, device.device_id);
  const ended = await deps.accounts.signIn(device, session);
  const plan = await deps.accounts.plan(account.tenant_id);
  return { answer: await signedIn(deps, account, session, device, refresh_token, plan), ended };
}

const invalid = (): DriveError => new DriveError("invalid_refresh_token", "Please sign in again.");

/**
 * Rotates. A token that was used before means that two hold it: the family ends. The one exception is a repeat with the
 * same `Idempotency-Key` of the rotation that was the last one: whoever lost the answer gets it again. With a key the
 * next secret follows from the old one and the key, so that nothing but its hash has to be kept for that.
 */
export async function refresh(
  deps: IdentityDeps,
  token: string,
  idempotency_key?: string,
): Promise<SignedIn & { session_id: string }> {
  const [session_id, secret] = token.split(".");
  if (session_id === undefined || secret === undefined || !isId(session_id)) throw invalid();
  const { accounts, tokens } = deps;
  const session = await accounts.session(session_id);
  const now = deps.now();
  if (session === null || session.revoked_at !== null || session.expires_at <= now) throw invalid();
  const next =
    idempotency_key === undefined ? newSecret() : await tokens.nextSecret(session_id, secret, idempotency_key);
  const next_hash = await tokens.fingerprint(next);
  if (!(await accounts.rotate(session_id, await tokens.fingerprint(secret), next_hash, now))) {
    // Read again: the first try of the same request may have rotated after we looked.
    const current = await accounts.session(session_id);
    if (current?.revoked_at !== null || current.refresh_hash !== next_hash) {
      await accounts.revoke(session_id, now);
      throw new ReusedRefreshToken(session_id, session.user_id);
    }
  }
  const account = await deps.accounts.byId(session.user_id);
  if (account === null) throw invalid();
  const [plan, device] = await Promise.all([
    accounts.plan(tenantOf(account.user_id)),
    accounts.device(session.user_id, session.device_id),
  ]);
  return { ...(await signedIn(deps, account, session, device, `${session_id}.${next}`, plan)), session_id };
}

/** The door closes the family's sockets as well. */
export class ReusedRefreshToken extends DriveError {
  readonly session_id: string;
  readonly user_id: string;

  constructor(session_id: string, user_id: string) {
    super("invalid_refresh_token", "This sign-in was ended for safety; please sign in again.");
    this.session_id = session_id;
    this.user_id = user_id;
  }
}
