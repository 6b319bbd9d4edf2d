import type { Hono } from "hono";
import type { AppEnv } from "../types.ts";

export function healthRoutes(root: Hono<AppEnv>): void {
  root.get("/healthz", (c) => c.json({ status: "ok" }));

  root.get("/readyz", async (c) => {
    const failing = await c.var.app.readiness.failing();
    const isReady = failing.length === 0;
    return c.json({ status: isReady ? "ready" : "unavailable", failing }, isReady ? 200 : 503);
  });
}
