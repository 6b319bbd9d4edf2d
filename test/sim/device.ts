/** A device of a simulation: a disk, a person at it, the engine, and the network to the server. */
import { NetworkError } from "../../client/errors.ts";
import { Engine, type Outcome } from "../../client/sync/engine.ts";
import {
  type ChangeAnswer,
  DiskError,
  type OutgoingChange,
  type OutgoingPut,
  type Problem,
  type Remote,
  type SyncEvent,
} from "../../client/sync/ports.ts";
import { type DiskHabits, MemoryDisk } from "../support/memory/disk.ts";
import { MemoryStateStore } from "../support/memory/state-store.ts";
import type { Seeded } from "./random.ts";
import { type Caller, hashOf, type SimServer } from "./server.ts";

/** The process is gone; nothing after it happens. */
export class Crash extends Error {}

/** What goes wrong during a step: chances by call. */
export interface Faults {
  random: Seeded;
  /** Of an answer or a request that is lost, comes later or twice. */
  network: number;
  /** Something happens between two calls. */
  meanwhile: number;
  interrupt(device: Device): Promise<void>;
  /** Calls until the process is gone; null: it stays. */
  crashAfter: number | null;
}

const lost = (): NetworkError => new NetworkError(new Error("lost"));

export class Device {
  readonly caller: Caller;
  readonly disk: MemoryDisk;
  readonly store = new MemoryStateStore();
  readonly server: SimServer;
  /** Deliveries that the network still holds. */
  readonly late: { request(): Promise<unknown>; trashes: readonly string[] }[] = [];
  problems: readonly Problem[] = [];
  events: SyncEvent[] = [];
  /** Where something was changed since the last round: what a watcher tells. */
  changed: string[] = [];
  engine: Engine | null = null;
  faults: Faults | null = null;
  wall = 1_000_000;
  steady = 0;
  #tokens = 0;
  #isDead = false;

  constructor(server: SimServer, user_id: string, name: string, habits: Partial<DiskHabits>) {
    this.server = server;
    this.caller = { user_id, device_id: `${name}-id`, device_name: name };
    this.disk = new MemoryDisk(habits, () => this.wall);
    this.disk.hook = (call) => this.#between(call);
    this.disk.tear = (bytes) => (this.faults?.crashAfter === 1 ? bytes.length >> 1 : bytes.length);
    this.store.hook = () => this.#between("store");
  }

  async #between(_call: string): Promise<void> {
    if (this.#isDead) throw new Crash();
    const { faults } = this;
    if (faults === null) return;
    if (faults.crashAfter !== null && --faults.crashAfter <= 0) {
      this.#isDead = true;
      throw new Crash();
    }
    if (faults.random.chance(faults.meanwhile)) {
      // What happens meanwhile is not disturbed itself.
      this.faults = null;
      await faults.interrupt(this);
      this.faults = faults;
    }
  }

  /** One round, as far as it comes. Null: the process is gone. */
  async sync(faults: Faults | null, paths: readonly string[] | null): Promise<Outcome | null> {
    this.faults = faults;
    this.#isDead = false;
    try {
      this.engine ??= await Engine.open(this.#ports());
      this.engine.confirmDeletions();
      return await this.engine.sync(paths);
    } catch (error) {
      this.engine = null;
      if (error instanceof NetworkError) return { state: "offline", error };
      // It cannot even be paired.
      if (error instanceof DiskError) return null;
      if (!(error instanceof Crash)) throw error;
      return null;
    } finally {
      this.faults = null;
      this.#isDead = false;
    }
  }

  #ports() {
    return {
      disk: this.disk,
      remote: this.#remote(),
      store: this.store,
      clock: { now: () => this.wall, steady: () => this.steady, sleep: () => Promise.resolve() },
      random: { next: () => 0.5, token: () => `${this.caller.device_name}-${(this.#tokens += 1)}` },
      report: {
        progress: () => undefined,
        event: (event: SyncEvent) => void this.events.push(event),
        problems: (problems: readonly Problem[]) => void (this.problems = problems),
      },
      newHasher: () => {
        let all = "";
        return { update: (bytes: Uint8Array) => void (all += hashOf(bytes)), digest: () => all };
      },
    };
  }

  /** A request that may be lost, delayed, doubled, or unanswered. */
  async #send<T>(request: () => Promise<T>, trashes: readonly string[] = []): Promise<T> {
    await this.#between("request");
    const { faults } = this;
    const kind = faults !== null && faults.random.chance(faults.network) ? faults.random.below(4) : null;
    if (kind === 0) throw lost();
    if (kind === 1) {
      this.late.push({ request, trashes });
      throw lost();
    }
    if (kind === 2) this.late.push({ request, trashes });
    const answer = await request();
    await this.#between("answer");
    if (kind === 3) throw lost();
    return answer;
  }

  #remote(): Remote {
    const { server, caller } = this;
    const { user_id, device_id } = caller;
    const delta = (changes: readonly OutgoingChange[]): Promise<ChangeAnswer[]> => {
      const copy = structuredClone(
        changes.map((change) => ({
          ...change,
          ...("content" in change && { content: { ...change.content, read: null } }),
        })),
      ) as never;
      const trashes = changes.flatMap(({ change }) => (change.op === "trash" ? [change.file_id] : []));
      return this.#send(() => server.delta(caller, copy), trashes);
    };
    const one = async <T>(read: () => T): Promise<T> => this.#send(async () => read());
    return {
      me: () => one(() => ({ user_id, device_id, drive_id: user_id, root_id: user_id })),
      changes: (cursor) => one(() => server.changes(caller, cursor)),
      snapshot: (folder_id) => {
        const all = one(() => [...server.snapshot(caller, folder_id)]);
        return (async function* () {
          yield* await all;
        })();
      },
      delta,
      upload: async (put: OutgoingPut) => (await delta([put]))[0]!,
      download_small: async function* (items) {
        const all = await one(() =>
          items.map(({ file_id, version_id }) => {
            try {
              return server.download(caller, file_id, version_id);
            } catch {
              return null;
            }
          }),
        );
        for (const [index, bytes] of all.entries()) if (bytes !== null) yield { index, bytes };
      },
      download: async (file_id, version_id, offset) => {
        const bytes = await one(() => server.download(caller, file_id, version_id));
        const isCut = this.faults !== null && this.faults.random.chance(this.faults.network);
        return (async function* () {
          const half = offset + ((bytes.length - offset) >> 1);
          yield bytes.slice(offset, half);
          if (isCut) throw lost();
          yield bytes.slice(half);
        })();
      },
    };
  }
}
