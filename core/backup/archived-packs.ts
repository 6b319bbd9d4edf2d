/** Packs that lie in a tenant's archive alone, as a restore finds them. docs/spec/durability.md, BK16. */
import { packKey } from "../packs/format.ts";
import type { ArchiveBucket } from "../tiers/ports.ts";
import type { RestoreDeps, RestoredPack } from "./restore-ports.ts";

/** Objects of a slice: one call for each that R2 does not have. */
const PAGE = 200;
const PARALLEL = 4;
const PACK_ID = /^[0-9a-f]{48}$/;

/** A page behind `after`. */
export async function archivedPacks(
  { tenant_id, target }: Pick<RestoreDeps, "tenant_id" | "target">,
  archive: Pick<ArchiveBucket, "list" | "get">,
  after: string,
): Promise<{ packs: RestoredPack[]; next: string | null }> {
  const prefix = packKey(tenant_id, "");
  const { objects, next } = await archive.list(prefix, after, PAGE);
  const ids = objects.map(({ key }) => key.slice(prefix.length)).filter((id) => PACK_ID.test(id));
  // What R2 has is read there; its copy is found again when it is unread.
  const alone = new Set(await target.missingPacks(ids));
  const wanted = objects.filter(({ key }) => alone.has(key.slice(prefix.length)));
  const packs: RestoredPack[] = [];
  for (let at = 0; at < wanted.length; at += PARALLEL)
    await Promise.all(
      wanted.slice(at, at + PARALLEL).map(async ({ key, size, uploaded_at }) => {
        // Its list tells no metadata.
        const { tenant, key_version } = (await archive.get(key, 0, 1))?.metadata ?? {};
        if (tenant !== String(tenant_id)) return;
        packs.push({
          tenant_id,
          pack_id: key.slice(prefix.length),
          state: "live",
          size,
          key_version: Number(key_version),
          created_at: uploaded_at,
          changed_at: uploaded_at,
          round: "",
          is_shrunk: true,
          tier: "archive",
          tiered_at: uploaded_at,
        });
      }),
    );
  return { packs, next };
}
