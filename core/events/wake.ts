/**
 * What travels through the queues. A wake says only that a drive's journal grew: the journal is the truth, so a wake
 * may be lost, repeated or late. docs/spec/events.md, E1 and E2.
 */
import { z } from "zod";
import { fullStateSchema } from "../backup/full.ts";
import { roundIdSchema } from "../garbage/round-state.ts";
import { idSchema, type TenantId } from "../protocol/ids.ts";
import { placeSchema } from "../tiers/walk.ts";

const tenantSchema = z.number().int().min(1).max(0xffffffff);

const driveKey = { tenant_id: tenantSchema, drive_id: idSchema };

/** Message of the queue `verification`: there is something to verify in the drive. */
export const verificationWakeSchema = z.object(driveKey);

/** Each has a queue of its own, and a durable mark in every drive. Names are stored in `event_marks`. */
export const CONSUMERS = ["previews", "search-index", "notifications"] as const;
export type ConsumerName = (typeof CONSUMERS)[number];

export const wakeSchema = z.object({
  ...driveKey,
  seq: z.number().int().min(0),
  /** Who has something to do; without it, everybody. */
  due: z.array(z.enum(CONSUMERS)).readonly().optional(),
  /** Contents of the drive wait for their verification. */
  unverified: z.boolean().optional(),
  /** Ids of packs that are to be copied: docs/spec/replica.md, RP9. */
  packs: z
    .array(z.string().regex(/^[0-9a-f]{48}$/))
    .readonly()
    .optional(),
});
export type Wake = z.infer<typeof wakeSchema>;

/** Where a sweep over drives goes on. */
export interface DriveKey {
  tenant_id: TenantId;
  drive_id: string;
}

const shard = z.string().regex(/^SHARD_\d\d$/);

const count = z.number().int().min(0);
/** Of the pack behind which a job goes on; "" begins. */
const packId = z.string().regex(/^([0-9a-f]{48})?$/);

/** Jobs of the queue `cleanup`. `after` goes on where an earlier job stopped. */
export const cleanupJobSchema = z.discriminatedUnion("job", [
  z.object({
    job: z.literal("republish"),
    shard,
    after: z.object(driveKey).optional(),
    /** The same walk finds the drives that are to be backed up. */
    backup: z.boolean().optional(),
  }),
  z.object({
    job: z.literal("expire_uploads"),
    shard,
    after: z.object({ tenant_id: tenantSchema, upload_id: idSchema }).optional(),
  }),
  z.object({ job: z.literal("sweep_tenants"), shard }),
  z.object({
    job: z.literal("purge_trash"),
    shard,
    tenant_id: tenantSchema,
    after: z.object({ drive_id: idSchema, trashed_at: z.number().int(), file_id: idSchema }).optional(),
  }),
  z.object({ job: z.literal("end_versions"), shard, tenant_id: tenantSchema, after: idSchema.optional() }),
  z.object({
    job: z.literal("collect_garbage"),
    shard,
    tenant_id: tenantSchema,
    /** Which slice of which round; without it the newest round goes on, or one begins. */
    slice: z.object({ round: roundIdSchema, step: z.number().int().min(0) }).optional(),
  }),
  z.object({
    job: z.literal("compact"),
    shard,
    tenant_id: tenantSchema,
    /** Which slice of which run; without it the one under way goes on, or one begins. */
    slice: z.object({ run: roundIdSchema, step: z.number().int().min(0) }).optional(),
  }),
  z.object({
    job: z.literal("scrub"),
    shard,
    tenant_id: tenantSchema,
    place: z.object({ day: count, after: packId, tries: count }).optional(),
  }),
  z.object({ job: z.literal("trace_damage"), shard, tenant_id: tenantSchema, after: idSchema.optional() }),
  z.object({
    job: z.literal("reconcile"),
    shard,
    tenant_id: tenantSchema,
    place: z.object({ started_at: count, after: packId, found: count }).optional(),
  }),
  z.object({ job: z.literal("join_contents"), shard, tenant_id: tenantSchema }),
  z.object({ job: z.literal("cut_journals"), shard, tenant_id: tenantSchema, after: idSchema.optional() }),
  z.object({
    job: z.literal("rotate_keys"),
    shard,
    after: z.object({ tenant_id: tenantSchema, version: z.number().int().min(1) }).optional(),
  }),
  z.object({ job: z.literal("erase_tenants") }),
  z.object({ job: z.literal("walk_packs"), shard, tenant_id: tenantSchema, place: placeSchema.optional() }),
  z.object({ job: z.literal("unarchive"), shard, tenant_id: tenantSchema, content_id: idSchema }),
  z.object({ job: z.literal("expire_sign_ins") }),
  z.object({ job: z.literal("backup_drive"), shard, ...driveKey }),
  /** `state` goes on with a full backup; without it one begins. */
  z.object({
    job: z.literal("backup_tenant"),
    shard,
    tenant_id: tenantSchema,
    state: fullStateSchema.optional(),
  }),
  z.object({ job: z.literal("backup_directory"), state: fullStateSchema.optional() }),
]);
export type CleanupJob = z.infer<typeof cleanupJobSchema>;

/** Many wakes of a drive are one: the newest sequence number stands for all. */
export function coalesce(wakes: readonly Wake[]): Wake[] {
  const newest = new Map<string, Wake>();
  for (const wake of wakes) {
    const known = newest.get(wake.drive_id);
    if (known === undefined || known.seq < wake.seq) newest.set(wake.drive_id, wake);
  }
  return [...newest.values()];
}
