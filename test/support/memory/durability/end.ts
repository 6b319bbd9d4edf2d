/** What is left of a world when all is over. */
import type { ContentRow } from "../../../../core/files/model.ts";
import type { NextCompaction } from "../../../../core/compaction/compact.ts";
import { parseText } from "../../../../core/manifests/root.ts";
import { packKey } from "../../../../core/packs/format.ts";
import { TENANT } from "../drive.ts";
import { type World } from "./world.ts";
import { DAY } from "../../../../core/time.ts";

/**
 * Days until the rounds at the end. Before the first one so many that nothing seems young, whatever clock it is from: no
 * round goes on with another one's state (G11), no pack is left for its age (G7, C2). Then one round each to drop and
 * compact, condemn, delete, and forget.
 */
const SETTLING = [5, 40, 40, 40];

/**
 * All processes end, the clocks are right again, months of days pass, and old masters are retired: no garbage is left,
 * nothing is missing, and every byte is read anew.
 */
export async function settle(world: World): Promise<void> {
  const turn = async (): Promise<void> => undefined;
  world.skew = 0;
  for (const days of SETTLING) {
    world.drive.now += days * DAY;
    await world.expire(turn);
    await world.round();
    await world.compact(null, turn);
    while (world.compactions.length > 0) await world.compact(world.compactions.shift() as NextCompaction, turn);
  }
  await world.keys.retire();
  world.forgetReads();
  await world.check();
  const { contents, packs, uploads } = world.drive.store.state;
  const living = new Set(world.versions.map(({ content_id }) => content_id));
  const needed: string[] = [];
  for (const id of living) needed.push(...(await parseText((contents.get(id) as ContentRow).manifest)).packs);
  same("contents", contents.keys(), living);
  same("packs", packs.keys(), needed);
  same(
    "states",
    [...packs.values()].map(({ state }) => state),
    packs.size > 0 ? ["live"] : [],
  );
  same(
    "objects",
    [...world.objects.all.keys(), ...world.objects.archive.objects.keys()],
    needed.map((pack_id) => packKey(TENANT, pack_id)),
  );
  same("uploads", uploads.keys(), []);
}

function same(what: string, found: Iterable<string>, wanted: Iterable<string>): void {
  const [a, b] = [found, wanted].map((ids) => [...new Set(ids)].toSorted().join());
  if (a !== b) throw new Error(`${what} are left: ${a}; needed: ${b}`);
}
