import { DriveError } from "../../core/protocol/errors.ts";
import type { AppContext } from "./context.ts";
import type { Caller } from "./sharing.ts";

/** Commands under way at once: they fit one batch of the hub. */
const SLICE = 100;
/** Items in one request: each is a subrequest. */
const MAX = 2_000;

/** Another tab or device was quicker: what was to be gone is gone, or was taken out of the trash. */
const isSettled = (error: unknown): boolean =>
  error instanceof DriveError && (error.code === "not_found" || error.code === "not_trashed");

/**
 * Ends what was put to trash up to a moment (milliseconds); what comes later keeps its days. One command an item, so a
 * crash or a retry goes on where it stopped. @returns whether all of it is gone
 */
export async function emptyTrash(
  app: AppContext,
  drive_id: string,
  { actor, op_id }: Caller,
  until: number,
  max = MAX,
): Promise<boolean> {
  const { files } = await app.tenantOfId(drive_id);
  for (let seen = 0; ;) {
    const { items } = await files.trash(drive_id, { limit: Math.min(SLICE, Math.max(1, max - seen)), until });
    if (items.length === 0) return true;
    if (seen >= max) return false;
    const purged = await Promise.allSettled(
      items.map(({ file_id }) =>
        app.submit(drive_id, { command: { op: "purge", file_id }, actor, op_id: `${op_id}/${file_id}` }),
      ),
    );
    for (const one of purged) if (one.status === "rejected" && !isSettled(one.reason)) throw one.reason;
    seen += items.length;
  }
}
