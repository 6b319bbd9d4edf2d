import type { SearchIndex } from "../../durable-objects/search-index.ts";
import type { SyncHub } from "../../durable-objects/sync-hub.ts";

/** Bindings of this folder's `wrangler.toml`; variables are read by `platform/config.ts`. The shards are bound by name. */
export interface Env {
  DIRECTORY: D1Database;
  BLOBS: R2Bucket;
  BLOBS_REPLICA?: R2Bucket;
  DERIVED: R2Bucket;
  SYNC_HUB: DurableObjectNamespace<SyncHub>;
  SEARCH_INDEX: DurableObjectNamespace<SearchIndex>;
  PREVIEWS: Queue;
  SEARCH: Queue;
  NOTIFICATIONS: Queue;
  VERIFICATION: Queue;
  CLEANUP: Queue;
  REPLICA: Queue;
  /** Dead letters of entries and verifications; the queues' own settings send those of messages. */
  PREVIEWS_DEAD: Queue;
  SEARCH_DEAD: Queue;
  NOTIFICATIONS_DEAD: Queue;
  VERIFICATION_DEAD: Queue;
}
