import { waitUntil } from "cloudflare:workers";
import { ReadLog } from "../core/tiers/read-log.ts";
import { noteReads } from "./d1/shard/tier-store.ts";
import type { ShardMap } from "./d1/shard-map.ts";

/** Milliseconds in which the reads of an isolate gather for one statement. */
const GATHER = 2_000;

/** What people read through this isolate. Jobs have none: what they read for themselves makes nothing hot. */
export const createReadLog = (shards: ShardMap): ReadLog =>
  new ReadLog({
    save: async (tenant_id, pack_ids, day) => {
      const place = await shards.find(tenant_id);
      if (place !== null) await noteReads(place.db, tenant_id, pack_ids, day);
    },
    later: (work) => waitUntil(scheduler.wait(GATHER).then(work)),
    now: () => Date.now(),
  });
