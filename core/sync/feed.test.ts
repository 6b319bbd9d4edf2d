import { describe, expect, it } from "vitest";
import type { JournalOp } from "../protocol/sync.ts";
import { Feeder, Waiting } from "./feed.ts";

const entry = (seq: number, device_id: string | null = "a") => ({
  seq,
  file_id: `f${seq}`,
  op: "created" as JournalOp,
  device_id,
});
const told = (waiting: Waiting, device_id: string) =>
  waiting.take().map((textFor) => JSON.parse(textFor(device_id)) as Record<string, unknown>);

describe("W6: what waits for the next message", () => {
  it("commits of one drive are one message, in their order; drives are told one by one", () => {
    const waiting = new Waiting();
    waiting.add("d", 1, [entry(1)]);
    waiting.add("d", 3, [entry(2), entry(3)]);
    waiting.add("other", 7, []);
    expect(told(waiting, "b")).toEqual([
      {
        type: "changes",
        drive_id: "d",
        seq: 3,
        changes: [1, 2, 3].map((seq) => ({ seq, file_id: `f${seq}`, op: "created" })),
      },
      { type: "changes", drive_id: "other", seq: 7 },
    ]);
    expect(waiting.isEmpty).toBe(true);
  });

  it("a device that made all of them is told the number only; one that made some, all of them", () => {
    for (const [entries, count] of [
      [[entry(1)], undefined],
      [[entry(1), entry(2, "b")], 2],
      [[entry(1, null)], 1],
    ] as const) {
      const waiting = new Waiting();
      waiting.add("d", 2, entries);
      const [message] = told(waiting, "a");
      expect([message!.seq, (message!.changes as unknown[] | undefined)?.length]).toEqual([2, count]);
    }
  });

  it("W1: 20 changes are told, 21 are a number, however they came together", () => {
    const all = Array.from({ length: 21 }, (_, i) => entry(i + 1));
    for (const [count, length] of [
      [20, 20],
      [21, undefined],
    ] as const) {
      const waiting = new Waiting();
      for (const one of all.slice(0, count)) waiting.add("d", one.seq, [one]);
      waiting.add("d", 0, []);
      const [message] = told(waiting, "b");
      expect([message!.seq, (message!.changes as unknown[] | undefined)?.length]).toEqual([count, length]);
    }
  });
});

describe("W7: a device that may have too much waiting", () => {
  const text = JSON.stringify({ type: "changes", drive_id: "d", seq: 5, changes: [], filler: "x".repeat(100_000) });

  it("is told once to catch up, without the changes, and nothing more until it is heard", () => {
    const [feeder, socket] = [new Feeder(), {}];
    for (let i = 0; i < 10; i++) expect(feeder.offer(socket, text, 7)).toBe(text);
    expect(JSON.parse(feeder.offer(socket, text, 7)!)).toMatchObject({
      type: "changes",
      drive_id: "d",
      seq: 5,
      catch_up: true,
    });
    expect(feeder.offer(socket, text, 7)).toBeNull();
    expect(feeder.offer(socket, text, 8)).toBe(text);
    expect(feeder.offer({}, text, 7), "others are not held up").toBe(text);
  });

  it("one that is heard now and then is never held", () => {
    const [feeder, socket] = [new Feeder(), {}];
    for (let i = 0; i < 100; i++) expect(feeder.offer(socket, text, Math.floor(i / 5))).toBe(text);
  });
});
