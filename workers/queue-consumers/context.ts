/** Wires the dependencies once for each isolate. */
import type { EventHandler } from "../../core/events/ports.ts";
import type { ConsumerName, Wake } from "../../core/events/wake.ts";
import type { KeyDeps } from "../../core/keys/tenant-key.ts";
import { copyJobs } from "../../core/replica/jobs.ts";
import type { Sides } from "../../core/replica/ports.ts";
import type { Engine } from "../../core/storage/engine.ts";
import { withArchives } from "../../platform/archived-objects.ts";
import { Archives } from "../../platform/archives.ts";
import { readConfig, shardBindings } from "../../platform/config.ts";
import { D1StoreRecord } from "../../platform/d1/directory/store-record.ts";
import { ShardMap, type TenantPlace } from "../../platform/d1/shard-map.ts";
import { DerivedStore } from "../../platform/derived/derived-store.ts";
import { createEngine, createKeyDeps } from "../../platform/engine.ts";
import { R2Tombstones } from "../../platform/r2/tombstones.ts";
import { createSides } from "../../platform/r2/stores.ts";
import { R2TierObjects } from "../../platform/r2/tier-objects.ts";
import type { Env } from "./env.ts";
import { sendAll } from "./send.ts";

export class Context {
  readonly env: Env;
  readonly shards: ShardMap;
  readonly engine: Engine;
  readonly keys: KeyDeps;
  readonly archives: Archives;
  readonly tierObjects: R2TierObjects;
  readonly tombstones: R2Tombstones;
  readonly derived: DerivedStore;
  /** Null where there is no replica. */
  readonly sides: Sides | null;
  readonly record: D1StoreRecord;
  readonly now = (): number => Date.now();

  constructor(env: Env) {
    this.env = env;
    const { SHARDS, MASTER_KEYS } = readConfig(env, "SHARDS", "MASTER_KEYS");
    this.shards = new ShardMap(env.DIRECTORY, shardBindings(env, SHARDS));
    this.keys = createKeyDeps(env, this.shards, MASTER_KEYS);
    const engine = createEngine(env, this.shards, MASTER_KEYS);
    this.archives = new Archives(this.shards, engine.keys);
    this.tierObjects = new R2TierObjects(env.BLOBS, engine.objects);
    this.engine = { ...engine, objects: withArchives(engine.objects, this.archives) };
    this.record = new D1StoreRecord(env.DIRECTORY);
    this.sides = createSides(env, this.engine.spare);
    this.tombstones = new R2Tombstones(env.BLOBS);
    this.derived = new DerivedStore(env.DERIVED);
  }

  /** Objects that are new in the primary, by their keys: a queue copies them to the replica. */
  async copyLater(keys: readonly string[]): Promise<void> {
    if (this.sides !== null) await sendAll(this.env.REPLICA, copyJobs(keys));
  }

  hub(drive_id: string) {
    return this.env.SYNC_HUB.get(this.env.SYNC_HUB.idFromName(drive_id));
  }

  queue(consumer: ConsumerName): Queue {
    return { previews: this.env.PREVIEWS, "search-index": this.env.SEARCH, notifications: this.env.NOTIFICATIONS }[
      consumer
    ];
  }

  deadLetters(consumer: ConsumerName): Queue {
    const { PREVIEWS_DEAD, SEARCH_DEAD, NOTIFICATIONS_DEAD } = this.env;
    return { previews: PREVIEWS_DEAD, "search-index": SEARCH_DEAD, notifications: NOTIFICATIONS_DEAD }[consumer];
  }
}

/** Makes the handler of one run over one drive. `budget` is shared by the runs of one batch. */
export type HandlerOf = (context: Context, place: TenantPlace, wake: Wake, budget: Budget) => EventHandler;

/** Costly pieces of work that one invocation may still do: keeps it within its CPU time. */
export class Budget {
  #left: number;

  constructor(left: number) {
    this.#left = left;
  }

  get isSpent(): boolean {
    return this.#left <= 0;
  }

  spend(pieces = 1): void {
    this.#left -= pieces;
  }
}

const contexts = new WeakMap<object, Context>();

export function contextOf(env: Env): Context {
  const known = contexts.get(env);
  if (known !== undefined) return known;
  const context = new Context(env);
  contexts.set(env, context);
  return context;
}
