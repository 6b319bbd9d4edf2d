/** Asks for archived bytes. docs/spec/tiers.md, TI17 and TI18. */
import type { FileRow } from "../../core/files/model.ts";
import { parseText } from "../../core/manifests/root.ts";
import { archived } from "../../core/tiers/archived.ts";
import { estimate } from "../../core/tiers/unarchive.ts";
import type { VersionContent } from "../../platform/d1/shard/file-store.ts";
import { D1UnarchivingStore } from "../../platform/d1/shard/unarchiving-store.ts";
import type { Tenant } from "./context.ts";

export interface Waiting {
  requested_at: number;
  /** Seconds from now, as far as one can tell. */
  ready_in: number;
}

/** Asking again, by anybody, changes nothing. */
export async function askBack({ place }: Tenant, file: FileRow, { version }: VersionContent): Promise<Waiting> {
  const { content_id, size } = version;
  const { file_id, drive_id } = file;
  const store = new D1UnarchivingStore(place.db, place.tenant_id);
  const { waiting_bytes, requested_at } = await store.request({
    content_id,
    drive_id,
    file_id,
    size,
    requested_at: Date.now(),
  });
  return { requested_at, ready_in: estimate(waiting_bytes) };
}

/** Whether a part of it is in the archive; of a content with a root of its own only the root's packs are asked for. */
export async function isWaitingFor({ place }: Tenant, { manifest }: VersionContent): Promise<boolean> {
  const { packs, kind } = await parseText(manifest);
  const store = new D1UnarchivingStore(place.db, place.tenant_id);
  const some = await store.archived(packs);
  return kind === "pointer" || some.some(({ tier }) => tier === "archive");
}

export const stillArchived = ({ ready_in }: Waiting) => archived({ state: "waiting", retry_after: ready_in, ready_in });
