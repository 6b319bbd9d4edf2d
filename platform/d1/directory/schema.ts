/** D1 `DIRECTORY`: who there is and in which shard their tenant lies. Small, global. Times are milliseconds since the epoch. */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

export const shards = sqliteTable("shards", {
  /** Name of the D1 binding. */
  shard: text().primaryKey(),
  state: text({ enum: ["open", "closed"] }).notNull(),
  tenants: integer().notNull().default(0),
});

export const tenants = sqliteTable(
  "tenants",
  {
    tenant_id: integer().primaryKey(),
    kind: text({ enum: ["personal", "organisation"] }).notNull(),
    name: text().notNull(),
    shard: text().notNull(),
    state: text({ enum: ["active", "suspended", "deleted"] }).notNull(),
    plan: text().notNull(),
    created_at: integer().notNull(),
    deleted_at: integer(),
    /** When the last of it was gone: docs/spec/identity.md, I15. */
    erased_at: integer(),
  },
  (t) => [
    index("tenants_erasing")
      .on(t.deleted_at)
      .where(sql`state = 'deleted' and erased_at is null`),
  ],
);

export const accounts = sqliteTable(
  "accounts",
  {
    user_id: text().primaryKey(),
    tenant_id: integer().notNull(),
    email: text().notNull(),
    name: text().notNull(),
    password_hash: text().notNull(),
    role: text({ enum: ["admin", "member"] }).notNull(),
    created_at: integer().notNull(),
  },
  (t) => [uniqueIndex("accounts_email").on(t.email)],
);

export const devices = sqliteTable(
  "devices",
  {
    user_id: text().notNull(),
    device_id: text().notNull(),
    name: text().notNull(),
    platform: text(),
    created_at: integer().notNull(),
    last_seen_at: integer(),
    last_synced_at: integer(),
    /** Sequence number of its user's drive that it had reached then: docs/spec/sync.md, J10. */
    acknowledged_seq: integer(),
  },
  (t) => [primaryKey({ columns: [t.user_id, t.device_id] })],
);

/** A family of refresh tokens: one sign-in of one device. Only the hash of the newest refresh secret is kept. */
export const sign_in_sessions = sqliteTable(
  "sign_in_sessions",
  {
    session_id: text().primaryKey(),
    user_id: text().notNull(),
    device_id: text().notNull(),
    refresh_hash: text().notNull(),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
    revoked_at: integer(),
  },
  (t) => [
    index("sign_in_sessions_user").on(t.user_id, t.device_id),
    index("sign_in_sessions_revoked")
      .on(t.revoked_at)
      .where(sql`revoked_at is not null`),
  ],
);

export const invites = sqliteTable("invites", {
  invite_hash: text().primaryKey(),
  created_by: text().notNull(),
  created_at: integer().notNull(),
  expires_at: integer().notNull(),
  used_at: integer(),
});

/** Where grants wait for an address that has no account. Only pointers: the grant itself lies with its file. */
export const pending_shares = sqliteTable(
  "pending_shares",
  {
    email: text().notNull(),
    tenant_id: integer().notNull(),
    file_id: text().notNull(),
    permission_id: text().notNull(),
    created_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.email, t.tenant_id, t.file_id, t.permission_id] })],
);

/** Counts and levels of the object store and its replica: docs/spec/replica.md, RP13. */
export const store_record = sqliteTable("store_record", {
  name: text().primaryKey(),
  value: integer().notNull(),
  at: integer().notNull(),
});
