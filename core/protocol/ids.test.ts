import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  idOfKey,
  isId,
  newId,
  newShareToken,
  newTenantId,
  shareTokenSchema,
  tenantOf,
  tenantOfShareToken,
  timeOf,
} from "./ids.ts";

const tenants = fc.integer({ min: 1, max: 2 ** 32 - 1 });

describe("ids", () => {
  it("ID1: an id is a UUIDv8 that names its tenant and its time", () => {
    fc.assert(
      fc.property(tenants, fc.integer({ min: 0, max: 2 ** 48 - 1 }), (tenant, now) => {
        const id = newId(tenant, now);
        expect(isId(id)).toBe(true);
        expect(tenantOf(id)).toBe(tenant);
        expect(timeOf(id)).toBe(now);
      }),
    );
  });

  it("ID2: ids sort by time", () => {
    fc.assert(
      fc.property(
        tenants,
        fc.integer({ min: 0, max: 2 ** 47 }),
        fc.integer({ min: 1, max: 2 ** 46 }),
        (t, now, later) => {
          expect(newId(t, now) < newId(t, now + later)).toBe(true);
        },
      ),
    );
  });

  it("ID3: a share token names its tenant", () => {
    fc.assert(
      fc.property(tenants, (tenant) => {
        const token = newShareToken(tenant);
        expect(shareTokenSchema.safeParse(token).success).toBe(true);
        expect(tenantOfShareToken(token)).toBe(tenant);
      }),
    );
  });

  it("ID1: the id of a key is one, names its tenant, and is another for another key or tenant", async () => {
    await fc.assert(
      fc.asyncProperty(tenants, fc.string(), async (tenant, key) => {
        const id = await idOfKey(tenant, key);
        expect(isId(id)).toBe(true);
        expect(tenantOf(id)).toBe(tenant);
        expect(await idOfKey(tenant, key)).toBe(id);
        expect(await idOfKey(tenant, `${key}.`)).not.toBe(id);
      }),
    );
  });

  it("ID1: tenant 0 is never assigned", () => {
    expect(newTenantId()).toBeGreaterThan(0);
  });
});
