import type { Hono } from "hono";
import type { AppEnv } from "../types.ts";

/** A dependency that has not answered by then counts as down, milliseconds. */
const PATIENCE = 2_000;

/** Names what did not answer, never why: this address is public. */
async function failing(checks: Record<string, () => Promise<unknown>>): Promise<string[]> {
  const late = (): Promise<never> => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE));
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await Promise.race([check(), late()]);
        return null;
      } catch (error) {
        console.error({ message: "a dependency does not answer", dependency: name, error: String(error) });
        return name;
      }
    }),
  );
  return results.filter((name) => name !== null);
}

export function healthRoutes(root: Hono<AppEnv>): void {
  root.get("/healthz", (c) => c.json({ status: "ok" }));

  root.get("/readyz", async (c) => {
    const { app, env } = { app: c.var.app, env: c.env };
    const checks: Record<string, () => Promise<unknown>> = {
      directory: () => env.DIRECTORY.prepare("select 1 from shards limit 1").first(),
      blobs: () => env.BLOBS.head("readyz"),
      derived: () => env.DERIVED.head("readyz"),
      queue: () => env.FILE_EVENTS.metrics(),
      hub: () => app.hub("readyz").ping(),
    };
    for (const [name, db] of app.shards.shards)
      checks[name.toLowerCase()] = () => db.prepare("select 1 from tenants limit 1").first();
    const down = await failing(checks);
    return c.json(
      { status: down.length === 0 ? "ready" : "unavailable", failing: down },
      down.length === 0 ? 200 : 503,
    );
  });
}
