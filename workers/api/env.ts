import type { SearchIndex } from "../../durable-objects/search-index.ts";
import type { RateBudget } from "../../durable-objects/rate-budget.ts";
import type { SyncHub } from "../../durable-objects/sync-hub.ts";
import type { PublicLinks } from "../public-links/index.ts";

/** Bindings of `wrangler.toml`; variables and secrets are read by `platform/config.ts`. The shards are bound by name. */
export interface Env {
  ASSETS: Fetcher;
  DIRECTORY: D1Database;
  BLOBS: R2Bucket;
  BLOBS_REPLICA?: R2Bucket;
  DERIVED: R2Bucket;
  FILE_EVENTS: Queue;
  CLEANUP: Queue;
  SYNC_HUB: DurableObjectNamespace<SyncHub>;
  SEARCH_INDEX: DurableObjectNamespace<SearchIndex>;
  RATE_BUDGET: DurableObjectNamespace<RateBudget>;
  PUBLIC_LINKS: Service<PublicLinks>;
  CALLS_STANDARD: RateLimit;
  CALLS_GENEROUS: RateLimit;
  ADDRESS_STANDARD: RateLimit;
  ADDRESS_GENEROUS: RateLimit;
  SIGN_IN: RateLimit;
}
