import type { Page } from "../../core/protocol/common.ts";
import { DriveError } from "../../core/protocol/errors.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { type Access, decide, type Granted, type Principal } from "../../core/sharing/rights.ts";
import { pointerPage } from "../../platform/d1/shard/incoming-store.ts";
import { findMany } from "../../platform/d1/shard/rights-store.ts";
import type { AppContext } from "./context.ts";

export interface Incoming {
  granted: Granted;
  /** Name of who shared it. */
  shared_by: string | null;
  shared_at: number;
}

/** Null for what the principal may not see, or not any more. */
function seen(access: Access | undefined, principal: Principal): Granted | null {
  try {
    return decide(access ?? null, principal, "view");
  } catch (error) {
    if (error instanceof DriveError) return null;
    throw error;
  }
}

/**
 * Pointers say where to look; the files' own shards decide, one query a shard. A pointer that lags behind a revocation
 * shows nothing, so a page may be shorter than its limit. docs/spec/access.md, A13.
 */
export async function sharedWithMe(
  app: AppContext,
  principal: Extract<Principal, { kind: "user" }>,
  query: { limit: number; cursor?: string | undefined },
): Promise<Page<Incoming>> {
  const { user_id } = principal;
  const { place } = await app.tenantOfId(user_id);
  const page = await pointerPage(place.db, place.tenant_id, user_id, query);
  const byShard = new Map<D1Database, string[]>();
  for (const { file_id } of page.items) {
    const found = await app.shards.find(tenantOf(file_id));
    if (found !== null) byShard.set(found.db, [...(byShard.get(found.db) ?? []), file_id]);
  }
  const sharers = [...new Set(page.items.flatMap(({ shared_by }) => shared_by ?? []))];
  const [names, ...found] = await Promise.all([
    app.accounts.names(sharers),
    ...[...byShard].map(([db, ids]) => findMany(db, principal, ids)),
  ]);
  const files = new Map(found.flatMap((map) => [...map]));
  const items = page.items.flatMap(({ file_id, shared_by, shared_at }) => {
    const granted = seen(files.get(file_id), principal);
    return granted === null ? [] : [{ granted, shared_by: names.get(shared_by ?? "") ?? null, shared_at }];
  });
  return { items, next_cursor: page.next_cursor };
}
