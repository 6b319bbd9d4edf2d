import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  memoryEngine,
  MemoryKeyCopies,
  memoryKeys,
  MemoryKeys,
  MemoryMasterChecks,
  MemoryRotation,
} from "../../test/support/memory/engine.ts";
import { MasterCheck } from "./master-check.ts";
import { parseMasterKeys } from "./masters.ts";
import type { TenantKeyPlace } from "./ports.ts";
import { copiesUse, reportMasters, retireMaster } from "./retire.ts";
import { KeyRing } from "./ring.ts";
import { KEY_AGE, rotateKeys } from "./rotate.ts";
import { HOUR } from "../time.ts";

const master = (version: string, letter: string): string => `${version}:${btoa(letter.repeat(32))}`;
const V1 = master("v1", "a");
const BOTH = `${V1},${master("v2", "b")}`;

/** What lasts, whichever list of masters a process has. */
class Keys {
  readonly store = new MemoryKeys();
  readonly copies = new MemoryKeyCopies();
  readonly checks = new MemoryMasterChecks();
  now = 0;
  /** Calls that fail: by their number, before or after they are done. */
  faults = new Map<number, "before" | "after">();
  calls = 0;
  failed = 0;

  #faulty<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (real, name) => {
        const value: unknown = Reflect.get(real, name, real);
        if (typeof value !== "function") return value;
        return async (...args: unknown[]) => {
          const fault = this.faults.get(this.calls++);
          if (fault === "before") throw new Error("injected");
          const answer: unknown = await value.apply(real, args);
          if (fault === "after") throw new Error("injected");
          return answer;
        };
      },
    });
  }

  deps(text: string) {
    const store = this.#faulty(this.store);
    const deps = memoryKeys({
      text,
      store,
      copies: this.#faulty(this.copies),
      checks: this.checks,
      now: () => this.now,
    });
    const keys = this.#faulty(new MemoryRotation(this.store, 2));
    return { ...deps, keys, report: () => void this.failed++ };
  }

  ring = (text: string): KeyRing => new KeyRing(this.deps(text));

  async rotate(text: string, made_before = this.now - KEY_AGE): Promise<{ added: number; rewrapped: number }> {
    const all = { added: 0, rewrapped: 0 };
    for (let after: TenantKeyPlace | null = null; ;) {
      const { added, rewrapped, next } = await rotateKeys(this.deps(text), made_before, after);
      all.added += added;
      all.rewrapped += rewrapped;
      if (next === null) return all;
      after = next;
    }
  }

  masters(text: string, uses = [copiesUse(this.copies)]) {
    const shard = {
      place: "shard_00",
      count: async () =>
        new Map([...Map.groupBy(this.store.rows, (row) => row.master_version)].map(([v, rows]) => [v, rows.length])),
    };
    return { masters: parseMasterKeys(text), checks: this.checks, uses: [...uses, shard], now: () => this.now };
  }
}

const PACK = (i: number): string => i.toString(16).padStart(48, "0");

describe("rotation", () => {
  it("K8: after 90 days a tenant has a new version, which the next packs use; the packs of the old one are read as before", async () => {
    const keys = new Keys();
    const old = await keys.ring(V1).newPackKey(7, PACK(1));
    keys.now = KEY_AGE;
    expect(await keys.rotate(V1)).toEqual({ added: 0, rewrapped: 0 });
    keys.now += 1;
    expect(await keys.rotate(V1)).toEqual({ added: 1, rewrapped: 0 });
    expect(await keys.rotate(V1)).toEqual({ added: 0, rewrapped: 0 });
    expect(keys.store.rows).toEqual(keys.copies.rows);
    expect((await keys.ring(V1).newPackKey(7, PACK(2))).key_version).toBe(2);
    await keys.ring(V1).packKey(7, PACK(1), old.metadata);
  });

  it("K8: all versions are wrapped by the newest master, each by one row, and no object but the copies is touched", async () => {
    const keys = new Keys();
    const engine = memoryEngine();
    const packs = await Promise.all([7, 8, 9].map((tenant) => keys.ring(V1).newPackKey(tenant, PACK(tenant))));
    keys.now = 1;
    await keys.rotate(V1, 1);
    const swaps = keys.store.written;
    expect(await keys.rotate(BOTH)).toEqual({ added: 0, rewrapped: 6 });
    expect(keys.store.written - swaps).toBe(6);
    expect(new Set([...keys.store.rows, ...keys.copies.rows].map((row) => row.master_version))).toEqual(
      new Set(["v2"]),
    );
    expect(await keys.rotate(BOTH)).toEqual({ added: 0, rewrapped: 0 });
    for (const [i, tenant] of [7, 8, 9].entries())
      await keys.ring(master("v2", "b")).packKey(tenant, PACK(tenant), packs[i]!.metadata);
    expect(engine.objects.calls).toEqual({ put: 0, get: 0, multipart: 0, part: 0 });
  });

  it("K8: what is rotated with a crash or a lost answer at any call opens every pack, always, and is whole in the end", async () => {
    const faults = fc.array(fc.record({ at: fc.nat(60), kind: fc.constantFrom("before" as const, "after" as const) }), {
      maxLength: 6,
    });
    const step = fc.record({
      faults,
      text: fc.constantFrom(V1, BOTH),
      days: fc.nat(100),
      tenant: fc.constantFrom(7, 8),
      write: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const keys = new Keys();
        const packs: { tenant: number; id: string; metadata: Record<string, string> }[] = [];
        const readAll = async (text: string): Promise<void> => {
          const ring = keys.ring(text);
          for (const { tenant, id, metadata } of packs) await ring.packKey(tenant, id, metadata);
        };
        for (const [i, { faults, text, days, tenant, write }] of steps.entries()) {
          keys.now += days * 24 * HOUR;
          keys.calls = 0;
          keys.faults = new Map(faults.map(({ at, kind }) => [at, kind]));
          try {
            if (write)
              packs.push({
                tenant,
                id: PACK(i),
                metadata: { ...(await keys.ring(text).newPackKey(tenant, PACK(i))).metadata },
              });
            // Two sweeps at once, as a message that came twice makes them.
            await Promise.allSettled([keys.rotate(text), keys.rotate(text)]);
          } catch (error) {
            expect(String(error)).toMatch(/injected|not configured/);
          }
          keys.faults = new Map();
          await readAll(BOTH);
        }
        await keys.rotate(BOTH);
        expect(keys.store.rows.toSorted((a, b) => a.tenant_id - b.tenant_id || a.version - b.version)).toEqual(
          keys.copies.rows,
        );
        expect(keys.copies.rows.every((row) => row.master_version === "v2" && row.created_at <= keys.now)).toBe(true);
        await readAll(master("v2", "b"));
        // What a crash left without a row may be old by now.
        await keys.rotate(BOTH);
        expect(await keys.rotate(BOTH)).toEqual({ added: 0, rewrapped: 0 });
      }),
      { numRuns: 300 },
    );
  });

  it("K8: a copy that is missing is written; a row that does not open is given back by its copy; another's damage stops nobody", async () => {
    const keys = new Keys();
    for (const tenant of [7, 8, 9]) await keys.ring(V1).newPackKey(tenant, PACK(tenant));
    const [whole] = structuredClone(keys.store.rows);
    await keys.copies.forget(9);
    keys.store.rows[0]!.wrapped_key = keys.store.rows[1]!.wrapped_key;
    await keys.copies.put({ ...keys.copies.rows[1]!, wrapped_key: whole!.wrapped_key });
    keys.store.rows[1]!.wrapped_key = whole!.wrapped_key.replace(/^./, (c) => (c === "A" ? "B" : "A"));
    await keys.rotate(V1);
    expect(keys.failed).toBe(1);
    expect(keys.store.rows[0]).toEqual(whole);
    expect(keys.copies.rows.map((row) => row.tenant_id)).toEqual([7, 8, 9]);
  });
});

describe("master keys", () => {
  it("K7: another key under a name that is in use wraps nothing, and is told; so is one that is missing", async () => {
    const keys = new Keys();
    await keys.ring(V1).newPackKey(7, PACK(1));
    const before = structuredClone(keys.copies.rows);
    const wrong = master("v1", "x");
    await expect(keys.ring(wrong).newPackKey(8, PACK(2))).rejects.toMatchObject({ code: "unavailable" });
    keys.now += KEY_AGE + 1;
    await keys.rotate(wrong);
    expect([keys.copies.rows, keys.store.rows, keys.failed]).toEqual([before, before, 1]);
    const problems = (text: string) => new MasterCheck(parseMasterKeys(text), keys.checks, () => 0).problems();
    expect(await problems(V1)).toEqual([]);
    expect(await problems(BOTH)).toEqual([]);
    expect(await problems(wrong)).toEqual([expect.stringContaining("another key under the name v1")]);
    expect(await problems(master("v2", "b"))).toEqual([expect.stringContaining("lacks v1, which is in use")]);
  });

  it("K9: a master is retired when nothing anywhere is wrapped by it, and not before", async () => {
    const keys = new Keys();
    keys.now = 10 * HOUR;
    await keys.ring(V1).newPackKey(7, PACK(1));
    const retire = (version: string, use = [copiesUse(keys.copies)]) => retireMaster(keys.masters(BOTH, use), version);
    const refused = (why: string) => ({ code: "master_key_in_use", message: expect.stringContaining(why) });
    await expect(retire("v2")).rejects.toMatchObject(refused("it is the newest"));
    await expect(retire("v1")).rejects.toMatchObject(refused("v2 has not been in use for an hour"));
    await keys.ring(BOTH).newPackKey(8, PACK(2));
    await expect(retire("v1")).rejects.toMatchObject(refused("it wraps 1 in copies"));
    const old = keys.copies.rows[0]!;
    await keys.rotate(BOTH);
    await keys.copies.put(old);
    await expect(retire("v1")).rejects.toMatchObject(refused("it wraps 1 in copies"));
    await keys.rotate(BOTH);
    const backups = { place: "backups", count: async () => new Map([["v1", 3]]) };
    await expect(retire("v1", [backups])).rejects.toMatchObject(refused("it wraps 3 in backups"));
    keys.checks.kept.get("v2")!.since = keys.now - HOUR + 1;
    await expect(retire("v1")).rejects.toMatchObject(refused("v2 has not been in use for an hour"));
    keys.now += 1;
    await retire("v1");
    await retire("v1");
    const v2 = parseMasterKeys(master("v2", "b"));
    expect(await new MasterCheck(v2, keys.checks, () => 0).problems()).toEqual([]);
    expect(await reportMasters(keys.masters(BOTH))).toEqual([
      { version: "v1", is_configured: true, in_use: {} },
      { version: "v2", is_configured: true, in_use: { copies: 2, shard_00: 2 } },
    ]);
  });
});
