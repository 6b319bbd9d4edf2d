/** Tombstones against the databases, each five minutes: some may have been set back. docs/spec/durability.md, BK17. */
import { endErased, eraseAgain, returned } from "../../platform/d1/directory/stay-erased.ts";
import type { Context } from "./context.ts";

/** Longer than any backup of the directory is kept (BK12). Milliseconds. */
const KEPT = 100 * 24 * 60 * 60_000;
/** Numbers of one statement. */
const PAGE = 10_000;

export async function keepErased(context: Context): Promise<void> {
  const { env, tombstones, shards, now } = context;
  const all = [...(await tombstones.all())];
  const old = all.filter(([, at]) => now() - at > KEPT).map(([tenant_id]) => tenant_id);
  const ids = all.map(([tenant_id]) => tenant_id);
  for (let at = 0; at < ids.length; at += PAGE) {
    const some = ids.slice(at, at + PAGE);
    if (await endErased(env.DIRECTORY, some, now()))
      console.error({ message: "the directory had accounts again that were erased" });
    for (const [shard, db] of shards.shards)
      await eraseAgain(env.DIRECTORY, shard, await returned(env.DIRECTORY, shard, db, some));
  }
  await tombstones.forget(old);
}
