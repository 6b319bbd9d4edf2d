import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { FailingObjects } from "../../test/support/memory/failing-objects.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import { StoreRefused } from "../storage/ports.ts";
import { ReplicatedStore } from "./replicated-store.ts";

const KEY = "7/abc";
const BODY = Uint8Array.of(1, 2, 3);
const METADATA = { tenant: "7" };
const WRITES = new Set(["put", "createMultipart", "uploadPart", "completeMultipart"]);

let primary: MemoryObjectStore;
let replica: MemoryObjectStore;
let first: FailingObjects;
let second: FailingObjects;
let slept: number[];
let events: string[];
let store: ReplicatedStore;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  primary = new MemoryObjectStore();
  replica = new MemoryObjectStore();
  first = new FailingObjects(primary);
  second = new FailingObjects(replica);
  slept = [];
  events = [];
  store = new ReplicatedStore({
    primary: first.store,
    replica: second.store,
    clock: {
      now: () => Date.now(),
      sleep: async (ms) => {
        slept.push(ms);
        vi.setSystemTime(Date.now() + ms);
      },
    },
    watch: {
      moved: (guarded, from, to) => events.push(`${guarded}: ${from} -> ${to}`),
      failed: () => undefined,
      fellBack: (guarded) => events.push(`${guarded} fell back`),
    },
  });
});
afterEach(() => void vi.useRealTimers());

const fails = (): "fail" => "fail";
const works = (): "none" => "none";
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);
const read = async (): Promise<number[] | null> => {
  const found = await store.get(KEY, 0, 10);
  return found === null ? null : [...found.bytes];
};
const both = async (): Promise<void> => {
  await primary.put(KEY, BODY, METADATA);
  await replica.put(KEY, BODY, METADATA);
};
const unavailable = { code: "unavailable" };

describe("RP3: a read", () => {
  it("of an object that is there is one call of the primary and none of the replica", async () => {
    await both();
    expect(await read()).toEqual([1, 2, 3]);
    expect([first.calls, second.calls]).toEqual([["get"], []]);
  });

  it("that fails is answered by the replica at once", async () => {
    await both();
    first.rule = fails;
    expect(await read()).toEqual([1, 2, 3]);
    expect([first.calls, second.calls, slept]).toEqual([["get"], ["get"], []]);
    expect(events).toEqual(["reads fell back"]);
  });

  it("of what waits in the replica to be healed finds it", async () => {
    await replica.put(KEY, BODY, METADATA);
    expect(await read()).toEqual([1, 2, 3]);
  });

  it("of what neither has is null, and no failure", async () => {
    for (let i = 0; i < 10; i++) expect(await read()).toBeNull();
    expect(store.breakers.reads.state).toBe("closed");
  });

  it("never says that there is nothing while one of the two does not answer", async () => {
    second.rule = fails;
    await expect(read()).rejects.toMatchObject(unavailable);
    [first.rule, second.rule] = [fails, works];
    await expect(read()).rejects.toMatchObject(unavailable);
  });

  it("that the primary leaves without an answer is answered by the replica after 5 s", async () => {
    await both();
    first.rule = () => "hang";
    const asked = read();
    await vi.advanceTimersByTimeAsync(4_999);
    expect(second.calls).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(await asked).toEqual([1, 2, 3]);
  });

  it("while the breaker is open asks the replica alone", async () => {
    await both();
    first.rule = fails;
    for (let i = 0; i < 5; i++) await read();
    expect(store.breakers.reads.state).toBe("open");
    [first, second].forEach(({ calls }) => calls.splice(0));
    expect(await read()).toEqual([1, 2, 3]);
    expect([first.calls, second.calls]).toEqual([[], ["get"]]);
  });

  it("while the breaker is open finds what only the primary has, too", async () => {
    await both();
    first.rule = fails;
    for (let i = 0; i < 5; i++) await read();
    first.rule = works;
    await replica.delete([KEY]);
    expect(await read()).toEqual([1, 2, 3]);
    expect(store.breakers.reads.state, "a last resort is no probe").toBe("open");
  });

  it("that is a probe waits a second only", async () => {
    await both();
    first.rule = fails;
    for (let i = 0; i < 5; i++) await read();
    pass(1_000);
    first.rule = () => "hang";
    const asked = read();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await asked).toEqual([1, 2, 3]);
    expect(store.breakers.reads.state).toBe("open");
  });

  it("goes to the primary again after three probes", async () => {
    await both();
    first.rule = fails;
    for (let i = 0; i < 5; i++) await read();
    first.rule = works;
    pass(1_000);
    for (let i = 0; i < 3; i++) await read();
    expect(events.filter((event) => event.includes("->"))).toEqual([
      "reads: closed -> open",
      "reads: open -> half_open",
      "reads: half_open -> closed",
    ]);
  });
});

describe("RP4: attempts", () => {
  it("of a put are three, 100 and 200 ms apart, and then it lies in the replica, marked", async () => {
    first.rule = fails;
    await store.put(KEY, BODY, METADATA);
    expect(first.calls).toEqual(["put", "put", "put"]);
    expect(slept).toEqual([100, 200]);
    expect([...replica.objects.keys()]).toEqual([`unhealed/${KEY}`, KEY]);
    expect(events).toEqual(["writes fell back"]);
    expect(await read()).toEqual([1, 2, 3]);
  });

  it("of a put that succeeds the second time leave the replica alone", async () => {
    first.rule = () => (first.calls.length === 1 ? "fail" : "none");
    await store.put(KEY, BODY, METADATA);
    expect(second.calls).toEqual([]);
    expect(primary.objects.has(KEY)).toBe(true);
  });

  it("end when the breaker opens: the replica at once", async () => {
    first.rule = fails;
    for (let i = 0; i < 3; i++) await store.put(KEY, BODY, METADATA);
    expect(first.calls.length).toBe(5);
  });

  it("of a read are three where both fail, and then the client is to try again", async () => {
    [first.rule, second.rule] = [fails, fails];
    await expect(read()).rejects.toMatchObject(unavailable);
    expect([first.calls.length, second.calls.length, slept]).toEqual([3, 3, [100, 200]]);
  });

  it("a put that was not answered is not made again: the late one could store other bytes", async () => {
    first.rule = () => "hang";
    const asked = store.put(KEY, BODY, METADATA);
    const refused = expect(asked).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
    expect([first.calls, second.calls]).toEqual([["put"], []]);
  });

  it("what the store refuses is neither tried again nor a failure", async () => {
    const id = await store.createMultipart(KEY, METADATA);
    await store.abortMultipart(KEY, id);
    for (let i = 0; i < 6; i++) await expect(store.uploadPart(KEY, id, 1, BODY)).rejects.toThrow(StoreRefused);
    expect(first.calls.filter((call) => call === "uploadPart").length).toBe(6);
    expect(store.breakers.writes.state).toBe("closed");
  });

  it("all of a call end within 30 s", async () => {
    [first.rule, second.rule] = [() => "hang", () => "hang"];
    const refused = expect(read()).rejects.toMatchObject(unavailable);
    await vi.advanceTimersByTimeAsync(30_000);
    await refused;
  });

  it("reads and writes have breakers of their own", async () => {
    await both();
    first.rule = (method) => (WRITES.has(method) ? "fail" : "none");
    for (let i = 0; i < 5; i++) {
      await store.put(`${KEY}${i}`, BODY, METADATA);
      await read();
    }
    expect([store.breakers.reads.state, store.breakers.writes.state]).toEqual(["closed", "open"]);
    events.length = 0;
    expect(await read()).toEqual([1, 2, 3]);
    expect(events).toEqual([]);
  });
});

describe("RP7: an upload in parts", () => {
  const parts = async (): Promise<void> => {
    const id = await store.createMultipart(KEY, METADATA);
    const etag = await store.uploadPart(KEY, id, 1, BODY);
    await store.completeMultipart(KEY, id, [{ part: 1, etag }]);
  };

  it("begins in the replica when the primary fails, and stays there when the primary is back", async () => {
    first.rule = fails;
    const id = await store.createMultipart(KEY, METADATA);
    first.rule = works;
    const etag = await store.uploadPart(KEY, id, 1, BODY);
    await store.completeMultipart(KEY, id, [{ part: 1, etag }]);
    expect([...replica.objects.keys()].toSorted()).toEqual([KEY, `unhealed/${KEY}`].toSorted());
    expect(await read()).toEqual([1, 2, 3]);
  });

  it("that began in the primary fails with it, and sent again lies in the replica", async () => {
    first.rule = (method) => (method === "uploadPart" ? "fail" : "none");
    await expect(parts()).rejects.toMatchObject(unavailable);
    await expect(parts()).rejects.toMatchObject(unavailable);
    await parts();
    expect(await read()).toEqual([1, 2, 3]);
    expect(primary.objects.has(KEY)).toBe(false);
  });

  it("is no probe: it begins in the replica until the breaker is closed", async () => {
    first.rule = fails;
    for (let i = 0; i < 2; i++) await store.put(`${KEY}${i}`, BODY, METADATA);
    pass(60_000);
    first.rule = (method) => (method === "uploadPart" ? "fail" : "none");
    await parts();
    await store.put(`${KEY}2`, BODY, METADATA);
    await parts();
    expect(store.breakers.writes.state).toBe("half_open");
    for (let i = 3; i < 5; i++) await store.put(`${KEY}${i}`, BODY, METADATA);
    await expect(parts()).rejects.toMatchObject(unavailable);
  });

  it("whose end lost its answer is done", async () => {
    let lost = 0;
    first.rule = (method) => (method === "completeMultipart" && lost++ === 0 ? "lose" : "none");
    await parts();
    expect(primary.objects.has(KEY)).toBe(true);
    expect(second.calls).toEqual([]);
  });

  it("whose mark cannot be written does not end", async () => {
    first.rule = fails;
    second.rule = (method) => (method === "put" ? "fail" : "none");
    await expect(parts()).rejects.toMatchObject(unavailable);
    expect(replica.objects.size).toBe(0);
  });
});

describe("RP8: deleting and listing", () => {
  it("deletes in both, with the mark", async () => {
    await both();
    await replica.put(`unhealed/${KEY}`, BODY, {});
    await store.delete([KEY]);
    expect([primary.objects.size, replica.objects.size]).toEqual([0, 0]);
  });

  it("says so when one of the two has not", async () => {
    await both();
    second.rule = fails;
    await expect(store.delete([KEY])).rejects.toMatchObject(unavailable);
  });

  it("lists what either has once, and no marks", async () => {
    await both();
    await replica.put(`${KEY}1`, BODY, {});
    await replica.put(`unhealed/${KEY}1`, BODY, {});
    expect(await store.list("")).toEqual([KEY, `${KEY}1`]);
  });
});

describe("RP1: states of rounds", () => {
  it("are in the primary alone", async () => {
    await store.put("garbage/7", BODY, METADATA);
    expect(await store.get("garbage/8", 0, 1)).toBeNull();
    await store.delete(["garbage/7"]);
    first.rule = fails;
    await expect(store.put("garbage/7", BODY, METADATA)).rejects.toMatchObject(unavailable);
    expect(second.calls).toEqual([]);
  });
});
