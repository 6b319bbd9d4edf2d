import type { PackRow } from "../../core/files/model.ts";
import { packKey } from "../../core/packs/format.ts";
import type { TenantId } from "../../core/protocol/ids.ts";

const PACK_ID = /^[0-9a-f]{48}$/;

/** A tenant's packs as their objects tell (PK8), a thousand a call. What no content needs is found by the next rounds. */
export async function listPacks(
  bucket: R2Bucket,
  tenant_id: TenantId,
  after: string,
): Promise<{ packs: PackRow[]; next: string | null }> {
  const prefix = packKey(tenant_id, "");
  const page = await bucket.list({
    prefix,
    include: ["customMetadata"],
    ...(after === "" ? {} : { startAfter: prefix + after }),
  });
  const changed_at = Date.now();
  const packs = page.objects.map(({ key, size, uploaded, customMetadata }): PackRow => ({
    tenant_id,
    pack_id: key.slice(prefix.length),
    state: "live",
    size,
    key_version: Number(customMetadata?.key_version ?? 1),
    created_at: uploaded.getTime(),
    changed_at,
    round: "",
    // What is known of it was lost: compaction counts it anew.
    is_shrunk: true,
  }));
  return {
    packs: packs.filter(({ pack_id }) => PACK_ID.test(pack_id)),
    next: page.truncated ? (packs.at(-1)?.pack_id ?? null) : null,
  };
}
