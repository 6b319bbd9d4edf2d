/** docs/spec/replica.md, RP15, over copies in memory; the real buckets: test/api/replica.test.ts. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { MemoryKeyCopies, MemoryKeys, memoryKeys, MemoryMasterChecks } from "../../test/support/memory/engine.ts";
import type { KeyCopies, TenantKeyRow } from "../keys/ports.ts";
import { KeyRing } from "../keys/ring.ts";
import { ReplicatedKeyCopies, ReplicatedMasterChecks } from "./replicated-keys.ts";

const PACK = "0b".repeat(24);
const ROW: TenantKeyRow = { tenant_id: 7, version: 1, master_version: "v1", wrapped_key: "a", created_at: 1 };

type Health = "well" | "fails" | "hangs";

/** One of the two buckets. */
function side<T extends object>(real: T) {
  const made = { health: "well" as Health, calls: [] as string[], real, seen: real };
  made.seen = new Proxy(real, {
    get: (target, name) => {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        made.calls.push(String(name));
        if (made.health === "fails") throw new Error("the store fails (503)");
        if (made.health === "hangs") return new Promise(() => undefined);
        return (value as (...all: unknown[]) => unknown).apply(target, args);
      };
    },
  });
  return made;
}

let primary: ReturnType<typeof side<MemoryKeyCopies>>;
let replica: ReturnType<typeof side<MemoryKeyCopies>>;
let copies: KeyCopies;

beforeEach(() => {
  primary = side(new MemoryKeyCopies());
  replica = side(new MemoryKeyCopies());
  copies = new ReplicatedKeyCopies(primary.seen, replica.seen);
});
afterEach(() => void vi.useRealTimers());

const rejects = (work: Promise<unknown>) => expect(work).rejects.toMatchObject({ code: "unavailable" });

describe("RP15: copies of keys in two buckets", () => {
  it("go to the primary alone while it is well", async () => {
    expect(await copies.create(ROW)).toEqual(ROW);
    await copies.put({ ...ROW, wrapped_key: "b" });
    expect(await copies.find(ROW)).toMatchObject({ wrapped_key: "b" });
    expect(await copies.page(null)).toHaveLength(1);
    expect(replica.calls).toEqual([]);
  });

  it("go to the replica when it fails, and are found there", async () => {
    primary.health = "fails";
    expect(await copies.create(ROW)).toEqual(ROW);
    expect(await copies.find(ROW)).toEqual(ROW);
    expect(await copies.page(null)).toEqual([ROW]);
    primary.health = "well";
    expect(await copies.find(ROW), "before it is healed").toEqual(ROW);
  });

  it("or does not answer for 5 s", async () => {
    vi.useFakeTimers();
    primary.health = "hangs";
    const created = copies.create(ROW);
    await vi.advanceTimersByTimeAsync(5_001);
    expect(await created).toEqual(ROW);
  });

  it("are missing only when both say so", async () => {
    expect(await copies.find(ROW)).toBeNull();
    for (const [one, other] of [
      [primary, replica],
      [replica, primary],
    ] as const) {
      one.health = "fails";
      await rejects(copies.find(ROW));
      await other.real.put(ROW);
      expect(await copies.find(ROW)).toEqual(ROW);
      await other.real.forget(7);
      one.health = "well";
    }
  });

  it("both failing is `unavailable`, whatever is asked; so is one bucket that fails", async () => {
    for (const pair of [copies, new ReplicatedKeyCopies(primary.seen, null)]) {
      primary.health = replica.health = "fails";
      for (const work of [pair.create(ROW), pair.put(ROW), pair.find(ROW), pair.page(null), pair.forget(7)])
        await rejects(work);
    }
    primary.health = "well";
    await new ReplicatedKeyCopies(primary.seen, null).forget(7);
  });

  it("are forgotten in both, the primary first and last; where one fails it is told", async () => {
    for (const health of ["fails", "well"] as const) {
      replica.health = health;
      await primary.real.put(ROW);
      await replica.real.put(ROW);
      const forgotten = copies.forget(7);
      if (health === "fails") await rejects(forgotten);
      else await forgotten;
    }
    expect(primary.real.rows).toEqual([]);
    expect(replica.real.rows).toEqual([]);
    expect(primary.calls.slice(-2)).toEqual(["forget", "forget"]);
  });

  it("K5: of two first keys, one made in each bucket, both callers end with the row, and so does the copy that is healed", async () => {
    const store = new MemoryKeys();
    const rings = [0, 1].map(() => new KeyRing(memoryKeys({ store, copies })));
    store.newest = async () => null;
    const add = store.add.bind(store);
    let second: ReturnType<KeyRing["newPackKey"]> | undefined;
    // The first one has its copy in the primary, which fails then: the second one's is in the replica when the first row comes.
    store.add = async (row) => {
      store.add = async (other) => {
        await add(row);
        return add(other);
      };
      primary.health = "fails";
      await (second = rings[1]!.newPackKey(7, PACK));
      return add(row);
    };
    const first = await rings[0]!.newPackKey(7, PACK);
    expect(store.rows).toEqual(primary.real.rows);
    expect(replica.real.rows).toEqual(store.rows);
    const reader = new KeyRing(memoryKeys({ store, copies: replica.real }));
    for (const { metadata } of [first, await second!]) await reader.packKey(7, PACK, metadata);
  });
});

describe("RP15: what is kept of masters", () => {
  it("is kept in the replica while the primary fails, and forgotten in both", async () => {
    const [one, two] = [side(new MemoryMasterChecks()), side(new MemoryMasterChecks())];
    const checks = new ReplicatedMasterChecks(one.seen, two.seen);
    one.health = "fails";
    expect(await checks.create("v1", "sealed")).toBe("sealed");
    expect([...(await checks.all()).keys()]).toEqual(["v1"]);
    await rejects(checks.forget("v1"));
    one.health = "well";
    await checks.create("v1", "sealed");
    await checks.forget("v1");
    expect([one.real.kept.size, two.real.kept.size]).toEqual([0, 0]);
    one.health = two.health = "fails";
    await rejects(checks.create("v1", "sealed"));
    await rejects(checks.all());
  });
});
