import { and, asc, eq, gt, isNull, lt, or, sql } from "drizzle-orm";
import { drizzle, type DrizzleD1Database } from "drizzle-orm/d1";
import type { Account, DeviceRow, SignInSession } from "../../../core/identity/model.ts";
import type { AccountStore, Admission, Creation, NewTenant } from "../../../core/identity/ports.ts";
import type { Page } from "../../../core/protocol/common.ts";
import { parseCursor, toCursor } from "../shard/cursor.ts";
import { provisionTenant } from "../shard/provision.ts";
import { accounts, devices, invites, shards, sign_in_sessions, tenants } from "./schema.ts";

/** Milliseconds. */
const SYNCED_NOTE_EVERY = 5 * 60_000;

/** What the batch of a new account ran into; null when it is nothing that can be answered. */
function refusalOf(error: unknown): Exclude<Creation, "created"> | null {
  const message = String((error as Error).cause ?? error);
  if (message.includes("not_first")) return "not_first";
  if (message.includes("invite_used")) return "invite_used";
  return message.includes("UNIQUE constraint failed: accounts.email") ? "address_taken" : null;
}

/** Aborts the batch, by name, when there is an account. */
const NOT_FIRST = sql`case when exists (select 1 from accounts) then json_extract('{}', 'not_first') end`;

export class D1AccountStore implements AccountStore {
  readonly #db: DrizzleD1Database;
  readonly #d1: D1Database;
  readonly #shards: ReadonlyMap<string, D1Database>;

  constructor(directory: D1Database, shardMap: ReadonlyMap<string, D1Database>) {
    this.#d1 = directory;
    this.#db = drizzle(directory);
    this.#shards = shardMap;
  }

  async byEmail(email: string): Promise<Account | null> {
    return (await this.#db.select().from(accounts).where(eq(accounts.email, email)).get()) ?? null;
  }

  async byId(user_id: string): Promise<Account | null> {
    return (await this.#db.select().from(accounts).where(eq(accounts.user_id, user_id)).get()) ?? null;
  }

  /** Names to show, by user id; unknown ids are missing. */
  async names(user_ids: string[]): Promise<Map<string, string>> {
    const { results } = await this.#d1
      .prepare("select a.user_id, a.name from json_each(?1) want join accounts a on a.user_id = want.value")
      .bind(JSON.stringify(user_ids))
      .all<{ user_id: string; name: string }>();
    return new Map(results.map(({ user_id, name }) => [user_id, name]));
  }

  async plan(tenant_id: number): Promise<string> {
    const row = await this.#db
      .select({ plan: tenants.plan })
      .from(tenants)
      .where(eq(tenants.tenant_id, tenant_id))
      .get();
    return row?.plan ?? "";
  }

  async isEmpty(): Promise<boolean> {
    return (
      (await this.#db
        .select({ one: sql`1` })
        .from(accounts)
        .limit(1)
        .get()) === undefined
    );
  }

  async inviteIsOpen(invite_hash: string, now: number): Promise<boolean> {
    const open = and(eq(invites.invite_hash, invite_hash), isNull(invites.used_at), gt(invites.expires_at, now));
    return (
      (await this.#db
        .select({ one: sql`1` })
        .from(invites)
        .where(open)
        .get()) !== undefined
    );
  }

  async createInvite(invite_hash: string, created_by: string, now: number, expires_at: number): Promise<void> {
    await this.#db.insert(invites).values({ invite_hash, created_by, created_at: now, expires_at });
  }

  async create(
    tenant: NewTenant,
    account: Account,
    device: DeviceRow,
    session: SignInSession,
    admission: Admission,
  ): Promise<Creation> {
    const shard = await this.#emptiestShard();
    await provisionTenant(this.#shards.get(shard) as D1Database, tenant, account.user_id, account.created_at);
    const { tenant_id, name, plan } = tenant;
    const row = {
      tenant_id,
      name,
      plan,
      shard,
      kind: "personal",
      state: "active",
      created_at: account.created_at,
    } as const;
    try {
      await this.#db.batch([
        this.#db.select({ guard: admission.by === "first" ? NOT_FIRST : sql`1` }).from(sql`(select 1)`),
        this.#db.insert(accounts).values(account),
        this.#db.insert(tenants).values(row),
        this.#db
          .update(shards)
          .set({ tenants: sql`${shards.tenants} + 1` })
          .where(eq(shards.shard, shard)),
        this.#db.insert(devices).values(device),
        this.#db.insert(sign_in_sessions).values(session),
        ...(admission.by === "invite" ? this.#useInvite(admission.invite_hash, account.created_at) : []),
      ]);
      return "created";
    } catch (error) {
      const refusal = refusalOf(error);
      if (refusal === null) throw error;
      return refusal;
    }
  }

  /** Two who use one invite at once: the second batch fails as a whole. */
  #useInvite(invite_hash: string, now: number) {
    const unused = and(eq(invites.invite_hash, invite_hash), isNull(invites.used_at));
    return [
      this.#db.update(invites).set({ used_at: now }).where(unused),
      this.#db
        .select({ guard: sql`case when changes() = 0 then json_extract('{}', 'invite_used') end` })
        .from(sql`(select 1)`),
    ];
  }

  /** New tenants spread evenly; shards that were added later catch up. */
  async #emptiestShard(): Promise<string> {
    const names = JSON.stringify([...this.#shards.keys()]);
    await this.#d1
      .prepare("insert or ignore into shards (shard, state) select value, 'open' from json_each(?1)")
      .bind(names)
      .run();
    const open = await this.#db
      .select({ shard: shards.shard })
      .from(shards)
      .where(eq(shards.state, "open"))
      .orderBy(asc(shards.tenants), asc(shards.shard))
      .limit(1)
      .get();
    if (open === undefined) throw new Error("no shard is open for new tenants");
    return open.shard;
  }

  async signIn(device: DeviceRow, session: SignInSession): Promise<string[]> {
    const { name, platform, last_seen_at } = device;
    const earlier = and(
      eq(sign_in_sessions.user_id, device.user_id),
      eq(sign_in_sessions.device_id, device.device_id),
      isNull(sign_in_sessions.revoked_at),
    );
    const [, ended] = await this.#db.batch([
      this.#db
        .insert(devices)
        .values(device)
        .onConflictDoUpdate({
          target: [devices.user_id, devices.device_id],
          set: { name, platform, last_seen_at },
        }),
      this.#db
        .update(sign_in_sessions)
        .set({ revoked_at: session.created_at })
        .where(earlier)
        .returning({ id: sign_in_sessions.session_id }),
      this.#db.insert(sign_in_sessions).values(session),
    ]);
    return ended.map((s) => s.id);
  }

  async device(user_id: string, device_id: string): Promise<DeviceRow | null> {
    const one = and(eq(devices.user_id, user_id), eq(devices.device_id, device_id));
    return (await this.#db.select().from(devices).where(one).get()) ?? null;
  }

  /** In the order in which they came: ids sort by time (ID2). */
  async devices(user_id: string, query: { limit: number; cursor?: string | undefined }): Promise<Page<DeviceRow>> {
    const [after] = parseCursor(query.cursor, 1);
    const rows = await this.#db
      .select()
      .from(devices)
      .where(and(eq(devices.user_id, user_id), gt(devices.device_id, String(after ?? ""))))
      .orderBy(asc(devices.device_id))
      .limit(query.limit + 1);
    const items = rows.slice(0, query.limit);
    const next_cursor = rows.length > query.limit ? toCursor([items.at(-1)?.device_id]) : null;
    return { items, next_cursor };
  }

  /** Signs the device out and forgets it. @returns its sign-in sessions, for their sockets */
  async removeDevice(user_id: string, device_id: string, now: number): Promise<string[]> {
    const open = and(
      eq(sign_in_sessions.user_id, user_id),
      eq(sign_in_sessions.device_id, device_id),
      isNull(sign_in_sessions.revoked_at),
    );
    const [ended] = await this.#db.batch([
      this.#db
        .update(sign_in_sessions)
        .set({ revoked_at: now })
        .where(open)
        .returning({ id: sign_in_sessions.session_id }),
      this.#db.delete(devices).where(and(eq(devices.user_id, user_id), eq(devices.device_id, device_id))),
    ]);
    return ended.map((s) => s.id);
  }

  /**
   * Written every five minutes at most: a sync check would cost more than all the rest of it.
   * @param acknowledged_seq of the user's drive, which the device has reached
   */
  async synced(user_id: string, device_id: string, acknowledged_seq: number, now: number): Promise<void> {
    const stale = and(
      eq(devices.user_id, user_id),
      eq(devices.device_id, device_id),
      or(isNull(devices.last_synced_at), lt(devices.last_synced_at, now - SYNCED_NOTE_EVERY)),
    );
    await this.#db.update(devices).set({ acknowledged_seq, last_synced_at: now, last_seen_at: now }).where(stale);
  }

  async session(session_id: string): Promise<SignInSession | null> {
    return (
      (await this.#db.select().from(sign_in_sessions).where(eq(sign_in_sessions.session_id, session_id)).get()) ?? null
    );
  }

  async rotate(session_id: string, from_hash: string, to_hash: string, now: number): Promise<boolean> {
    const newest = and(
      eq(sign_in_sessions.session_id, session_id),
      eq(sign_in_sessions.refresh_hash, from_hash),
      isNull(sign_in_sessions.revoked_at),
      gt(sign_in_sessions.expires_at, now),
    );
    const rotated = await this.#db
      .update(sign_in_sessions)
      .set({ refresh_hash: to_hash })
      .where(newest)
      .returning({ id: sign_in_sessions.session_id });
    return rotated.length === 1;
  }

  async revoke(session_id: string, now: number): Promise<void> {
    const living = and(eq(sign_in_sessions.session_id, session_id), isNull(sign_in_sessions.revoked_at));
    await this.#db.update(sign_in_sessions).set({ revoked_at: now }).where(living);
  }

  /** Ids of sign-in sessions revoked since then: what an access token cannot know. */
  async revokedSince(since: number): Promise<string[]> {
    const rows = await this.#db
      .select({ id: sign_in_sessions.session_id })
      .from(sign_in_sessions)
      .where(gt(sign_in_sessions.revoked_at, since));
    return rows.map((row) => row.id);
  }
}
