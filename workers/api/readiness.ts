import type { MasterCheck } from "../../core/keys/master-check.ts";
import { withDeadline } from "../../core/storage/deadline.ts";
import type { Env } from "./env.ts";
import { SharedRead } from "./shared-read.ts";

/** A dependency that has not answered by then counts as down. Milliseconds, as below. */
const PATIENCE = 2_000;
/** The address is public and not limited: a crowd that asks costs one look at each dependency in this time. */
const KEEP = 2_000;
/** Of whoever waits for another's look: longer than the look itself may take. */
const PATIENCE_OF_ALL = 2_500;

const STORE_PATIENCE = 1_500;
const WELL = 60_000;

type Checks = Record<string, () => Promise<unknown>>;

const checksOf = (env: Env, shards: ReadonlyMap<string, D1Database>, masters: MasterCheck): Checks => ({
  directory: () => env.DIRECTORY.prepare("select 1 from shards limit 1").first(),
  // Either serves: docs/spec/replica.md, RP3 and RP6.
  blobs: () => Promise.any([env.BLOBS, env.BLOBS_REPLICA].flatMap((bucket) => bucket?.head("readyz") ?? [])),
  derived: () => env.DERIVED.head("readyz"),
  master_keys: masterKeys(masters),
  queue: () => env.FILE_EVENTS.metrics(),
  hub: () => env.SYNC_HUB.get(env.SYNC_HUB.idFromName("readyz")).ping(),
  ...Object.fromEntries(
    [...shards].map(([name, db]) => [name.toLowerCase(), () => db.prepare("select 1 from tenants limit 1").first()]),
  ),
});

/** A list of the store, the dearer kind of call: what is well is believed for a minute. A store that fails names itself. */
function masterKeys(masters: MasterCheck): () => Promise<void> {
  let well_until = 0;
  return async () => {
    if (Date.now() < well_until) return;
    const problems = await withDeadline(masters.problems(), STORE_PATIENCE).catch(() => []);
    if (problems.length > 0) throw new Error(problems.join(" "));
    well_until = Date.now() + WELL;
  };
}

/** Names what did not answer, never why: the address is public. */
async function failing(checks: Checks): Promise<string[]> {
  const late = (): Promise<never> => new Promise((_, reject) => setTimeout(() => reject(new Error("late")), PATIENCE));
  const results = await Promise.all(
    Object.entries(checks).map(async ([name, check]) => {
      try {
        await Promise.race([check(), late()]);
        return null;
      } catch (error) {
        console.error({ message: "a dependency does not answer", dependency: name, error: String(error) });
        return name;
      }
    }),
  );
  return results.filter((name) => name !== null);
}

/** What does not answer, as of two seconds ago at most. One an isolate. */
export class Readiness {
  readonly #look: SharedRead<string[]>;
  #known: { failing: string[]; until: number } = { failing: [], until: 0 };

  constructor(env: Env, shards: ReadonlyMap<string, D1Database>, masters: MasterCheck) {
    const checks = checksOf(env, shards, masters);
    this.#look = new SharedRead(() => failing(checks), PATIENCE_OF_ALL);
  }

  async failing(): Promise<string[]> {
    if (Date.now() >= this.#known.until) this.#known = { failing: await this.#look.get(), until: Date.now() + KEEP };
    return this.#known.failing;
  }
}
