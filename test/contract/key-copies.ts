/** What every `KeyCopies` promises. */
import { describe, expect, it } from "vitest";
import type { KeyCopies, TenantKeyRow } from "../../core/keys/ports.ts";
import { newTenantId } from "../../core/protocol/ids.ts";

export function keyCopiesContract(name: string, open: () => KeyCopies): void {
  const row = (tenant_id: number, version: number, wrapped_key = "a"): TenantKeyRow => ({
    tenant_id,
    version,
    master_version: "v1",
    wrapped_key,
    created_at: 1_700_000_000_000,
  });

  describe(`KeyCopies: ${name}`, () => {
    it("K5: of several that keep the first one at once, all end with the same", async () => {
      const copies = open();
      const tenant = newTenantId();
      expect(await copies.find(row(tenant, 1))).toBeNull();
      const tries = ["a", "b", "c"].map((wrapped) => copies.create(row(tenant, 1, wrapped)));
      const kept = await Promise.all(tries);
      expect(new Set(kept.map(({ wrapped_key }) => wrapped_key)).size).toBe(1);
      expect(await copies.find(row(tenant, 1))).toEqual(kept[0]);
      await copies.put({ ...row(tenant, 1, "z"), master_version: "v2" });
      expect(await copies.create(row(tenant, 1))).toEqual({ ...row(tenant, 1, "z"), master_version: "v2" });
    });

    it("K6: pages in the order of tenants and versions; what one tenant had can be forgotten", async () => {
      const copies = open();
      const rows = [
        [9, 1],
        [9, 2],
        [9, 11],
        [10, 1],
        [4_000_000_000, 1],
      ].map(([tenant, version]) => row(tenant!, version!));
      for (const one of rows.toReversed()) await copies.put(one);
      const behind = (at: TenantKeyRow) => copies.page(at);
      expect((await copies.page({ tenant_id: 8, version: 1 })).slice(0, 4)).toEqual(rows.slice(0, 4));
      expect((await behind(rows[1]!)).slice(0, 2)).toEqual([rows[2], rows[3]]);
      expect(await behind({ ...rows[4]!, tenant_id: 0xffffffff, version: 1 })).toEqual([]);
      await copies.forget(9);
      await copies.forget(9);
      expect((await copies.page({ tenant_id: 8, version: 1 }))[0]).toEqual(rows[3]);
    });
  });
}
