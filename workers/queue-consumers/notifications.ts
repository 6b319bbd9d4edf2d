/**
 * Queue `notifications`: pointers in the recipients' shards to what was shared with them, of which their devices are
 * told. docs/spec/events.md, E9; sync.md, VD4.
 */
import type { JournalRow } from "../../core/files/model.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import {
  pointStatement,
  type Recipient,
  recipientsOf,
  unpointStatement,
} from "../../platform/d1/shard/incoming-store.ts";
import type { Context, HandlerOf } from "./context.ts";

export const notificationsHandler: HandlerOf = (context, { db, tenant_id }) => ({
  name: "notifications",

  async handle(entries) {
    const changed = entries.filter((entry) => entry.op === "shared" || entry.op === "unshared");
    const failures = new Map<number, unknown>();
    if (changed.length === 0) return { count: entries.length, failures };
    for (const recipient of await recipientsOf(db, tenant_id, changed, context.now())) {
      const entries = entriesOf(changed, recipient);
      await point(context, recipient)
        .then(() => context.hub(recipient.user_id).tell(recipient.drive_id, entries.at(-1)?.seq ?? 0, true))
        .catch((error: unknown) => {
          for (const entry of entries) failures.set(entry.seq, error);
        });
    }
    return { count: entries.length, failures };
  },
});

const entriesOf = (entries: JournalRow[], { file_id }: Recipient): JournalRow[] =>
  entries.filter((entry) => entry.file_id === file_id);

/** What the recipient holds now decides, not what the entry says: so order and repeats do not matter. */
async function point({ shards, now }: Context, { user_id, file_id, drive_id, granted }: Recipient): Promise<void> {
  const tenant_id = tenantOf(user_id);
  const place = await shards.find(tenant_id);
  if (place === null) return;
  const { db } = place;
  const statement =
    granted === null
      ? unpointStatement(db, { tenant_id, user_id, file_id })
      : pointStatement(db, { tenant_id, user_id, file_id, drive_id, ...granted }, now());
  await statement.run();
}
