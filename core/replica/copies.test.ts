import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FailingObjects } from "../../test/support/memory/failing-objects.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import { Allowance } from "../storage/allowance.ts";
import { copyObject } from "./copy.ts";
import { heal } from "./heal.ts";
import { copyJobs } from "./jobs.ts";
import type { Side, Sides } from "./ports.ts";
import { compare } from "./reconcile.ts";
import { ReplicatedStore } from "./replicated-store.ts";
import { HOUR } from "../time.ts";

const MiB = 1024 * 1024;
const KEY = "7/abc";
const METADATA = { tenant: "7", pack_key: "abc" };

let primary: MemoryObjectStore;
let replica: MemoryObjectStore;
let first: FailingObjects;
let second: FailingObjects;
let sides: Sides;
let store: ReplicatedStore;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  primary = new MemoryObjectStore();
  replica = new MemoryObjectStore();
  first = new FailingObjects(primary);
  second = new FailingObjects(replica);
  sides = { primary: first.store as Side, replica: second.store as Side, spare: new Allowance(0) };
  store = new ReplicatedStore({
    primary: first.store,
    replica: second.store,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    watch: { moved: () => undefined, failed: () => undefined, fellBack: () => undefined },
  });
});
afterEach(() => void vi.useRealTimers());

const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const copy = async (key = KEY): Promise<string> =>
  (await copyObject(sides.primary, sides.replica, key, sides.spare)).outcome;
const run = () => heal(sides, Date.now(), Infinity);
const bytes = (length: number): Uint8Array<ArrayBuffer> => Uint8Array.from({ length }, (_, i) => (i * 31) ^ (i >> 9));

describe("RP9: a copy", () => {
  it.each([0, 1, 2 * MiB, 8 * MiB + 7, 25 * MiB])("of %i bytes has its bytes and its metadata", async (size) => {
    await primary.put(KEY, bytes(size), METADATA);
    expect(await copy()).toBe("copied");
    const [original, made] = [primary.objects.get(KEY)!, replica.objects.get(KEY)!];
    expect(made.metadata).toEqual(METADATA);
    expect(Buffer.compare(made.bytes, original.bytes)).toBe(0);
    expect(replica.uploadsUnderWay).toBe(0);
  });

  it("that is there is not made again", async () => {
    await primary.put(KEY, bytes(10), METADATA);
    expect([await copy(), await copy()]).toEqual(["copied", "there"]);
    expect(replica.calls.put).toBe(1);
  });

  it("of what was written again is made again, though its size is the same", async () => {
    await primary.put("keys/7", bytes(0), { wrapped_key: "old" });
    await copy("keys/7");
    pass(1);
    await primary.put("keys/7", bytes(0), { wrapped_key: "new" });
    expect(await copy("keys/7")).toBe("copied");
    expect(replica.objects.get("keys/7")!.metadata).toEqual({ wrapped_key: "new" });
  });

  it("of nothing is nothing", async () => {
    expect(await copy()).toBe("gone");
    expect(replica.objects.size).toBe(0);
  });

  it("that breaks off leaves nothing, and can be made again", async () => {
    await primary.put(KEY, bytes(20 * MiB), METADATA);
    let gets = 0;
    first.rule = (method) => (method === "get" && ++gets === 7 ? "fail" : "none");
    await expect(copy()).rejects.toThrow();
    expect([replica.objects.size, replica.uploadsUnderWay]).toEqual([0, 0]);
    expect(await copy()).toBe("copied");
  });
});

/** Does `work` while an object is deleted: the deletion's calls come before those calls of `work` that `at` names. */
async function crossed(at: readonly number[], work: () => Promise<unknown>): Promise<{ calls: number }> {
  const gates: (() => void)[] = [];
  const gated = [primary, replica].map((real) => {
    const failing = new FailingObjects(real);
    failing.before = () => new Promise((resolve) => gates.push(resolve));
    return failing.store;
  });
  const deleter = new ReplicatedStore({
    primary: gated[0]!,
    replica: gated[1]!,
    clock: { now: () => Date.now(), sleep: async () => undefined },
    watch: { moved: () => undefined, failed: () => undefined, fellBack: () => undefined },
  });
  const state = { deleted: false };
  const deleting = deleter.delete([KEY]).then(() => (state.deleted = true));
  const step = async (): Promise<void> => {
    gates.shift()?.();
    await new Promise((resolve) => setImmediate(resolve));
  };
  let calls = 0;
  first.before = second.before = async () => {
    calls += 1;
    for (const call of at) if (call === calls) await step();
  };
  await work().catch(() => undefined);
  first.before = second.before = async () => undefined;
  while (!state.deleted) await step();
  await deleting;
  return { calls };
}

describe("RP10: what is deleted does not come back", () => {
  /** A deletion is three calls: every way to put them between those of `work`. */
  const everyWay = async (prepare: () => Promise<void>, work: () => Promise<unknown>): Promise<number> => {
    await prepare();
    const { calls } = await crossed([], work);
    const last = calls + 1;
    let ways = 0;
    for (let a = 1; a <= last; a++)
      for (let b = a; b <= last; b++)
        for (let c = b; c <= last; c++) {
          await prepare();
          await crossed([a, b, c], work);
          expect([...primary.objects.keys(), ...replica.objects.keys()], `before the calls ${a}, ${b}, ${c}`).toEqual(
            [],
          );
          ways += 1;
        }
    return ways;
  };

  it("by a copy that was under way, wherever it was", async () => {
    const prepare = (): Promise<void> => primary.put(KEY, bytes(10), METADATA);
    expect(await everyWay(prepare, copy)).toBeGreaterThan(50);
  });

  it("by a healing that was under way, wherever it was", async () => {
    const prepare = async (): Promise<void> => {
      await replica.put(`unhealed/${KEY}`, bytes(0), {});
      await replica.put(KEY, bytes(10), METADATA);
    };
    expect(await everyWay(prepare, run)).toBeGreaterThan(100);
  });
});

describe("RP11: healing", () => {
  const strand = async (key = KEY): Promise<void> => {
    first.rule = () => "fail";
    await store.put(key, bytes(10), METADATA);
    first.rule = () => "none";
  };

  it("brings back what landed in the replica, and drops the mark", async () => {
    await strand();
    expect(await run()).toEqual({ healed: 1, bytes: 10, found: 1, unhealed: 0, error: null });
    expect(primary.objects.get(KEY)).toEqual(replica.objects.get(KEY));
    expect([...replica.objects.keys()]).toEqual([KEY]);
    expect((await run()).found).toBe(0);
  });

  it("ends with the first failure, and the next run goes on", async () => {
    for (const key of ["7/a", "7/b", "7/c"]) await strand(key);
    first.rule = (method, key) => (method === "put" && key === "7/b" ? "fail" : "none");
    expect(await run()).toMatchObject({ healed: 1, unhealed: 2 });
    first.rule = () => "none";
    expect(await run()).toMatchObject({ healed: 2, unhealed: 0, error: null });
    expect([...primary.objects.keys()]).toEqual(["7/a", "7/b", "7/c"]);
  });

  it("drops the mark of what the primary has after all", async () => {
    await primary.put(KEY, bytes(10), METADATA);
    await replica.put(`unhealed/${KEY}`, bytes(0), {});
    await replica.put(KEY, bytes(10), METADATA);
    expect(await run()).toMatchObject({ healed: 0, unhealed: 0 });
    expect(primary.calls.put).toBe(1);
  });

  it("takes nothing back that was written in the primary since", async () => {
    await strand("keys/7");
    pass(1);
    await primary.put("keys/7", bytes(0), { wrapped_key: "new" });
    await run();
    expect(primary.objects.get("keys/7")!.metadata).toEqual({ wrapped_key: "new" });
    await copy("keys/7");
    expect(replica.objects.get("keys/7")!.metadata).toEqual({ wrapped_key: "new" });
  });

  it("takes back what was written in the replica since", async () => {
    await primary.put("keys/7", bytes(10), { wrapped_key: "old" });
    pass(1);
    await strand("keys/7");
    pass(1);
    await run();
    expect(primary.objects.get("keys/7")!.metadata).toEqual(METADATA);
  });

  it("waits an hour for an object that a mark names, and forgets it then", async () => {
    await replica.put(`unhealed/${KEY}`, bytes(0), {});
    pass(HOUR - 1);
    expect(await run()).toMatchObject({ found: 1, unhealed: 1 });
    pass(1);
    expect(await run()).toMatchObject({ found: 1, unhealed: 0 });
    expect(replica.objects.size).toBe(0);
  });
});

describe("RP12: the comparison", () => {
  it("finds what has no copy, through pages of any size", async () => {
    const keys = Array.from({ length: 23 }, (_, i) => `7/${String(i).padStart(2, "0")}`);
    for (const key of keys) await primary.put(key, bytes(1), METADATA);
    const copied = keys.filter((_, i) => i % 3 === 0 || i > 17);
    for (const key of copied) await copy(key);
    for (const key of ["7/005", "9/1"]) await replica.put(key, bytes(1), METADATA);
    await primary.put("garbage/7", bytes(1), {});
    await replica.put("unhealed/7/x", bytes(1), {});
    for (const [a, b] of [
      [1000, 1000],
      [2, 3],
      [5, 1],
      [1, 7],
    ] as const) {
      [primary.page_size, replica.page_size] = [a, b];
      const missing: string[] = [];
      let only = 0;
      let jobs = 0;
      for (let after: string | null = ""; after !== null; jobs++) {
        const found = await compare(sides, "", after, 2);
        missing.push(...found.missing);
        only += found.only_in_replica;
        after = found.after;
      }
      expect(missing).toEqual(keys.filter((key) => !copied.includes(key)));
      expect(only).toBe(2);
      expect(jobs > 1).toBe(a < 1000);
    }
  });

  it("looks below a prefix only", async () => {
    await primary.put("keys/7", bytes(0), {});
    await primary.put(KEY, bytes(1), METADATA);
    expect((await compare(sides, "keys/", "", 9)).missing).toEqual(["keys/7"]);
  });
});

it("RP9: a message names a hundred keys at most, each once", () => {
  const keys = Array.from({ length: 250 }, (_, i) => `7/${i}`);
  const jobs = copyJobs([...keys, ...keys]);
  expect(jobs.map((job) => (job.job === "copy" ? job.keys.length : 0))).toEqual([100, 100, 50]);
});
