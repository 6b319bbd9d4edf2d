/**
 * A shard: the metadata of its tenants. Every table leads with `tenant_id`, so a tenant's rows lie together and can
 * be moved; every table is WITHOUT ROWID, so an insert writes one row less. Times are milliseconds since the epoch.
 */
import { sql } from "drizzle-orm";
import { index, integer, primaryKey, sqliteTable, text, uniqueIndex } from "drizzle-orm/sqlite-core";

const tenant_id = integer().notNull();

/** A batch opens with a guard on this row: it fails when the tenant is not active in this shard. */
export const tenants = sqliteTable("tenants", {
  tenant_id: integer().primaryKey(),
  state: text({ enum: ["active", "moving", "deleted"] }).notNull(),
  created_at: integer().notNull(),
  /** What is kept of histories and of the trash: docs/spec/versions.md, V6 and V7. */
  version_days: integer().notNull().default(30),
  version_count: integer().notNull().default(30),
  trash_days: integer().notNull().default(30),
  /** When its last sweep of these began. */
  swept_at: integer().notNull().default(0),
  /** What nothing needs any more stays for so long; 0 is for erasure: docs/spec/durability.md, G8 and G13. */
  grace_days: integer().notNull().default(30),
  /** The newest round of garbage collection: G8. */
  garbage_round: text().notNull().default(""),
  /** Contents up to this id were compared with what the tenant has: docs/spec/storage.md, S8. */
  joined_content: text().notNull().default(""),
  /** Packs of the parts up to this day, counted from the epoch, were read back: docs/spec/durability.md, SC1. */
  scrubbed_day: integer().notNull().default(0),
  /** When its packs were last compared with what is stored: RC1. */
  reconciled_at: integer().notNull().default(0),
  /** Packs whose key version is below are written anew: docs/spec/durability.md, C12. */
  rewrite_below: integer().notNull().default(0),
  /** Days unread after which packs move: docs/spec/tiers.md, TI4. */
  infrequent_days: integer().notNull().default(30),
  archive_days: integer().notNull().default(180),
  /** Bytes in each tier, JSON, as the walk of that time counted them: TI12. */
  tier_bytes: text().notNull().default("{}"),
  tiers_counted_at: integer().notNull().default(0),
  /** Its bucket for what is archived, the secret sealed, JSON: TI14. */
  archive: text(),
});

/** A drive and its root folder share one id; a personal drive shares it with its user too (ADR 0003). */
export const drives = sqliteTable(
  "drives",
  {
    tenant_id,
    drive_id: text().notNull(),
    kind: text({ enum: ["personal", "team"] }).notNull(),
    name: text().notNull(),
    /** Newest sequence number of the journal. */
    seq: integer().notNull().default(0),
    /** From here on the journal has every entry: docs/spec/sync.md, J9. */
    first_seq: integer().notNull().default(1),
    /** What each consumer of the journal has to reach, JSON: `core/events/due.ts`. */
    due: text().notNull().default("{}"),
    used_bytes: integer().notNull().default(0),
    reserved_bytes: integer().notNull().default(0),
    limit_bytes: integer().notNull(),
    created_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.drive_id] })],
);

export const files = sqliteTable(
  "files",
  {
    tenant_id,
    file_id: text().notNull(),
    drive_id: text().notNull(),
    /** Null for a root folder. */
    parent_id: text(),
    name: text().notNull(),
    name_key: text().notNull(),
    is_folder: integer().notNull(),
    size: integer().notNull().default(0),
    mime_type: text(),
    content_id: text(),
    content_hash: text(),
    integrity: text({ enum: ["ok", "pending", "declared_hash_mismatch"] })
      .notNull()
      .default("ok"),
    version_id: text(),
    version_number: integer().notNull().default(0),
    version_count: integer().notNull().default(0),
    vector: text().notNull().default("{}"),
    /** Last changes of content and of place, `device:counter`: docs/spec/sync.md, CF1. */
    content_dot: text().notNull().default(""),
    place_dot: text().notNull().default(""),
    /** The file that this is a conflict copy of. */
    conflict_of: text(),
    /** Of a folder: CF12. */
    conflict_policy: text({ enum: ["keep_both", "last_writer_wins"] }),
    metadata: text().notNull().default("{}"),
    created_by: text().notNull(),
    created_at: integer().notNull(),
    updated_at: integer().notNull(),
    modified_at: integer(),
    /** Set on the item that was put to trash only: what lies in a trashed folder is trashed by its ancestor. */
    trashed_at: integer(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.file_id] }),
    uniqueIndex("files_name")
      .on(t.tenant_id, t.parent_id, t.name_key)
      .where(sql`trashed_at is null`),
    index("files_content")
      .on(t.tenant_id, t.content_hash, t.drive_id)
      .where(sql`content_hash is not null`),
    // Empty but for what waits for its verification, so other files pay nothing for it.
    index("files_pending")
      .on(t.tenant_id, t.content_id)
      .where(sql`integrity = 'pending'`),
    index("files_trash")
      .on(t.tenant_id, t.drive_id, t.trashed_at)
      .where(sql`trashed_at is not null`),
  ],
);

export const versions = sqliteTable(
  "versions",
  {
    tenant_id,
    file_id: text().notNull(),
    version_number: integer().notNull(),
    version_id: text().notNull(),
    content_id: text().notNull(),
    content_hash: text(),
    size: integer().notNull(),
    mime_type: text(),
    created_by: text().notNull(),
    device_id: text(),
    created_at: integer().notNull(),
    change_description: text(),
    /** Its content came with another version: docs/spec/durability.md, G2. Where it is not known, it counts as such. */
    is_shared: integer().notNull().default(1),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.file_id, t.version_number] }),
    index("versions_shared")
      .on(t.tenant_id, t.content_id)
      .where(sql`is_shared = 1`),
    index("versions_pending")
      .on(t.tenant_id, t.content_id)
      .where(sql`content_hash is null`),
  ],
);

/** The bytes of one version. `manifest` says where they lie: docs/spec/storage.md, M5. */
export const contents = sqliteTable(
  "contents",
  {
    tenant_id,
    content_id: text().notNull(),
    content_hash: text(),
    size: integer().notNull(),
    manifest: text().notNull(),
    created_at: integer().notNull(),
    /** The version that it came with is gone; others may still have it: docs/spec/durability.md, G2. */
    is_ended: integer().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.content_id] })],
);

/** Contents by single blocks, so that what other files have in common is found: docs/spec/storage.md, M10. */
export const hooks = sqliteTable(
  "hooks",
  {
    tenant_id,
    /** Of the version: only its owner's questions are answered by it. */
    drive_id: text().notNull(),
    /** The first 8 bytes of a block's SHA-256, hex. */
    hash: text().notNull(),
    content_id: text().notNull(),
    /** The version that brought the content. */
    file_id: text().notNull(),
    version_id: text().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.drive_id, t.hash, t.content_id] })],
);

/** Contents whose SHA-256 the server has not computed yet, and how far it got: docs/spec/storage.md, S5. */
export const verifications = sqliteTable(
  "verifications",
  {
    tenant_id,
    drive_id: text().notNull(),
    content_id: text().notNull(),
    declared_hash: text(),
    hashed_bytes: integer().notNull(),
    /** Of the hash after `hashed_bytes`; null at the beginning. */
    state: text(),
    attempts: integer().notNull(),
    error: text(),
    next_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.drive_id, t.content_id] })],
);

/**
 * Upload sessions, of one request or many. The row comes before the first byte in R2, and the names of its packs begin
 * with its id, so a crash leaves only what the sweep finds. Kept until `expires_at` after a commit, so that a repeat can be answered.
 */
export const uploads = sqliteTable(
  "uploads",
  {
    tenant_id,
    upload_id: text().notNull(),
    drive_id: text().notNull(),
    state: text({ enum: ["open", "committed", "aborted"] }).notNull(),
    /** What the commit is to make, JSON: `core/uploads/model.ts`. */
    target: text().notNull(),
    size: integer(),
    reserved_bytes: integer().notNull(),
    declared_hash: text(),
    part_size: integer().notNull(),
    /** The version that its deltas refer to, JSON: `VersionRef`. */
    base: text(),
    block_bits: integer().notNull().default(16),
    created_by: text().notNull(),
    device_id: text(),
    file_id: text(),
    created_at: integer().notNull(),
    expires_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.upload_id] })],
);

export const upload_chunks = sqliteTable(
  "upload_chunks",
  {
    tenant_id,
    upload_id: text().notNull(),
    chunk_index: integer().notNull(),
    /** SHA-256 of the chunk. */
    chunk_id: text().notNull(),
    size: integer().notNull(),
    /** Where its blocks lie, as the text of a root. */
    manifest: text().notNull(),
    /** SHA-256 of what a chunk of frames stands for; null where it is `chunk_id`. */
    content_hash: text(),
    /** JSON: `core/manifests/hooks.ts`. */
    hooks: text().notNull().default("[]"),
    pack_id: text().notNull(),
    pack_size: integer().notNull(),
    key_version: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.upload_id, t.chunk_index, t.chunk_id] })],
);

/** Objects of encrypted blocks that some content needs or needed; before its first commit a pack has no row (PK10). */
export const packs = sqliteTable(
  "packs",
  {
    tenant_id,
    pack_id: text().notNull(),
    state: text({ enum: ["live", "condemned", "deleted"] }).notNull(),
    size: integer().notNull(),
    key_version: integer().notNull(),
    created_at: integer().notNull(),
    /** When its state changed last. */
    changed_at: integer().notNull().default(0),
    /** The round that condemned it. */
    round: text().notNull().default(""),
    /** A content that named it was dropped since its living blocks were counted: docs/spec/durability.md, C1. */
    is_shrunk: integer().notNull().default(0),
    /** Null is R2 Standard, where it was written: docs/spec/tiers.md. Null too in what follows: uploads know nothing of tiers. */
    tier: text({ enum: ["infrequent", "archive", "restored"] }),
    /** When it came there. */
    tiered_at: integer(),
    /** Last day on which it was read, in days since the epoch, and the 30 days up to it as bits: TI1. */
    read_day: integer(),
    reads: integer(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.pack_id] })],
);

/** What scrubbing and reconciliation found, for the operator: docs/spec/durability.md, SC4 and RC2. */
export const findings = sqliteTable(
  "findings",
  {
    tenant_id,
    kind: text({ enum: ["damaged", "no_row", "no_object", "size"] }).notNull(),
    pack_id: text().notNull(),
    detail: text().notNull(),
    /** Files that damage touches, JSON: ids, a hundred at most; null until they were looked for. */
    files: text(),
    found_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.kind, t.pack_id] })],
);

/** Contents whose archived packs come back: docs/spec/tiers.md, TI18. Only what waits, and what is dead, has a row. */
export const unarchivings = sqliteTable(
  "unarchivings",
  {
    tenant_id,
    content_id: text().notNull(),
    /** Where it was asked for: who has it is told there. */
    drive_id: text().notNull(),
    file_id: text().notNull(),
    size: integer().notNull(),
    requested_at: integer().notNull(),
    attempts: integer().notNull(),
    error: text(),
    next_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.content_id] })],
);

/** Keys of a tenant, wrapped by a master key; each wraps the keys of packs. */
export const tenant_keys = sqliteTable(
  "tenant_keys",
  {
    tenant_id,
    version: integer().notNull(),
    master_version: text().notNull(),
    wrapped_key: text().notNull(),
    created_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.version] })],
);

/** Grants to users (or to addresses without an account yet) and links. */
export const permissions = sqliteTable(
  "permissions",
  {
    tenant_id,
    file_id: text().notNull(),
    permission_id: text().notNull(),
    drive_id: text().notNull(),
    kind: text({ enum: ["user", "pending", "link"] }).notNull(),
    permission: text({ enum: ["view", "comment", "edit", "owner"] }).notNull(),
    user_id: text(),
    email: text(),
    name: text(),
    token: text(),
    password_hash: text(),
    max_downloads: integer(),
    created_by: text().notNull(),
    created_at: integer().notNull(),
    expires_at: integer(),
    revoked_at: integer(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.file_id, t.permission_id] }),
    uniqueIndex("permissions_token")
      .on(t.tenant_id, t.token)
      .where(sql`token is not null`),
    index("permissions_email")
      .on(t.email)
      .where(sql`kind = 'pending'`),
    // Who can see something of a drive.
    index("permissions_people")
      .on(t.tenant_id, t.drive_id, t.user_id)
      .where(sql`kind = 'user' and revoked_at is null`),
  ],
);

/** Pointers to what others share with a user of this tenant. Rights are decided only where the file lies. */
export const incoming_shares = sqliteTable(
  "incoming_shares",
  {
    tenant_id,
    user_id: text().notNull(),
    file_id: text().notNull(),
    drive_id: text().notNull(),
    shared_by: text(),
    shared_at: integer().notNull(),
    /** When it was written: a device that looked before has not heard of it. */
    noted_at: integer().notNull().default(0),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.user_id, t.file_id] })],
);

/** The order of a drive, and the outbox. Two hubs that believe they own a drive clash on the primary key. */
export const journal = sqliteTable(
  "journal",
  {
    tenant_id,
    drive_id: text().notNull(),
    seq: integer().notNull(),
    op: text().notNull(),
    file_id: text().notNull(),
    /** The folder that it was in, when it is there no more. */
    from_id: text(),
    version_id: text(),
    permission_id: text(),
    op_id: text().notNull(),
    actor_id: text().notNull(),
    device_id: text(),
    conflict_of: text(),
    at: integer().notNull(),
  },
  (t) => [
    primaryKey({ columns: [t.tenant_id, t.drive_id, t.seq] }),
    uniqueIndex("journal_op").on(t.tenant_id, t.drive_id, t.op_id),
  ],
);

/** How far a consumer has recorded a drive's journal. */
export const event_marks = sqliteTable(
  "event_marks",
  { tenant_id, drive_id: text().notNull(), consumer: text().notNull(), seq: integer().notNull() },
  (t) => [primaryKey({ columns: [t.tenant_id, t.drive_id, t.consumer] })],
);

/** Journal entries that a consumer could not handle: retried by the sweep until `attempts` runs out, then dead. */
export const event_failures = sqliteTable(
  "event_failures",
  {
    tenant_id,
    drive_id: text().notNull(),
    consumer: text().notNull(),
    seq: integer().notNull(),
    attempts: integer().notNull(),
    error: text().notNull(),
    retry_at: integer().notNull(),
  },
  (t) => [primaryKey({ columns: [t.tenant_id, t.drive_id, t.consumer, t.seq] })],
);
