import { type Granted, type Person, viewOf } from "../../core/sharing/rights.ts";
import { type Noted, pointersOf } from "../../platform/d1/shard/incoming-store.ts";
import { accessesOf } from "./accesses.ts";
import type { AppContext } from "./context.ts";

/** Items that are looked at, those that were shared last: bounds a look. */
const ITEMS_MAX = 1000;

/** Where to look for what others share with somebody, what was shared last first; one's own drive is not among it. */
export async function pointersTo(app: AppContext, { user_id }: Person): Promise<Noted[]> {
  const { place } = await app.tenantOfId(user_id);
  return pointersOf(place.db, place.tenant_id, user_id, ITEMS_MAX);
}

/** What others share with a user, as far as they see it now. */
export async function sharedItems(app: AppContext, person: Person): Promise<Granted[]> {
  const file_ids = (await pointersTo(app, person)).map(({ file_id }) => file_id);
  const found = await accessesOf(app, person, file_ids);
  return file_ids.flatMap((file_id) => viewOf(person, found.get(file_id)) ?? []);
}

/** Those that do not lie in another one. */
export function outermost(items: readonly Granted[]): Granted[] {
  const ids = new Set(items.map(({ file }) => file.file_id));
  return items.filter(({ chain }) => !chain.slice(1).some(({ file_id }) => ids.has(file_id)));
}
