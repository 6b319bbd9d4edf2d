import type { PackRow } from "../files/model.ts";
import type { TenantId } from "../protocol/ids.ts";
import type { FinishedPack } from "./writer.ts";

/** The row with which a pack stops being staging. docs/spec/storage.md, PK10. @param now milliseconds since the epoch */
export const livePack = (tenant_id: TenantId, pack: FinishedPack, now: number): PackRow => ({
  tenant_id,
  ...pack,
  state: "live",
  created_at: now,
  changed_at: now,
  round: "",
  is_shrunk: false,
});
