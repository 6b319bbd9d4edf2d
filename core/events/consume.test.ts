import { describe, expect, it } from "vitest";
import type { JournalRow } from "../files/model.ts";
import { ATTEMPTS_MAX, consume, describe as describeError, NEVER, SLICE } from "./consume.ts";
import type { EventFailure, EventHandler, EventStore } from "./ports.ts";

/** A journal and marks in memory, with the store's own guarantees. */
class MemoryStore implements EventStore {
  mark = 0;
  readonly failures = new Map<number, EventFailure>();
  readonly journal: JournalRow[];

  constructor(length: number) {
    this.journal = Array.from({ length }, (_, i) => ({ seq: i + 1, file_id: `f${i + 1}` }) as JournalRow);
  }

  async pending(limits: { entries: number; due: number }, now: number) {
    const due = [...this.failures.values()].filter((f) => f.retry_at <= now).slice(0, limits.due);
    return {
      mark: this.mark,
      entries: this.journal.filter((e) => e.seq > this.mark).slice(0, limits.entries),
      due: due.map((failure) => ({ failure, entry: this.journal.find((e) => e.seq === failure.seq) ?? null })),
    };
  }

  async record({ mark, failed, settled }: Parameters<EventStore["record"]>[0]) {
    const moved = mark > this.mark;
    this.mark = Math.max(this.mark, mark);
    for (const failure of failed) this.failures.set(failure.seq, failure);
    for (const seq of settled) this.failures.delete(seq);
    return moved;
  }
}

class Killed extends Error {}

/** Handles entries; those in `poisoned` fail, those in `deadly` end the process. */
function handler(
  poisoned = new Set<number>(),
  deadly = new Set<number>(),
): EventHandler & { handled: number[]; buried: number[] } {
  const handled: number[] = [];
  const buried: number[] = [];
  return {
    name: "previews",
    handled,
    buried,
    async handle(entries) {
      const failures = new Map<number, unknown>();
      for (const { seq } of entries) {
        if (deadly.has(seq)) throw new Killed();
        if (poisoned.has(seq)) failures.set(seq, new Error("bad picture"));
        else handled.push(seq);
      }
      return { count: entries.length, failures };
    },
    async bury({ seq }) {
      buried.push(seq);
    },
  };
}

let clock = 0;
const now = (): number => clock;
const run = (store: EventStore, h: EventHandler, careful = false) => consume(store, h, { careful, now });
const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

it("E3: reads from its mark, in order, and moves the mark", async () => {
  const store = new MemoryStore(3);
  const h = handler();
  expect(await run(store, h)).toEqual({ more: false, dead: [] });
  expect(h.handled).toEqual([1, 2, 3]);
  expect(store.mark).toBe(3);
  await run(store, h);
  expect(h.handled).toEqual([1, 2, 3]);
});

it("E4: works in slices, and says that there is more", async () => {
  const store = new MemoryStore(SLICE + 1);
  const h = handler();
  expect((await run(store, h)).more).toBe(true);
  expect(store.mark).toBe(SLICE);
  expect((await run(store, h)).more).toBe(false);
  expect(h.handled).toEqual(upTo(SLICE + 1));
});

it("E4: of two runs over the same entries only one goes on", async () => {
  const store = new MemoryStore(SLICE * 2);
  const h = handler();
  const runs = await Promise.all([run(store, h), run(store, h)]);
  expect(runs.map(({ more }) => more).toSorted()).toEqual([false, true]);
});

it("E5: many failures that are due are tried in one wake after another", async () => {
  const store = new MemoryStore(25);
  const poisoned = new Set(upTo(25));
  const h = handler(poisoned);
  await run(store, h);
  poisoned.clear();
  clock += 30_000;
  let runs = 1;
  while ((await run(store, h)).more) runs += 1;
  expect([runs, store.failures.size]).toEqual([3, 0]);
});

it("E4: stops where the work of one run is spent, and goes on there", async () => {
  const store = new MemoryStore(5);
  const h = handler();
  const two: EventHandler = {
    name: "previews",
    handle: async (entries) => ({ ...(await h.handle(entries.slice(0, 2))), count: Math.min(2, entries.length) }),
  };
  while ((await run(store, two)).more);
  expect(h.handled).toEqual(upTo(5));
});

it("E5: a bad entry is recorded while the mark goes on, and its retry deletes it", async () => {
  const store = new MemoryStore(3);
  const poisoned = new Set([2]);
  const h = handler(poisoned);
  await run(store, h);
  expect(h.handled).toEqual([1, 3]);
  expect(store.mark).toBe(3);
  expect(store.failures.get(2)).toMatchObject({ attempts: 1, error: "Error: bad picture" });
  await run(store, h);
  expect(store.failures.get(2)?.attempts, "not before its time").toBe(1);
  clock += 30_000;
  poisoned.clear();
  await run(store, h);
  expect(h.handled).toEqual([1, 3, 2]);
  expect(store.failures.size).toBe(0);
});

it("E7: after five attempts it is dead, buried once, and told once", async () => {
  const store = new MemoryStore(1);
  const h = handler(new Set([1]));
  const dead: EventFailure[] = [];
  for (let i = 0; i < 10; i++) {
    dead.push(...(await run(store, h)).dead);
    clock += 86_400_000;
  }
  expect(dead.map((f) => f.attempts)).toEqual([ATTEMPTS_MAX]);
  expect(h.buried).toEqual([1]);
  expect(store.failures.get(1)).toMatchObject({ attempts: ATTEMPTS_MAX, retry_at: NEVER });
});

describe("E6: an entry that ends the process", () => {
  it("is passed by the second delivery, entry by entry, and never blocks what is behind it", async () => {
    const store = new MemoryStore(4);
    const h = handler(new Set(), new Set([2]));
    await expect(run(store, h)).rejects.toThrow(Killed);
    expect(store.mark).toBe(0);
    await run(store, h, true);
    expect(store.mark).toBe(4);
    expect([...new Set(h.handled)].toSorted()).toEqual([1, 3, 4]);
    expect([...store.failures.keys()]).toEqual([2]);
  });

  it("has its attempt counted before it is made: five crashes end it, with its burial done", async () => {
    const store = new MemoryStore(1);
    const h = handler();
    // The process ends: nothing after the call of `handle` runs.
    const deadly: EventHandler = { ...h, handle: () => Promise.reject(new Killed()) };
    const crashing: EventStore = {
      pending: (limit, time) => store.pending(limit, time),
      record: async (change) => {
        if (change.failed.some((f) => f.error !== "did not end")) throw new Killed();
        return store.record(change);
      },
    };
    for (let i = 0; i < 10; i++) {
      await consume(crashing, deadly, { careful: true, now }).catch(() => undefined);
      clock += 86_400_000;
    }
    expect(store.failures.get(1)).toMatchObject({ attempts: ATTEMPTS_MAX, retry_at: NEVER });
    expect(h.buried).toEqual([1]);
  });
});

it("E6: in a careful run spent work is not an attempt", async () => {
  const store = new MemoryStore(2);
  const spent: EventHandler = { name: "previews", handle: async () => ({ count: 0, failures: new Map() }) };
  expect((await run(store, spent, true)).more).toBe(true);
  expect(store.failures.get(1)?.attempts).toBe(0);
  const h = handler();
  while ((await run(store, h)).more);
  expect(h.handled).toEqual([1, 2]);
  expect(store.failures.size).toBe(0);
});

it("E5: an entry that the journal no longer has is no failure any more", async () => {
  const store = new MemoryStore(0);
  store.failures.set(7, { seq: 7, attempts: 1, error: "", retry_at: 0 });
  await run(store, handler());
  expect(store.failures.size).toBe(0);
});

it("E5: what is stored of an error has neither statements nor parameters", () => {
  expect(describeError(new Error("Failed query: select secret\nparams: hunter2"))).toBe("Error: Failed query");
  expect(describeError("text")).toBe("unknown error");
});
