/** What is kept of a synced folder, beside its state. */
import { z } from "zod";

/** Whose drive it is in sync with. */
export const pairedSchema = z.object({
  path: z.string(),
  server: z.string(),
  user_id: z.string(),
  email: z.string(),
});
export type Paired = z.infer<typeof pairedSchema>;

/** What its user asks for; the process that syncs it follows. */
export const wishesSchema = z.object({
  paused: z.boolean(),
  /** The stop that was confirmed, by when it was told. */
  confirmed: z.string().nullable(),
  /** Folders by their path below it. */
  include: z.array(z.string()),
  exclude: z.array(z.string()),
});
export type Wishes = z.infer<typeof wishesSchema>;

export const NO_WISHES: Wishes = { paused: false, confirmed: null, include: [], exclude: [] };

const counted = z.object({ done: z.number(), total: z.number(), bytes: z.number(), total_bytes: z.number() });

export const STATES = ["starting", "syncing", "in_sync", "waiting", "offline", "paused", "stopped"] as const;

/** What the process that syncs it tells. `detail`: a sentence for people. */
export const statusSchema = z.object({
  pid: z.number().int(),
  state: z.enum(STATES),
  detail: z.string(),
  since: z.string(),
  /** Why it is stopped, and whether a confirmation goes on. */
  stop: z.object({ why: z.string(), told_at: z.string() }).nullable(),
  progress: z.object({ up: counted, down: counted }).nullable(),
  /** Bytes a second. */
  rate: z.number().nullable(),
  left_s: z.number().nullable(),
  problems: z.array(z.object({ path: z.string(), code: z.string(), detail: z.string() })),
  /** Why changes on the disk are looked for instead of told; null when they are told. */
  blind: z.string().nullable(),
});
export type Status = z.infer<typeof statusSchema>;

/** Conflicts that were seen: the copies lie beside their files. */
export const conflictsSchema = z.array(z.object({ path: z.string(), copy: z.string(), at: z.string() }));
