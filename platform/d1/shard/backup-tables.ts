/** What of a shard is backed up. docs/spec/durability.md, BK1. */
import type { SQLiteTable } from "drizzle-orm/sqlite-core";
import * as schema from "./schema.ts";

interface Backed {
  table: SQLiteTable;
  /** Rows of a page: 4 MB or so at worst. */
  page: number;
}

/**
 * In the order in which a full backup reads them. Contents before versions: a version that came between has its content
 * in the segments.
 */
export const BACKED_UP: Readonly<Record<string, Backed>> = {
  tenants: { table: schema.tenants, page: 1 },
  drives: { table: schema.drives, page: 1_000 },
  contents: { table: schema.contents, page: 250 },
  versions: { table: schema.versions, page: 2_000 },
  permissions: { table: schema.permissions, page: 2_000 },
  files: { table: schema.files, page: 1_000 },
  hooks: { table: schema.hooks, page: 5_000 },
  verifications: { table: schema.verifications, page: 2_000 },
  journal: { table: schema.journal, page: 4_000 },
};

/** And what gives the others back. */
export const NOT_BACKED_UP: Readonly<Record<string, string>> = {
  packs: "the lists of objects of R2 and of the tenant's archive; not when they were read",
  tenant_keys: "their copies in R2",
  incoming_shares: "the consumer of notifications, from the journal's beginning",
  event_marks: "nothing: consumers begin anew",
  event_failures: "nothing: consumers begin anew",
  findings: "scrubbing and reconciliation, which find them again",
  uploads: "nothing: clients begin such uploads anew",
  upload_chunks: "nothing: as uploads",
  unarchivings: "nothing: people ask again",
};
