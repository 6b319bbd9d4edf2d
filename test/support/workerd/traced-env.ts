/**
 * The API's bindings, each of which notes what is asked of it, one behind the other: statements, calls of objects and of
 * R2, without ids and bytes. The hub runs here, over the same databases, so its statements are among them.
 */
import { env } from "cloudflare:workers";
import { newId, tenantOf } from "../../../core/protocol/ids.ts";
import type { Submission } from "../../../core/sync/commands.ts";
import { Hub } from "../../../core/sync/hub.ts";
import { D1DriveStore } from "../../../platform/d1/shard/drive-store.ts";
import type { Env } from "../../../workers/api/env.ts";
import { apiEnv } from "./api.ts";

type Bound = Record<string, (...args: unknown[]) => unknown>;

/** Functions of a binding by name; they keep their `this`. */
const traced = <T extends object>(target: T, tell: (method: string, args: unknown[]) => void): T =>
  new Proxy(target, {
    get(object, method) {
      const value = (object as unknown as Bound)[method as string];
      if (typeof value !== "function") return value;
      return (...args: unknown[]) => {
        tell(String(method), args);
        return value.apply(object, args);
      };
    },
  });

export class TracedEnv {
  readonly env: Env;
  /** @param shard the database of the tenant's drives */
  readonly shard: D1Database;
  #trace: string[] = [];

  constructor(shardName: string) {
    const note =
      (name: string) =>
      (method: string, args: unknown[]): void =>
        void this.#trace.push(`${name}.${method}${method === "prepare" ? ` ${String(args[0]).trim()}` : ""}`);
    const database = (name: string): D1Database => traced(apiEnv[name] as D1Database, note(name));
    this.shard = database(shardName);
    const objects = (name: "RATE_BUDGET") => {
      const namespace = apiEnv[name];
      return {
        idFromName: (id: string) => namespace.idFromName(id),
        get: (id: DurableObjectId) => traced(namespace.get(id as never), note(name)),
      };
    };
    const hubs = new Map<string, Hub>();
    const hubOf = (drive_id: string): Hub => {
      const tenant = tenantOf(drive_id);
      const hub =
        hubs.get(drive_id) ??
        new Hub({
          store: new D1DriveStore(this.shard, tenant, drive_id),
          now: () => Date.now(),
          newId: () => newId(tenant, Date.now()),
          announce: (entries, unverified) => note("FILE_EVENTS")(`send ${entries.length} ${unverified}`, []),
          report: (error) => console.error(error),
        });
      hubs.set(drive_id, hub);
      return hub;
    };
    const submit = (drive_id: string, submission: Submission) => {
      note("SYNC_HUB")(submission.command.op, []);
      return hubOf(drive_id).submit(submission);
    };
    this.env = {
      ...(env as unknown as Env),
      DIRECTORY: database("DIRECTORY"),
      [shardName]: this.shard,
      BLOBS: traced(apiEnv.BLOBS, note("BLOBS")),
      RATE_BUDGET: objects("RATE_BUDGET"),
      SYNC_HUB: { idFromName: (name: string) => name, get: () => ({ submit }) },
    } as unknown as Env;
  }

  /** What `work` asks of the bindings, in order. */
  async trace(work: () => Promise<unknown>): Promise<string[]> {
    this.#trace = [];
    await work();
    return this.#trace;
  }
}
