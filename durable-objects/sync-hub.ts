/**
 * The hub of one drive, a thin shell over `core/sync/hub.ts`: gives it the drive's store, tells the drive's devices
 * over hibernating WebSockets, and wakes the consumers of its journal. Rules: docs/spec/sync.md.
 */
import { DurableObject } from "cloudflare:workers";
import type { Wake } from "../core/events/wake.ts";
import type { JournalRow } from "../core/files/model.ts";
import { newId, tenantOf } from "../core/protocol/ids.ts";
import type { Result, Submission } from "../core/sync/commands.ts";
import { boundedStore } from "../core/sync/bounded-store.ts";
import { Hub } from "../core/sync/hub.ts";
import { Outbox, type Range } from "../core/sync/outbox.ts";
import type { Left } from "../core/sync/ports.ts";
import { ToldDrives } from "../core/sync/told.ts";
import { readConfig, shardBindings } from "../platform/config.ts";
import { D1DriveStore } from "../platform/d1/shard/drive-store.ts";
import { lastSeqs } from "../platform/d1/shard/journal-store.ts";
import { hasPeople, peopleOf } from "../platform/d1/shard/people-store.ts";
import { ShardMap } from "../platform/d1/shard-map.ts";
import { HubSockets } from "./hub-sockets.ts";

export interface SyncHubEnv {
  DIRECTORY: D1Database;
  FILE_EVENTS: Queue;
  SYNC_HUB: DurableObjectNamespace<SyncHub>;
  /** What drops cached answers of links; typed by what is used of it, for the Worker is a layer above. */
  PUBLIC_LINKS: { purgeFiles(file_ids: string[]): Promise<void> };
}

/** After these, what a link showed of a file is no longer true. */
const OUTDATES_LINKS: ReadonlySet<JournalRow["op"]> = new Set([
  "modified",
  "updated",
  "trashed",
  "untrashed",
  "purged",
  "unshared",
]);

/** Packs named by one wake: a message has 128 KB at most. */
const PACKS_MAX = 1000;

/** The key of the drive's id in the object's storage: an alarm brings none. */
const DRIVE = "drive_id";

export class SyncHub extends DurableObject<SyncHubEnv> {
  readonly #shards: ShardMap;
  readonly #sockets: HubSockets;
  /** There before anything is asked of the object. */
  #outbox!: Outbox;
  /** What it hears of the drives of others. */
  readonly #told = new ToldDrives(Date.now());
  #hub: Hub | null = null;
  /** Known when it was asked of something, or left in storage by an earlier object. */
  #drive_id: string | null = null;
  /** Whether anybody but its owner sees anything of the drive; null when that was not looked up. */
  #hasPeople: boolean | null = null;
  /** Forgotten after a failed batch, and looked up again. */
  #store: D1DriveStore | null = null;

  constructor(ctx: DurableObjectState, env: SyncHubEnv) {
    super(ctx, env);
    const { SHARDS } = readConfig(env, "SHARDS");
    this.#shards = new ShardMap(env.DIRECTORY, shardBindings(env, SHARDS));
    this.#sockets = new HubSockets(ctx);
    void ctx.blockConcurrencyWhile(async () => {
      this.#outbox = this.#createOutbox(await ctx.storage.getAlarm());
    });
  }

  /** Rights were checked; refusals come back as values, for an RPC keeps only the message of an error. */
  submit(drive_id: string, submission: Submission): Promise<Result> {
    return this.#hubOf(drive_id).submit(submission);
  }

  /** Commands in their order, in one call of the object. */
  submitAll(drive_id: string, submissions: Submission[]): Promise<Result[]> {
    return this.#hubOf(drive_id).submitAll(submissions);
  }

  /** One hub as long as the object lives: two over one drive would trip each other's guards. */
  #hubOf(drive_id: string): Hub {
    this.#drive_id = drive_id;
    this.#hub ??= this.#create(drive_id);
    return this.#hub;
  }

  #create(drive_id: string): Hub {
    const tenant_id = tenantOf(drive_id);
    return new Hub({
      store: boundedStore({
        load: async (needs) => {
          const loading = (await this.#open(drive_id))?.load(needs);
          // Behind the read, which it would hold up: an alarm is kept before what is sent after it.
          this.#outbox.arm();
          return (await loading) ?? null;
        },
        commit: async (writes) => {
          const store = await this.#open(drive_id);
          if (store === null) throw new Error("the tenant is gone");
          await this.#outbox.during(() => store.commit(writes));
        },
      }),
      now: () => Date.now(),
      newId: () => newId(tenant_id, Date.now()),
      announce: (entries, left) => this.#announce(entries, left),
      report: (error) => {
        // The tenant may lie in another shard by now: look again before the next command.
        this.#store = null;
        console.error({ message: "a batch failed", drive_id, error: String(error) });
      },
    });
  }

  async #open(drive_id: string): Promise<D1DriveStore | null> {
    if (this.#store !== null) return this.#store;
    const tenant_id = tenantOf(drive_id);
    const place = await this.#shards.find(tenant_id);
    if (place !== null) this.#store = new D1DriveStore(place.db, tenant_id, drive_id);
    return this.#store;
  }

  #announce(entries: JournalRow[], { due, unverified, packs }: Left): void {
    const last = entries.at(-1) as JournalRow;
    const { tenant_id, drive_id, seq } = last;
    this.#sockets.tell(drive_id, seq, entries);
    if (entries.some(({ op }) => op === "shared")) this.#hasPeople = true;
    const first = packs.slice(0, PACKS_MAX);
    const wake: Wake = { tenant_id, drive_id, seq, due };
    const wakes = [{ ...wake, ...(unverified ? { unverified } : {}), ...(first.length > 0 ? { packs: first } : {}) }];
    for (let at = PACKS_MAX; at < packs.length; at += PACKS_MAX)
      wakes.push({ ...wake, due: [], packs: packs.slice(at, at + PACKS_MAX) });
    this.ctx.waitUntil(this.#outbox.put(entries, wakes));
    const outdated = entries.filter((entry) => OUTDATES_LINKS.has(entry.op)).map((entry) => entry.file_id);
    if (outdated.length === 0) return;
    // It may be lost: a cached answer has its age.
    const purged = this.env.PUBLIC_LINKS.purgeFiles(outdated).catch((error: unknown) =>
      console.warn({ message: "links were not purged", drive_id, seq, error: String(error) }),
    );
    this.ctx.waitUntil(purged);
  }

  #createOutbox(left: number | null): Outbox {
    return new Outbox(
      {
        setAlarm: (at) => {
          const { kv } = this.ctx.storage;
          if (kv.get(DRIVE) !== this.#drive_id) kv.put(DRIVE, this.#drive_id);
          void this.ctx.storage.setAlarm(at);
        },
        send: async (wake) => void (await this.env.FILE_EVENTS.send(wake)),
        newest: async () => {
          const drive_id = this.#drive_id;
          if (drive_id === null) return null;
          const tenant_id = tenantOf(drive_id);
          const place = await this.#shards.find(tenant_id);
          const seq = place === null ? undefined : (await lastSeqs(place.db, [drive_id])).get(drive_id);
          return seq === undefined ? null : { tenant_id, drive_id, seq, unverified: true };
        },
        people: (range) => this.#people(range),
        tell: async (user_id, seq) => {
          const drive_id = this.#drive_id as string;
          await this.env.SYNC_HUB.get(this.env.SYNC_HUB.idFromName(user_id)).tell(drive_id, seq, false);
        },
        now: () => Date.now(),
        report: (error) =>
          console.warn({
            message: "not everybody was told; the alarm will",
            drive_id: this.#drive_id,
            error: String(error),
          }),
      },
      left,
    );
  }

  /** Most drives are nobody's but their owner's: that is looked up once. */
  async #people(range: Range): Promise<string[]> {
    const drive_id = this.#drive_id as string;
    const tenant_id = tenantOf(drive_id);
    const place = await this.#shards.find(tenant_id);
    if (place === null) return [];
    this.#hasPeople ??= await hasPeople(place.db, tenant_id, drive_id);
    return this.#hasPeople ? peopleOf(place.db, tenant_id, drive_id, range) : [];
  }

  override async alarm(): Promise<void> {
    this.#drive_id ??= this.ctx.storage.kv.get<string>(DRIVE) ?? null;
    await this.#outbox.alarm();
  }

  /**
   * A drive of others that this person sees has moved. Called by its hub, and by who wrote down what they can see there.
   * @param isNoted what they see is another than before: whoever has looked too early must look again
   */
  tell(drive_id: string, seq: number, isNoted: boolean): void {
    if (this.#told.tell(drive_id, seq, Date.now()) || isNoted) this.#sockets.tell(drive_id, seq, []);
  }

  /** Newest numbers of drives of others; null for who looked before they were remembered. */
  told(looked_at: number): Record<string, number> | null {
    return this.#told.behind(looked_at);
  }

  /** The upgrade of a device that the API has authenticated. */
  override async fetch(request: Request): Promise<Response> {
    return this.#sockets.accept(request);
  }

  /** Close frames are answered, else the device sees 1006. */
  override webSocketClose(socket: WebSocket, code: number): void {
    socket.close(code === 1005 || code === 1006 ? 1000 : code);
  }

  override webSocketMessage(): void {
    // Devices speak HTTP; the heartbeat is answered before it gets here.
  }

  /** Signs out: the sockets of these sign-in sessions end at once. */
  signOut(session_ids: string[]): void {
    this.#sockets.signOut(session_ids);
  }

  /** Its drive is gone: all sockets end, and nothing is kept. */
  async erase(): Promise<void> {
    this.#sockets.closeAll();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
  }

  /** For readiness: the hub runs and has its storage. */
  async ping(): Promise<true> {
    await this.ctx.storage.get("ping");
    return true;
  }
}
