/** Where a round is, between its slices: one object, written whole. docs/spec/durability.md, G10. */
import { z } from "zod";
import type { TenantId } from "../protocol/ids.ts";
import type { ObjectStore } from "../storage/ports.ts";
import { FILTER_BYTES, PackFilter } from "./pack-filter.ts";

export const roundIdSchema = z.string().regex(/^[0-9a-f]{16}$/);

const placeSchema = z.object({
  round: roundIdSchema,
  /** Slices that are done. */
  step: z.number().int().min(0),
  started_at: z.number().int(),
  phase: z.enum(["contents", "hooks", "packs"]),
  /** Id of the last row that was looked at. */
  after: z.string(),
  /** A manifest did not open: not all that is needed is known (G12). */
  is_blind: z.boolean(),
  has_condemned: z.boolean(),
});
export type Place = z.infer<typeof placeSchema>;

/** What follows each phase. */
export const NEXT_PHASE = { contents: "hooks", hooks: "packs", packs: null } as const;

export interface RoundState {
  place: Place;
  needed: PackFilter;
}

export const stateKey = (tenant_id: TenantId): string => `garbage/${tenant_id}`;

export function newRound(round: string, now: number): RoundState {
  const start = { round, step: 0, started_at: now, phase: "contents", after: "" } as const;
  return { place: { ...start, is_blind: false, has_condemned: false }, needed: new PackFilter(round) };
}

/** Null when there is none, or none that can be used. */
export async function loadState(objects: Pick<ObjectStore, "get">, tenant_id: TenantId): Promise<RoundState | null> {
  const object = await objects.get(stateKey(tenant_id), 0, FILTER_BYTES);
  if (object?.bytes.length !== FILTER_BYTES) return null;
  const place = placeSchema.safeParse(JSON.parse(object.metadata.place ?? "null"));
  return place.success ? { place: place.data, needed: new PackFilter(place.data.round, object.bytes) } : null;
}

/** Place and filter in one write: they never part. */
export const saveState = (objects: Pick<ObjectStore, "put">, tenant_id: TenantId, state: RoundState): Promise<void> =>
  objects.put(stateKey(tenant_id), state.needed.bytes, { place: JSON.stringify(state.place) });
