import type { BoundedCache } from "../keys/bounded-cache.ts";
import type { KeyRing } from "../keys/ring.ts";
import type { Node } from "../manifests/node.ts";
import type { DriveError } from "../protocol/errors.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { Allowance } from "./allowance.ts";
import type { Codec, ObjectStore } from "./ports.ts";

/** What reading and writing contents stands on; one for each isolate. */
export interface Engine {
  objects: ObjectStore;
  keys: KeyRing;
  codec: Codec;
  /** What transfers may hold beyond their own. */
  spare: Allowance;
  /** Leaves that were read and verified, by all that they were verified against. */
  leaves: BoundedCache<Node>;
  /** A block of the pack was read for somebody: docs/spec/tiers.md, TI1. */
  noteRead(tenant_id: TenantId, pack_id: string): void;
  /** Why a pack is not there: `archived`, or damage. */
  whyMissing(tenant_id: TenantId, pack_id: string): Promise<DriveError>;
}

/** Some 50 KB each at most, as objects. */
export const LEAVES_KEPT = 64;
