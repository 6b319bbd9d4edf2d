/** A user whose requests are counted: what they ask of D1 (the drive's hub included) and of R2. */
import type { Submission } from "../../../core/sync/commands.ts";
import { newId, tenantOf } from "../../../core/protocol/ids.ts";
import { Hub } from "../../../core/sync/hub.ts";
import { D1DriveStore } from "../../../platform/d1/shard/drive-store.ts";
import { apiEnv, shardOf, User, withVars } from "./api.ts";
import { WatchedD1 } from "./watched-d1.ts";
import { type Calls, WatchedR2 } from "./watched-r2.ts";

export interface Counts extends Calls {
  /** Round trips to the shard: of one statement, or of a batch. */
  d1_calls: number;
  rows_written: number;
}

export class CountedUser {
  readonly user: User;
  readonly #shard: WatchedD1;
  readonly #bucket = new WatchedR2(apiEnv.BLOBS);

  private constructor(user: User, shard: D1Database) {
    this.#shard = new WatchedD1(shard);
    const shards = Object.fromEntries(
      apiEnv.SHARDS.split(",").map((name) => [name, apiEnv[name] === shard ? this.#shard.db : apiEnv[name]]),
    );
    const hub = this.#hub(user.id);
    const SYNC_HUB = { idFromName: (name: string) => name, get: () => hub };
    this.user = new User(user.signedIn, withVars({ ...shards, SYNC_HUB, BLOBS: this.#bucket.bucket }));
  }

  static async of(user: User): Promise<CountedUser> {
    return new CountedUser(user, await shardOf(user.id));
  }

  /** The drive's hub in this isolate, over the database that is watched. */
  #hub(drive_id: string) {
    const tenant_id = tenantOf(drive_id);
    const hub = new Hub({
      store: new D1DriveStore(this.#shard.db, tenant_id, drive_id),
      now: () => Date.now(),
      newId: () => newId(tenant_id, Date.now()),
      announce: () => undefined,
      report: (error) => console.error(error),
    });
    return {
      submit: (_drive: string, submission: Submission) => hub.submit(submission),
      submitAll: (_drive: string, submissions: Submission[]) => hub.submitAll(submissions),
    };
  }

  async count(work: (user: User) => Promise<unknown>): Promise<Counts> {
    const calls = this.#shard.calls;
    let rows_written = 0;
    const { class_a, class_b } = await this.#bucket.count(async () => {
      rows_written = (await this.#shard.count(() => work(this.user))).written;
    });
    return { d1_calls: this.#shard.calls - calls, rows_written, class_a, class_b };
  }
}
