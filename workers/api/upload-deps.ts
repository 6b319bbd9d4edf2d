import type { Context } from "hono";
import { tenantOf } from "../../core/protocol/ids.ts";
import { isArchivedError } from "../../core/tiers/archived.ts";
import { noBase } from "../../core/uploads/bases.ts";
import type { UploadDeps } from "../../core/uploads/ports.ts";
import { spend } from "./middleware/limits.ts";
import type { AppEnv } from "./types.ts";

/** Of the tenant that an id names. */
export async function uploadDeps(c: Context<AppEnv>, id: string): Promise<UploadDeps> {
  const { app, claims } = c.var;
  const { rights, uploads } = await app.tenantOfId(id);
  return {
    tenant_id: tenantOf(id),
    rights,
    uploads,
    // What cannot be read now cannot be referred to: the client then sends all of it.
    engine: {
      ...app.engine,
      whyMissing: async (tenant_id, pack_id) => {
        const error = await app.engine.whyMissing(tenant_id, pack_id);
        return isArchivedError(error) ? noBase() : error;
      },
    },
    bytes: app.bytes,
    submit: (drive_id, submission) => app.submit(drive_id, submission),
    now: () => Date.now(),
    spend: (count, size) => spend(app, claims.user_id, claims.plan, count, size),
  };
}
