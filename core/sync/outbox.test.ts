import { describe, expect, it } from "vitest";
import type { Wake } from "../events/wake.ts";
import type { JournalRow } from "../files/model.ts";
import { Outbox, type OutboxPorts, type Range } from "./outbox.ts";

const DRIVE = "drive";
const entry = (seq: number, op: JournalRow["op"] = "created"): JournalRow => ({ seq, op }) as JournalRow;
const wake = (seq: number): Wake => ({ tenant_id: 1, drive_id: DRIVE, seq });

/** The world around one drive's hub: storage, journal, queue and other hubs outlive the objects. */
class World {
  now = 0;
  alarm_at: number | null = null;
  /** Newest committed number. */
  seq = 0;
  queued: number[] = [];
  heard = new Map<string, number[]>([
    ["ann", []],
    ["bob", []],
  ]);
  ranges: Range[] = [];
  failing = new Set<"send" | "people" | "ann" | "newest">();
  outbox!: Outbox;

  constructor() {
    this.restart();
  }

  #fail(what: "send" | "people" | "ann" | "newest"): void {
    if (this.failing.has(what)) throw new Error(what);
  }

  restart(): void {
    const isAlive = (): boolean => this.outbox === outbox;
    const ports: OutboxPorts = {
      setAlarm: (at) => void (this.alarm_at = at),
      send: async ({ seq }) => {
        this.#fail("send");
        if (isAlive()) this.queued.push(seq);
      },
      newest: async () => {
        this.#fail("newest");
        return wake(this.seq);
      },
      people: async (range) => {
        this.#fail("people");
        this.ranges.push(range);
        return [...this.heard.keys()];
      },
      tell: async (user_id, seq) => {
        if (user_id === "ann") this.#fail("ann");
        if (isAlive()) this.heard.get(user_id)!.push(seq);
      },
      now: () => this.now,
      report: () => undefined,
    };
    const outbox = new Outbox(ports, this.alarm_at);
    this.outbox = outbox;
  }

  commit(): Promise<void> {
    return this.outbox.during(async () => void this.seq++);
  }

  /** Time goes on until no alarm is set. @returns how many came */
  async settle(max = 40): Promise<number> {
    let count = 0;
    for (; this.alarm_at !== null && count < max; count++) {
      this.now = Math.max(this.now, this.alarm_at);
      this.alarm_at = null;
      await this.outbox.alarm();
    }
    return count;
  }

  get isTold(): boolean {
    return this.queued.includes(this.seq) && [...this.heard.values()].every((seqs) => seqs.at(-1) === this.seq);
  }
}

describe("W8: nothing is committed without its event", () => {
  it("an alarm is set before a commit is sent, once for many, and lapses when all was told", async () => {
    const world = new World();
    world.outbox.arm();
    expect(world.alarm_at).toBe(60_000);
    for (let i = 0; i < 3; i++) {
      await world.commit();
      await world.outbox.put([entry(world.seq)], [wake(world.seq)]);
    }
    expect(world.isTold).toBe(true);
    expect(world.ranges).toEqual([0, 1, 2].map((after) => ({ after, upto: after + 1 })));
    expect(await world.settle()).toBe(1);
    expect(world.queued, "nothing is said twice").toEqual([1, 2, 3]);
  });

  it.each(["after the alarm", "in the batch", "after it"])("an object that ends %s is made up for", async (when) => {
    const world = new World();
    world.outbox.arm();
    if (when !== "after the alarm") await world.commit();
    const before = when === "in the batch" ? world.outbox.put([entry(1)], []) : undefined;
    world.restart();
    await before;
    await world.settle();
    expect([world.isTold, world.ranges.at(-1)]).toEqual([true, { after: null, upto: world.seq }]);
    expect(world.alarm_at).toBeNull();
  });

  it("objects that end again and again do not put off what an earlier one left", async () => {
    const world = new World();
    await world.commit();
    for (let i = 0; i < 100; i++) {
      world.now += 500;
      world.restart();
      world.outbox.arm();
    }
    expect(world.alarm_at).toBe(60_000);
  });

  it("what fails behind a commit does not wait for the alarm that guards it", async () => {
    const world = new World();
    world.failing.add("send");
    await world.commit();
    await world.outbox.put([entry(1)], [wake(1)]);
    expect(world.alarm_at).toBe(1_000);
  });

  it("a new object that is busy at once does not take an earlier one's alarm for its own", async () => {
    const world = new World();
    await world.commit();
    world.restart();
    world.outbox.arm();
    await world.settle();
    expect(world.isTold).toBe(true);
  });

  it("a batch whose answer is lost is told as if it was committed", async () => {
    const world = new World();
    const lost = world.outbox.during(async () => {
      world.seq++;
      throw new Error("no answer");
    });
    await expect(lost).rejects.toThrow("no answer");
    await world.settle();
    expect(world.isTold).toBe(true);
  });

  it("an alarm that comes while a batch is under way comes again", async () => {
    const world = new World();
    let end: () => void = () => undefined;
    const commit = world.outbox.during(() => new Promise((resolve) => (end = resolve)));
    world.alarm_at = null;
    await world.outbox.alarm();
    expect(world.alarm_at).not.toBeNull();
    world.seq++;
    end();
    await commit;
    world.restart();
    await world.settle();
    expect(world.isTold).toBe(true);
  });

  it.each(["send", "people", "ann", "newest"] as const)(
    "what fails (%s) is tried again, more and more rarely",
    async (what) => {
      const world = new World();
      world.failing.add(what);
      if (what === "newest") {
        await world.commit();
        world.restart();
      } else {
        await world.commit();
        await world.outbox.put([entry(1)], [wake(1)]);
      }
      const from = world.now;
      expect(await world.settle(12)).toBe(12);
      expect(world.now - from).toBeGreaterThan(600_000);
      expect((world.alarm_at as number) - world.now, "5 min at most").toBe(300_000);
      // Who can be told was told at once, and once.
      if (what === "ann") expect([world.queued, world.heard.get("bob")]).toEqual([[1], [1]]);
      world.failing.clear();
      expect(await world.settle()).toBe(1);
      expect(world.isTold).toBe(true);
    },
  );

  it("wakes that a queue does not take for long become one", async () => {
    const world = new World();
    world.failing.add("send");
    for (let i = 1; i <= 250; i++) {
      await world.commit();
      await world.outbox.put([entry(i)], [wake(i)]);
    }
    world.failing.clear();
    await world.settle();
    expect(world.queued.length).toBeLessThan(110);
    expect(Math.max(...world.queued)).toBe(250);
  });
});

describe("VD5: those who can see what changed are told", () => {
  it("each in the order of the drive, however the rounds overlap", async () => {
    const world = new World();
    const rounds: Promise<void>[] = [];
    for (let i = 1; i <= 20; i++) {
      await world.commit();
      rounds.push(world.outbox.put([entry(i)], []));
    }
    await Promise.all(rounds);
    for (const seqs of world.heard.values()) {
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
      expect(seqs.at(-1)).toBe(20);
    }
  });

  it("all of the drive, when what changed may lie above what they see", async () => {
    for (const op of ["trashed", "untrashed", "purged"] as const) {
      const world = new World();
      await world.commit();
      await world.outbox.put([entry(1, op)], []);
      expect(world.ranges).toEqual([{ after: null, upto: 1 }]);
    }
  });
});
