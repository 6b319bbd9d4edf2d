/** docs/spec/tiers.md, TI1 to TI3 and TI13. */
import { describe, expect, it } from "vitest";
import { formatNode } from "../manifests/root.ts";
import { newPackId } from "../packs/format.ts";
import { newId } from "../protocol/ids.ts";
import { dayOf } from "./policy.ts";
import { ReadLog } from "./read-log.ts";
import { DAY } from "../time.ts";

const NOW = 20_000 * DAY;
const packOf = (at = NOW - DAY): string => newPackId(newId(7, at));

function setUp() {
  const saved: [number, string[], number][] = [];
  const waiting: (() => Promise<void>)[] = [];
  const world = { now: NOW, isDown: false };
  const log = new ReadLog({
    async save(tenant_id, pack_ids, day) {
      if (world.isDown) throw new Error("D1 is down");
      saved.push([tenant_id, [...pack_ids], day]);
    },
    later: (work) => void waiting.push(work),
    now: () => world.now,
  });
  const flush = async (): Promise<void> => {
    for (const work of waiting.splice(0)) await work();
  };
  return { log, saved, waiting, world, flush };
}

describe("the log of reads", () => {
  it("TI2: what is read in a while goes in one statement for each tenant, each pack once a day", async () => {
    const { log, saved, waiting, world, flush } = setUp();
    const [a, b, other] = [packOf(), packOf(), packOf()];
    for (const pack_id of [a, b, a, a]) log.note(7, pack_id);
    log.note(8, other);
    expect(waiting).toHaveLength(1);
    await flush();
    log.note(7, a);
    await flush();
    expect(saved).toEqual([
      [7, [a, b], dayOf(NOW)],
      [8, [other], dayOf(NOW)],
    ]);
    world.now += DAY;
    log.note(7, a);
    await flush();
    expect(saved.at(-1)).toEqual([7, [a], dayOf(NOW) + 1]);
  });

  it("TI2: a pack that was written today is not noted", async () => {
    const { log, waiting } = setUp();
    log.note(7, packOf(NOW + 1000));
    expect(waiting).toEqual([]);
  });

  it("TI3: what could not be saved is noted by the next read", async () => {
    const { log, saved, world, flush } = setUp();
    const a = packOf();
    world.isDown = true;
    log.note(7, a);
    await flush();
    world.isDown = false;
    log.note(7, a);
    await flush();
    expect(saved).toEqual([[7, [a], dayOf(NOW)]]);
  });

  it("TI2: the memory of an isolate is bounded", async () => {
    const { log, saved, flush } = setUp();
    for (let i = 0; i < 20_001; i++) log.note(7, packOf());
    await flush();
    expect(saved.map(([, pack_ids]) => pack_ids.length)).toEqual([...Array.from({ length: 20 }, () => 1_000), 1]);
  });

  it("TI13: a content that comes from a cache is a read of all its packs, looked up once a day", async () => {
    const { log, saved, flush } = setUp();
    const packs = [packOf(), packOf()];
    const manifest = await formatNode({ kind: "root", bits: 14, size: 0, packs, entries: [] });
    await log.noteContent(7, "version", manifest);
    await flush();
    expect(saved.map(([, ids]) => ids)).toEqual([packs]);
    await log.noteContent(7, "version", "what is no manifest is not looked at");
    await log.noteContent(7, "another", "what is no manifest says nothing");
    await flush();
    expect(saved).toHaveLength(1);
  });
});
