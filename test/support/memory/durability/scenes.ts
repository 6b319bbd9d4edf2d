/** Interleavings that chance finds too seldom, each with the rule that it needs. docs/spec/durability.md, What it survives. */
import { vi } from "vitest";
import { seededCrypto } from "../../../model/seeded-crypto.ts";
import type { NextCompaction } from "../../../../core/compaction/compact.ts";
import type { NextSlice } from "../../../../core/garbage/round.ts";
import type { Actor } from "./actors.ts";
import { settle } from "./end.ts";
import type { Mutation } from "./mutations.ts";
import { SKEW, World } from "./world.ts";
import { DAY } from "../../../../core/time.ts";

interface Scene {
  name: string;
  /** Without this rule it ends badly; null where no rule of the product is at stake, only what a tenant is left with. */
  mutation: Mutation | null;
  grace_days: number;
  play(world: World): Promise<void>;
}

const END = "the end";

async function begin(world: World, work: Promise<void>): Promise<Actor> {
  await work;
  return world.stage.actors.at(-1) as Actor;
}

async function finish(world: World, work: Promise<void>): Promise<void> {
  await world.stage.advanceTo(await begin(world, work), END);
}

/** An edit that has read its base, which is purged then, and is about to commit. */
async function orphanedEdit(world: World): Promise<Actor> {
  await finish(world, world.upload(null, "a", null));
  const base = world.versions[0]!;
  const edit = await begin(world, world.upload(null, "b", base));
  await world.stage.advanceTo(edit, "put");
  await world.stage.advance(edit);
  await finish(world, world.purge(base));
  return edit;
}

/** An edit that has kept less than half of its base's pack, and a round that has noted this. */
async function shrunk(world: World): Promise<void> {
  await finish(world, world.upload(null, "ab", null));
  const base = world.versions[0]!;
  await finish(world, world.upload(null, "a", base));
  await finish(world, world.purge(base));
  world.drive.now += 2 * DAY;
  await world.round();
}

export const SCENES: Scene[] = [
  {
    name: "1: an edit commits long after its base was purged: what it borrowed is gone",
    mutation: "borrow",
    grace_days: 30,
    async play(world) {
      const edit = await orphanedEdit(world);
      for (const days of [2, 31]) {
        world.drive.now += days * DAY;
        await world.round();
      }
      await world.stage.advanceTo(edit, END);
    },
  },
  {
    name: "1, 10: an edit commits while a round runs, whose message comes twice",
    mutation: "own_round",
    grace_days: 0,
    async play(world) {
      const edit = await orphanedEdit(world);
      await finish(world, world.collect(null));
      const message = world.queue.shift() as NextSlice;
      const twice = [await begin(world, world.collect(message)), await begin(world, world.collect(message))];
      for (const round of twice) await world.stage.advanceTo(round, "packs");
      await world.stage.advanceTo(edit, END);
      // The first one condemns, and has not done with the page when the other one reads it.
      await world.stage.advanceTo(twice[0]!, "judge");
      await world.stage.advance(twice[0]!);
      for (const round of twice.toReversed()) await world.stage.advanceTo(round, END);
    },
  },
  {
    name: "1, 8: an edit commits when two rounds have read the contents; the older one judges last",
    mutation: "newest",
    grace_days: 0,
    async play(world) {
      world.pages = 1_000;
      const edit = await orphanedEdit(world);
      const rounds = [await begin(world, world.collect(null)), await begin(world, world.collect(null))];
      for (const round of rounds) await world.stage.advanceTo(round, "packs");
      await world.stage.advanceTo(edit, END);
      for (const round of rounds.toReversed()) await world.stage.advanceTo(round, END);
    },
  },
  {
    name: "3: a long download, and a purge",
    mutation: "grace",
    grace_days: 30,
    async play(world) {
      await finish(world, world.upload(null, "ab", null));
      const [version] = world.versions;
      const download = await begin(world, world.download(version!));
      await finish(world, world.purge(version!));
      for (const days of [2, 10, 10]) {
        world.drive.now += days * DAY;
        await world.round();
      }
      await world.stage.advanceTo(download, END);
    },
  },
  {
    name: "G14: a pack was condemned though it is needed, no round came for the grace, then a purge under a download",
    mutation: "grace_kept",
    grace_days: 30,
    async play(world) {
      await finish(world, world.upload(null, "ab", null));
      world.drive.store.interfere(({ packs }) => {
        for (const [id, pack] of packs)
          packs.set(id, { ...pack, state: "condemned", changed_at: world.drive.now, round: "an earlier one" });
      });
      world.drive.now += 31 * DAY;
      const [version] = world.versions;
      const download = await begin(world, world.download(version!));
      await finish(world, world.purge(version!));
      await world.round();
      await world.stage.advanceTo(download, END);
    },
  },
  {
    name: "6: a manifest is repointed to a content that was purged and collected meanwhile",
    mutation: "repoint",
    grace_days: 0,
    async play(world) {
      for (let i = 0; i < 2; i++) await finish(world, world.upload(null, "a", null));
      const [version] = world.versions;
      const { contents } = world;
      const kept = contents.find(({ content_id }) => content_id === version!.content_id)!;
      const repoint = await begin(
        world,
        world.repoint(
          contents.find((content) => content !== kept)!,
          kept,
        ),
      );
      await finish(world, world.purge(version!));
      for (let i = 0; i < 2; i++) await world.round();
      await world.stage.advanceTo(repoint, END);
    },
  },
  {
    name: "14: of the contents that a compaction has moved all are purged and collected before it goes on",
    mutation: "unasserted",
    grace_days: 0,
    async play(world) {
      world.pages = 1;
      await finish(world, world.upload(null, "ab", null));
      const base = world.versions[0]!;
      for (let i = 0; i < 3; i++) {
        world.drive.now += 1000;
        await finish(world, world.upload(null, "a", base));
      }
      await finish(world, world.purge(base));
      world.drive.now += 2 * DAY;
      await world.round();
      const edits = world.versions;
      const before = new Set(world.contents.map(({ manifest }) => manifest));
      const slice = async (message: NextCompaction | null): Promise<NextCompaction | null> => {
        world.compactions.length = 0;
        await finish(world, world.compact(message));
        return world.compactions.at(-1) ?? null;
      };
      // A page has two of the three.
      let message = await slice(null);
      while (world.contents.every(({ manifest }) => before.has(manifest))) message = await slice(message);
      const left = world.contents.find(({ manifest }) => before.has(manifest));
      for (const edit of edits) if (edit.content_id !== left!.content_id) await finish(world, world.purge(edit));
      await world.round();
      while (message !== null) message = await slice(message);
    },
  },
  {
    name: "18: a compaction crashes when its first pack is stored",
    mutation: "unstaged",
    grace_days: 30,
    async play(world) {
      await shrunk(world);
      world.pages = 1_000;
      const run = await begin(world, world.compact(world.compactions.shift()!));
      await world.stage.advanceTo(run, "put");
      await world.stage.advance(run);
      world.stage.end(run);
    },
  },
  {
    name: "C7: a long download reads by the manifest that a compaction exchanges",
    mutation: "at_once",
    grace_days: 30,
    async play(world) {
      await shrunk(world);
      const download = await begin(world, world.download(world.versions[0]!));
      world.pages = 1_000;
      while (world.compactions.length > 0) await finish(world, world.compact(world.compactions.shift()!));
      await world.stage.advanceTo(download, END);
    },
  },
  {
    name: "G10: two rounds of many slices each, without a grace",
    mutation: "notes",
    grace_days: 0,
    async play(world) {
      world.pages = 1;
      await finish(world, world.upload(null, "a", null));
      for (let tick = 0; tick < 2; tick++) {
        await finish(world, world.collect(null));
        while (world.queue.length > 0) await finish(world, world.collect(world.queue.shift() as NextSlice));
      }
    },
  },
  {
    name: "9: the sweep of uploads crashes before it deletes what it has listed",
    mutation: "expiry",
    grace_days: 30,
    async play(world) {
      const upload = await begin(world, world.upload(null, "a", null));
      await world.stage.advanceTo(upload, "put");
      await world.stage.advance(upload);
      world.stage.end(upload);
      world.drive.now += 2 * DAY;
      const sweep = await begin(world, world.expire());
      await world.stage.advanceTo(sweep, "delete");
      world.stage.end(sweep);
    },
  },
  {
    name: "11: a round that has read the contents is left behind by a clock that was ahead, then a version is purged",
    mutation: null,
    grace_days: 30,
    async play(world) {
      await finish(world, world.upload(null, "ab", null));
      const base = world.versions[0]!;
      await finish(world, world.upload(null, "a", base));
      world.skew = SKEW;
      await finish(world, world.collect(null));
      await finish(world, world.purge(base));
    },
  },
];

/** @throws what went wrong */
export async function playScene({ grace_days, play }: Scene, mutation: Mutation | null): Promise<void> {
  vi.stubGlobal("crypto", seededCrypto(1));
  const world = new World(mutation, grace_days);
  await play(world);
  await world.check();
  await settle(world);
}
