/** What lies in the objects of a backup. docs/spec/durability.md, BK1 and BK4. */
import { z } from "zod";

/** A row as the database has it. */
export type Row = Record<string, unknown>;
const rowSchema = z.record(z.string(), z.unknown());
const rowsSchema = z.array(rowSchema);

const tableSchema = z.object({ table: z.string(), rows: rowsSchema });
/** Rows of one table, all with the same columns. */
export type TableRows = z.infer<typeof tableSchema>;

/** A piece of the tables, each page as it was when it was read. */
export const chunkSchema = z.object({ kind: z.literal("rows"), tables: z.array(tableSchema) });
export type Chunk = z.infer<typeof chunkSchema>;

/** What a drive's journal names behind `from` up to `upto`, as it was at one moment. */
export const segmentSchema = z.object({
  kind: z.literal("segment"),
  drive_id: z.string(),
  /** By the database's own clock, milliseconds since the epoch. */
  at: z.number(),
  from: z.number(),
  upto: z.number(),
  is_cut: z.boolean(),
  tenants: rowsSchema,
  drives: rowsSchema,
  /** All files that the journal names; those that are not among `files` are gone. */
  touched: z.array(z.string()),
  files: rowsSchema,
  versions: rowsSchema,
  /** Of files that lost versions: those that are left. */
  kept: z.array(z.object({ file_id: z.string(), numbers: z.array(z.number()) })),
  contents: rowsSchema,
  permissions: rowsSchema,
  verifications: rowsSchema,
  journal: rowsSchema,
});
export type Segment = z.infer<typeof segmentSchema>;

/** Closes a full backup: without it there is none. */
export const endSchema = z.object({
  kind: z.literal("end"),
  started_at: z.number(),
  /** Everything in it is from before. */
  ended_at: z.number(),
  /** Names of its objects, in the order in which they are restored. */
  chunks: z.array(z.string()),
  /** The sequence number at which it leaves each drive. */
  upto: z.record(z.string(), z.number()),
  rows: z.number(),
});
export type End = z.infer<typeof endSchema>;
