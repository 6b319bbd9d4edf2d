/** A tenant's end with a crash, a lost answer or another erasure at any call. docs/spec/identity.md, I14 and I15. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eraseTenant, withdrawKeys } from "./erase.ts";
import type { ErasurePorts, ErasureStore } from "./ports.ts";

type Fault = "before" | "after";

/** All that a tenant has, as far as its end goes. */
class Tenant {
  state: "active" | "deleted" | "gone" = "active";
  rows = new Set(["key"]);
  copies = new Set(["key"]);
  drives = new Set(["drive"]);
  kept = new Set(["hub", "index"]);
  metadata = 5;
  packs = 3;
  objects = new Set(["pack", "picture", "stray"]);
  isBuried = false;
  finished = 0;
  faults = new Map<number, Fault>();
  calls = 0;

  async #call<T>(work: () => T): Promise<T> {
    const fault = this.faults.get(this.calls++);
    if (fault === "before") throw new Error("crash");
    const answer = work();
    if (fault === "after") throw new Error("crash");
    return answer;
  }

  readonly store: ErasureStore = {
    close: () =>
      this.#call(() => {
        this.rows.clear();
        if (this.state === "active") this.state = "deleted";
      }),
    drives: () => this.#call(() => [...this.drives]),
    dropMetadata: () =>
      this.#call(() => {
        this.metadata = Math.max(0, this.metadata - 1);
        if (this.metadata === 0) this.drives.clear();
        return this.metadata === 0;
      }),
    isEmpty: () => this.#call(() => this.packs === 0),
    forget: () => this.#call(() => void (this.state = "gone")),
  };

  readonly ports: ErasurePorts = {
    tenant_id: 7,
    store: this.store,
    bury: () => this.#call(() => void (this.isBuried = true)),
    forgetKeys: () => this.#call(() => this.copies.clear()),
    eraseDrive: () => this.#call(() => this.kept.clear()),
    deleteObjects: () => this.#call(() => this.objects.clear()),
    finish: () => this.#call(() => void this.finished++),
  };

  get isReadable(): boolean {
    return this.rows.size + this.copies.size > 0 || this.state === "active";
  }

  /** A round, or the sweep of uploads. */
  collect(): void {
    if (this.state === "deleted") this.packs = Math.max(0, this.packs - 1);
  }
}

describe("erasure", () => {
  it("I14: when the door has its answer, no key is left anywhere", async () => {
    const tenant = new Tenant();
    await withdrawKeys(tenant.ports);
    expect(tenant.isReadable).toBe(false);
  });

  it("I15: nothing is forgotten before all is gone: packs that rounds have not deleted, metadata, objects", async () => {
    const tenant = new Tenant();
    expect(await eraseTenant(tenant.ports, 2)).toBe(false);
    expect(await eraseTenant(tenant.ports, 10)).toBe(false);
    expect([tenant.state, tenant.objects.size, tenant.metadata]).toEqual(["deleted", 3, 0]);
    tenant.packs = 0;
    // A first upload that was under way.
    tenant.copies.add("late");
    expect(await eraseTenant(tenant.ports, 10)).toBe(true);
    expect([tenant.state, tenant.objects.size, tenant.copies.size, tenant.finished]).toEqual(["gone", 0, 0, 1]);
  });

  it("I14, I15: with a crash or a lost answer at any call it ends all the same, and the keys are always the first to go", async () => {
    const fault = fc.record({ at: fc.nat(12), kind: fc.constantFrom<Fault>("before", "after") });
    const tick = fc.record({
      faults: fc.array(fault, { maxLength: 3 }),
      pages: fc.integer({ min: 1, max: 3 }),
      twice: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(tick, { maxLength: 10 }), async (ticks) => {
        const tenant = new Tenant();
        const settle = async ({
          faults,
          pages,
          twice,
        }: {
          faults: { at: number; kind: Fault }[];
          pages: number;
          twice: boolean;
        }) => {
          tenant.calls = 0;
          tenant.faults = new Map(faults.map(({ at, kind }) => [at, kind]));
          const runs = Array.from({ length: twice ? 2 : 1 }, () => eraseTenant(tenant.ports, pages));
          await Promise.allSettled(runs);
          tenant.collect();
          // BK17: else a backup could bring back what has begun to go.
          if (tenant.rows.size + tenant.copies.size < 2) expect(tenant.isBuried).toBe(true);
          if (tenant.metadata < 5 || tenant.kept.size === 0) expect(tenant.isReadable).toBe(false);
          if (tenant.finished > 0 || tenant.state === "gone")
            expect([tenant.metadata, tenant.packs, tenant.objects.size, tenant.kept.size]).toEqual([0, 0, 0, 0]);
        };
        for (const one of ticks) await settle(one);
        for (let i = 0; i < 10 && tenant.finished === 0; i++) await settle({ faults: [], pages: 3, twice: false });
        expect(tenant.finished).toBeGreaterThan(0);
        expect([tenant.state, tenant.rows.size, tenant.copies.size]).toEqual(["gone", 0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});
