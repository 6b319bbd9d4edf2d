/** Where a run of compaction is, between its slices: one object, written whole. docs/spec/durability.md, C9. */
import { z } from "zod";
import { roundIdSchema } from "../garbage/round-state.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { ObjectStore } from "../storage/ports.ts";

const packId = z.string().regex(/^[0-9a-f]{48}$/);
const count = z.number().int().min(0);

/** A block that was copied: its index in the old pack, the first 8 bytes of its hash, and where it lies now. */
const movedSchema = z.object({
  index: count,
  hash: z.string(),
  to: z.object({ pack: count, index: count, offset: count, stored: count }),
});
export type Moved = z.infer<typeof movedSchema>;

const candidateSchema = z.object({
  pack_id: packId,
  size: count,
  /** Stored bytes of its blocks that some living content needs. */
  alive: count,
  /** Those blocks, a bit each by index, base64. */
  bits: z.string(),
  is_old: z.boolean().default(false),
  /** Null until it was copied. */
  moved: z.array(movedSchema).nullable(),
});

const stateSchema = z.object({
  run: roundIdSchema,
  /** Slices that are done. */
  step: count,
  started_at: z.number().int(),
  /** The newest round of garbage collection when it began. */
  round: z.string(),
  phase: z.enum(["pick", "survey", "copy", "exchange"]),
  /** Id of the last row that was looked at; of the last pack that was copied. */
  after: z.string(),
  /** Where the next run looks for packs; null when this one saw the last. */
  next: z.string().nullable(),
  upload_id: z.string(),
  packs: z.array(candidateSchema),
  /** The new packs. */
  fresh: z.array(z.object({ pack_id: packId, size: count, key_version: count })),
});
export type RunState = z.infer<typeof stateSchema>;
export type Candidate = RunState["packs"][number];

/** 65,536 copied blocks of some 130 bytes of JSON, and candidates. */
const STATE_MAX = 16 * 1024 * 1024;

export const runKey = (tenant_id: TenantId): string => `compaction/${tenant_id}`;

/** Null when there is none, or none that can be used. */
export async function loadRun(objects: Pick<ObjectStore, "get">, tenant_id: TenantId): Promise<RunState | null> {
  const object = await objects.get(runKey(tenant_id), 0, STATE_MAX);
  if (object === null) return null;
  try {
    return stateSchema.parse(JSON.parse(new TextDecoder().decode(object.bytes)));
  } catch {
    return null;
  }
}

export const saveRun = (objects: Pick<ObjectStore, "put">, tenant_id: TenantId, state: RunState): Promise<void> =>
  objects.put(runKey(tenant_id), new TextEncoder().encode(JSON.stringify(state)), {});
