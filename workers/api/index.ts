import { DurableObject } from "cloudflare:workers";
export class SyncHub extends DurableObject {}
export class SearchIndex extends DurableObject {}
export class RateBudget extends DurableObject {}
export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/healthz" || pathname === "/readyz") return Response.json({ status: "ok" });
    return Response.json({ code: "not_found" }, { status: 404 });
  },
} satisfies ExportedHandler;
