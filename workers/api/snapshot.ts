/** All that somebody sees, as a stream of lines. docs/spec/sync.md, SN1 to SN3. */
import { toWire } from "../../core/files/wire.ts";
import type { PermissionWord } from "../../core/protocol/common.ts";
import { AFTER_MAX, type SnapshotLine } from "../../core/protocol/snapshot.ts";
import type { Granted, Person } from "../../core/sharing/rights.ts";
import { formatSyncCursor } from "../../core/sync/cursor.ts";
import { formatPosition, parsePosition, type Places, type Position, walk } from "../../core/sync/walk.ts";
import { grantsTo } from "../../platform/d1/shard/permissions-store.ts";
import { D1WalkStore } from "../../platform/d1/shard/walk-store.ts";
import { lastSeqsOf } from "./accesses.ts";
import type { AppContext } from "./context.ts";
import { outermost, sharedItems } from "./shared-items.ts";

/** Files of one page. */
const PAGE = 1000;

/** What is walked: the caller's own drive ("" for its id), or a shared item. */
interface Root {
  item_id: string;
  item: Granted | null;
}

/** In the order of their ids, the own drive first; from `after` on. */
function rootsOf(items: readonly Granted[], isOwnTold: boolean, after: Position | null): Root[] {
  const own: Root[] = isOwnTold ? [{ item_id: "", item: null }] : [];
  const roots = [...own, ...items.map((item) => ({ item_id: item.file.file_id, item }))];
  return roots
    .filter(({ item_id }) => after === null || item_id >= after.item_id)
    .toSorted((a, b) => (a.item_id < b.item_id ? -1 : 1));
}

/** Pages of lines. Throws before the first one when there is nothing that the caller may see. */
export async function snapshotPages(
  app: AppContext,
  principal: Person,
  query: { folder_id?: string | undefined; after?: string | undefined },
): Promise<AsyncGenerator<SnapshotLine[]>> {
  const { user_id } = principal;
  const after = query.after === undefined ? null : parsePosition(query.after);
  // Before anything is looked at: what is shared while it runs is told later.
  const looked_at = Date.now();
  const isOwn = query.folder_id === undefined || query.folder_id === user_id;
  const items =
    query.folder_id === undefined
      ? await sharedItems(app, principal)
      : isOwn
        ? []
        : [await app.require(principal, query.folder_id, "view")];
  const drives = [...new Set([...(isOwn ? [user_id] : []), ...items.map(({ file }) => file.drive_id)])];
  const seqs = after === null ? await lastSeqsOf(app, drives) : new Map<string, number>();
  const start: SnapshotLine[] =
    after === null ? [{ type: "start", cursor: formatSyncCursor({ drives: seqs, looked_at, is_behind: false }) }] : [];
  return pages(app, principal, { start, roots: rootsOf(outermost(items), isOwn, after), after });
}

async function* pages(
  app: AppContext,
  principal: Person,
  { start, roots, after }: { start: SnapshotLine[]; roots: Root[]; after: Position | null },
): AsyncGenerator<SnapshotLine[]> {
  let lines = start;
  for (const { item_id, item } of roots) {
    const root_id = item?.file.file_id ?? principal.user_id;
    const isBegun = item_id === after?.item_id;
    if (item !== null && !isBegun) lines.push({ type: "file", file: toWire(item.file, item.permission) });
    if (item?.file.is_folder === false) continue;
    const { place: tenant } = await app.tenantOfId(root_id);
    const { db, tenant_id } = tenant;
    const store = new D1WalkStore(db, tenant_id);
    const direct: ReadonlyMap<string, PermissionWord> =
      item === null ? new Map() : await grantsTo(db, tenant_id, item.file.drive_id, principal.user_id);
    const places: Places = isBegun ? after.places : [[root_id, ""]];
    for await (const page of walk(store, principal, places, { limit: PAGE, direct })) {
      for (const { file, permission } of page.seen) lines.push({ type: "file", file: toWire(file, permission) });
      const place = formatPosition({ item_id, places: page.places });
      // A path that is longer than any disk can hold goes on from the line before.
      if (place.length <= AFTER_MAX) lines.push({ type: "page", after: place });
      yield lines;
      lines = [];
    }
  }
  yield [...lines, { type: "end" }];
}

/** One page at a time, when it is asked for. */
export function toStream(pages: AsyncGenerator<SnapshotLine[]>): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream(
    {
      async pull(stream) {
        const { done, value } = await pages.next();
        if (done === true) return stream.close();
        stream.enqueue(encoder.encode(value.map((line) => `${JSON.stringify(line)}\n`).join("")));
      },
      async cancel() {
        await pages.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}
