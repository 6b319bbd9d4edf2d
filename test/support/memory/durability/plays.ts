/** Steps of a play over a {@link World}, and what must hold of any list of them. */
import fc from "fast-check";
import { vi } from "vitest";
import { seededCrypto } from "../../../model/seeded-crypto.ts";
import { settle } from "./end.ts";
import type { Mutation } from "./mutations.ts";
import { SKEW, World } from "./world.ts";
import { DAY } from "../../../../core/time.ts";

/** Steps of a play at most; half of it on average, so that a failure shrinks. */
const LENGTH = 300;
/** Files at a time: few, so that what is done at once is done to the same ones. */
const FILES_MAX = 4;

const at = fc.nat({ max: 30 });
const sent = fc.string({ unit: fc.constantFrom("a", "b"), minLength: 1, maxLength: 2 });

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant("upload" as const), at, sent, borrows: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("copy" as const), at }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("restore" as const), at }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("purge" as const), at }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("purge_version" as const), at }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("repoint" as const), at, to: at }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("download" as const), at }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("round" as const) }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("tick" as const) }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("deliver" as const), at, again: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("compact" as const), at, again: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("lose" as const), at }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("expire" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("rotate" as const), is_new_master: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("walk" as const) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("unarchive" as const), at }) },
  { weight: 30, arbitrary: fc.record({ op: fc.constant("run" as const), at, calls: fc.integer({ min: 1, max: 12 }) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("crash" as const), at }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("wait" as const), days: fc.constantFrom(0.01, 1.1, 10, 31) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("jump" as const), to: fc.constantFrom(-1, 0, 1) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const pick = <T>(list: readonly T[], index: number): T | undefined => list[index % list.length];

async function play(world: World, s: Step): Promise<void> {
  const { versions, queue, compactions, stage } = world;
  const version = "at" in s ? pick(versions, s.at) : undefined;
  switch (s.op) {
    case "upload": {
      const files = new Set(versions.map(({ file_id }) => file_id));
      const file_id = files.size < FILES_MAX ? null : (version?.file_id ?? null);
      return world.upload(file_id, s.sent, s.borrows ? (version ?? null) : null);
    }
    case "copy":
    case "restore":
    case "purge":
    case "download":
      return version === undefined ? undefined : world[s.op](version);
    case "purge_version":
      return version === undefined ? undefined : world.purgeVersion(version);
    case "repoint": {
      const [content, kept] = [pick(world.contents, s.at), pick(world.contents, s.to)];
      return content === undefined || kept === undefined ? undefined : world.repoint(content, kept);
    }
    case "round":
      return world.round();
    case "tick":
      return world.collect(null);
    case "deliver": {
      const message = pick(queue, s.at);
      if (message === undefined) return;
      if (!s.again) queue.splice(queue.indexOf(message), 1);
      return world.collect(message);
    }
    case "lose":
      compactions.splice(s.at % (compactions.length + 1), 1);
      return void queue.splice(s.at % (queue.length + 1), 1);
    case "compact": {
      const message = pick(compactions, s.at);
      if (message === undefined) return;
      if (!s.again) compactions.splice(compactions.indexOf(message), 1);
      return world.compact(message);
    }
    case "expire":
      return world.expire();
    case "walk":
      return world.move(null);
    case "unarchive":
      return version === undefined ? undefined : world.move(version);
    case "rotate":
      return world.rotate(s.is_new_master);
    case "run": {
      const actor = pick(stage.actors, s.at);
      if (actor === undefined) return;
      for (let calls = 0; calls < s.calls && !actor.isDone; calls++) {
        await stage.advance(actor);
        await world.check();
      }
      return;
    }
    case "crash": {
      const actor = pick(stage.actors, s.at);
      if (actor !== undefined) stage.end(actor);
      return;
    }
    case "wait":
      world.drive.now += Math.round(s.days * DAY);
      return;
    case "jump":
      world.skew = s.to * SKEW;
  }
}

/** @param count hears of the steps that were made */
export function durability(mutation: Mutation | null, count: (steps: number) => void = () => undefined) {
  return fc.asyncProperty(
    fc.array(step, { minLength: 1, maxLength: LENGTH, size: "max" }),
    fc.constantFrom(0, 30),
    async (steps, grace_days) => {
      // So that a seed plays the same again, ids of packs and keys included.
      vi.stubGlobal("crypto", seededCrypto(1));
      const world = new World(mutation, grace_days);
      for (const s of steps) {
        await play(world, s);
        await world.check();
      }
      count(steps.length);
      await settle(world);
    },
  );
}
