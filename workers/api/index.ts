/** edgedrive-api: REST, WebSocket upgrade, web app. Share links go to the Worker that is cached. */
import { createApp } from "./app.ts";
import type { Env } from "./env.ts";

export { RateBudget } from "../../durable-objects/rate-budget.ts";
export { SearchIndex } from "../../durable-objects/search-index.ts";
export { SyncHub } from "../../durable-objects/sync-hub.ts";

const app = createApp();

const OURS = /^\/(api\/|v1\/|s\/|operator\/|healthz$|readyz$|metrics$)/;

export default {
  fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    return OURS.test(pathname) ? app.fetch(request, env, ctx) : env.ASSETS.fetch(request);
  },
} satisfies ExportedHandler<Env>;
