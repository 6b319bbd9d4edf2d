/**
 * The hub of one drive, a thin shell over `core/sync/hub.ts`: gives it the drive's store, tells the drive's devices
 * over hibernating WebSockets, and wakes the consumers of its journal. Rules: docs/spec/sync.md.
 */
import { DurableObject } from "cloudflare:workers";
import type { Wake } from "../core/events/wake.ts";
import type { JournalRow } from "../core/files/model.ts";
import { newId, tenantOf } from "../core/protocol/ids.ts";
import { SOCKET_PROTOCOL, type SocketMessage } from "../core/protocol/sync.ts";
import type { Result, Submission } from "../core/sync/commands.ts";
import { boundedStore } from "../core/sync/bounded-store.ts";
import { Hub } from "../core/sync/hub.ts";
import type { Left } from "../core/sync/ports.ts";
import { ToldDrives } from "../core/sync/told.ts";
import { readConfig, shardBindings } from "../platform/config.ts";
import { D1DriveStore } from "../platform/d1/shard/drive-store.ts";
import { ShardMap } from "../platform/d1/shard-map.ts";

export interface SyncHubEnv {
  DIRECTORY: D1Database;
  FILE_EVENTS: Queue;
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

/** Who a socket belongs to: kept through hibernation. */
interface Attachment {
  session_id: string;
  device_id: string;
}

/** Changes that ride along with a wake; beyond it the device reads the journal. */
const INLINE_MAX = 20;

/** Packs named by one wake: a message has 128 KB at most. */
const PACKS_MAX = 1000;

export class SyncHub extends DurableObject<SyncHubEnv> {
  readonly #shards: ShardMap;
  /** What it hears of the drives of others. */
  readonly #told = new ToldDrives(Date.now());
  #hub: Hub | null = null;
  /** Forgotten after a failed batch, and looked up again. */
  #store: D1DriveStore | null = null;

  constructor(ctx: DurableObjectState, env: SyncHubEnv) {
    super(ctx, env);
    const { SHARDS } = readConfig(env, "SHARDS");
    this.#shards = new ShardMap(env.DIRECTORY, shardBindings(env, SHARDS));
    // Answered by the runtime: an idle hub sleeps through its devices' heartbeats.
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
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
    this.#hub ??= this.#create(drive_id);
    return this.#hub;
  }

  #create(drive_id: string): Hub {
    const tenant_id = tenantOf(drive_id);
    return new Hub({
      store: boundedStore({
        load: async (needs) => (await this.#open(drive_id))?.load(needs) ?? null,
        commit: async (writes) => {
          const store = await this.#open(drive_id);
          if (store === null) throw new Error("the tenant is gone");
          await store.commit(writes);
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

  /** All of it may be lost: a device has its cursor, a consumer its mark in the journal, a cached answer its age. */
  #announce(entries: JournalRow[], { due, unverified, packs }: Left): void {
    const last = entries.at(-1) as JournalRow;
    const { tenant_id, drive_id, seq } = last;
    const changes =
      entries.length > INLINE_MAX ? undefined : entries.map(({ seq, file_id, op }) => ({ seq, file_id, op }));
    this.#broadcast({ type: "changes", drive_id, seq, changes });
    const first = packs.slice(0, PACKS_MAX);
    const wake: Wake = { tenant_id, drive_id, seq, due };
    this.#send({ ...wake, ...(unverified ? { unverified } : {}), ...(first.length > 0 ? { packs: first } : {}) });
    for (let at = PACKS_MAX; at < packs.length; at += PACKS_MAX)
      this.#send({ ...wake, due: [], packs: packs.slice(at, at + PACKS_MAX) });
    const outdated = entries.filter((entry) => OUTDATES_LINKS.has(entry.op)).map((entry) => entry.file_id);
    if (outdated.length === 0) return;
    const purged = this.env.PUBLIC_LINKS.purgeFiles(outdated).catch((error: unknown) =>
      console.warn({ message: "links were not purged", drive_id, seq, error: String(error) }),
    );
    this.ctx.waitUntil(purged);
  }

  /**
   * A drive of others that this person sees has moved. Called by its hub, and by who wrote down what they can see there.
   * @param isNoted what they see is another than before: whoever has looked too early must look again
   */
  tell(drive_id: string, seq: number, isNoted: boolean): void {
    if (this.#told.tell(drive_id, seq, Date.now()) || isNoted) this.#broadcast({ type: "changes", drive_id, seq });
  }

  /** Newest numbers of drives of others; null for who looked before they were remembered. */
  told(looked_at: number): Record<string, number> | null {
    return this.#told.behind(looked_at);
  }

  #send(wake: Wake): void {
    const { drive_id, seq } = wake;
    const sent = this.env.FILE_EVENTS.send(wake).catch((error: unknown) =>
      console.warn({ message: "a wake was not queued; the sweep will", drive_id, seq, error: String(error) }),
    );
    this.ctx.waitUntil(sent);
  }

  #broadcast(message: SocketMessage): void {
    const text = JSON.stringify(message);
    for (const socket of this.ctx.getWebSockets()) {
      try {
        socket.send(text);
      } catch {
        // It is closing: its device will come back with its cursor.
      }
    }
  }

  /** The upgrade of a device that the API has authenticated. */
  override async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const attachment: Attachment = {
      session_id: url.searchParams.get("session_id") ?? "",
      device_id: url.searchParams.get("device_id") ?? "",
    };
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server, [attachment.session_id]);
    server.serializeAttachment(attachment);
    const offered = request.headers.get("sec-websocket-protocol") ?? "";
    const headers = offered.includes(SOCKET_PROTOCOL) ? { "sec-websocket-protocol": SOCKET_PROTOCOL } : undefined;
    return new Response(null, { status: 101, webSocket: client, headers });
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
    for (const id of session_ids)
      for (const socket of this.ctx.getWebSockets(id)) {
        try {
          socket.send(JSON.stringify({ type: "signed_out" } satisfies SocketMessage));
          socket.close(4001, "signed out");
        } catch {
          // It is closing already; the others must hear it all the same.
        }
      }
  }

  /** Its drive is gone: all sockets end, and nothing is kept. */
  async erase(): Promise<void> {
    for (const socket of this.ctx.getWebSockets()) socket.close(4001, "signed out");
    await this.ctx.storage.deleteAll();
  }

  /** For readiness: the hub runs and has its storage. */
  async ping(): Promise<true> {
    await this.ctx.storage.get("ping");
    return true;
  }
}
