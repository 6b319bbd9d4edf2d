/** Makes a folder and the drives that a person sees the same: docs/spec/sync-client.md, EX1 to EX6, BR1 to BR4. */
import { ApiError, NetworkError } from "../errors.ts";
import { checkRoot, massDeletion, pair, type Stop } from "./brakes.ts";
import { type Hasher, hashFile, pureHasher } from "./content.ts";
import type { Context } from "./context.ts";
import { Holds, isLater, problemOf } from "./holds.ts";
import { IGNORE_FILE, IgnoreRules, type Selection } from "./ignore.ts";
import { scan } from "./local/scan.ts";
import { type Plan, plan, type Rules } from "./plan/index.ts";
import {
  type Clock,
  type Disk,
  DiskError,
  type Problem,
  type Random,
  type Remote,
  type Reporter,
  type StateStore,
} from "./ports.ts";
import { pull } from "./pull.ts";
import { Receiver } from "./receive.ts";
import { resolveUnderway } from "./resume.ts";
import { Sender } from "./send.ts";
import { type Me, SyncState } from "./state.ts";
import { Transfers } from "./transfers.ts";

export interface EnginePorts {
  disk: Disk;
  remote: Remote;
  store: StateStore;
  clock: Clock;
  random: Random;
  report: Reporter;
  /** A faster one than the pure one. */
  newHasher?: () => Hasher;
}

export interface EngineOptions {
  selection?: Selection;
}

/** How a round ended. */
export type Outcome =
  /** All is the same on both sides, but for problems that were reported. `again_ms`: when to look once more; null: when something happens. */
  | { state: "in_sync" | "waiting"; again_ms: number | null }
  /** No answer, or the server has no time. */
  | { state: "offline"; error: ApiError | NetworkError }
  | { state: "stopped"; stop: Stop }
  | { state: "paused" };

/** Plans of one round: more than that is a fault of ours, and is told. */
const PASSES_MAX = 1_000;

const ME = "me";
const PAIRING = "pairing";

export class Engine {
  readonly #context: Context;
  readonly #sender: Sender;
  readonly #receiver: Receiver;
  readonly #selection: Selection;
  readonly #rescans = new Set<string>();
  #rules: IgnoreRules;
  #ignoreSeen = "";
  #pause = new AbortController();
  #mayDelete = false;
  #isStarted = false;

  private constructor(ports: EnginePorts, state: SyncState, options: EngineOptions) {
    this.#selection = options.selection ?? { include: [], exclude: [] };
    this.#rules = new IgnoreRules("", this.#selection);
    this.#context = {
      ...ports,
      state,
      transfers: new Transfers(ports.report),
      holds: new Holds(ports.clock),
      newHasher: ports.newHasher ?? pureHasher,
      signal: () => this.#pause.signal,
      rescan: (path) => void this.#rescans.add(path),
    };
    this.#sender = new Sender(this.#context);
    this.#receiver = new Receiver(this.#context);
  }

  /** With what was saved; the first time the server must be there to say who we are. @throws ApiError, NetworkError */
  static async open(ports: EnginePorts, options: EngineOptions = {}): Promise<Engine> {
    const saved = await ports.store.load();
    const known = saved.values[ME];
    const me = known === undefined ? await ports.remote.me() : (JSON.parse(known) as Me);
    const state = new SyncState(me, ports.store, saved, (name) => ports.disk.key_of(name));
    const engine = new Engine(ports, state, options);
    if (known === undefined) {
      const pairing = ports.random.token();
      await pair(ports.disk, pairing);
      await state.write({ values: { [ME]: JSON.stringify(me), [PAIRING]: pairing } });
    }
    return engine;
  }

  /** What a person allowed: the next round may delete as much as it plans to (BR2). */
  confirmDeletions(): void {
    this.#mayDelete = true;
  }

  /** Ends what is under way at once; {@link resume} takes it up again (BR4). */
  pause(): void {
    this.#pause.abort();
  }

  resume(): void {
    if (this.#pause.signal.aborted) this.#pause = new AbortController();
  }

  /** Until nothing is left to do now. @param paths where the disk changed; null: anywhere */
  async sync(paths: readonly string[] | null): Promise<Outcome> {
    if (this.#pause.signal.aborted) return { state: "paused" };
    try {
      return await this.#round(this.#isStarted ? paths : null);
    } catch (error) {
      // What was not looked at to its end is looked at again.
      this.#isStarted = false;
      if (this.#pause.signal.aborted) return { state: "paused" };
      if (error instanceof NetworkError) return { state: "offline", error };
      if (error instanceof ApiError && isLater(error.code)) return { state: "offline", error };
      throw error;
    } finally {
      this.#mayDelete = false;
    }
  }

  async #round(paths: readonly string[] | null): Promise<Outcome> {
    const { disk, state, remote } = this.#context;
    const stop = await checkRoot(disk, state.values.get(PAIRING)!);
    if (stop !== null) return { state: "stopped", stop };
    await pull(remote, state);
    const all = (await this.#readRules()) ? null : paths;
    await this.#scan(all);
    this.#isStarted = true;
    if (state.underway.size > 0) await resolveUnderway(state);
    for (let pass = 0; pass < PASSES_MAX; pass++) {
      this.#pause.signal.throwIfAborted();
      const next = this.#plan();
      const braked = this.#mayDelete ? null : massDeletion(next, state);
      if (braked !== null) return { state: "stopped", stop: braked };
      if (!(await this.#execute(next))) return this.#end(next);
    }
    throw new Error("Planning came to no end.");
  }

  async #scan(paths: readonly string[] | null): Promise<void> {
    const { disk, state } = this.#context;
    await scan(disk, state.local, (path, is_folder) => this.#rules.isIgnored(path, is_folder), paths);
  }

  #plan(): Plan {
    const { state, holds, disk } = this.#context;
    for (const [id] of state.remote.touched) holds.forget(id);
    for (const id of state.local.touched) holds.forget(id);
    const dirty = state.takeDirty();
    const rules: Rules = {
      isExcluded: (path, is_folder) => this.#rules.isExcluded(path, is_folder),
      refusalOf: (name) => disk.refusal_of(name),
    };
    const next = plan(state, dirty, { rules, refused: holds.refused, held: holds.now() });
    for (const key of next.settled) {
      state.dirty.delete(key);
      holds.done(key);
    }
    return next;
  }

  /** @returns whether there was something to do */
  async #execute({ hash, corrections, up, down }: Plan): Promise<boolean> {
    const { state, remote, transfers } = this.#context;
    if (hash.length > 0 || corrections.length > 0) {
      for (const correction of corrections) state.correct(correction);
      if (corrections.length > 0) await state.write();
      for (const id of hash) await this.#hash(id);
    } else if (up.length > 0 || down.length > 0) {
      transfers.begin({ up, down });
      await this.#sender.batches(up);
      await Promise.all([this.#sender.big(up), this.#receiver.all(down)]);
      if (up.length > 0) await pull(remote, state);
    } else return false;
    if (this.#rescans.size > 0) {
      const paths = [...this.#rescans];
      this.#rescans.clear();
      await this.#scan(paths);
    }
    return true;
  }

  async #hash(id: string): Promise<void> {
    const { disk, state, holds, newHasher } = this.#context;
    const node = state.local.get(id);
    if (node === undefined) return;
    const path = state.local.path(id);
    const key = node.file_id ?? id;
    try {
      const hash = await hashFile(disk, path, node.seen, newHasher);
      state.local.update(id, { hashed: { hash, of: node.seen } });
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      const isMoving = error.problem === "changed" || error.problem === "missing";
      if (isMoving) this.#rescans.add(path);
      holds.hold(key, isMoving ? null : problemOf({ path, file_id: node.file_id }, error));
    }
  }

  async #end({ problems }: Plan): Promise<Outcome> {
    const { state, holds, report } = this.#context;
    const again_ms = holds.next();
    if (again_ms === null && state.underway.size > 0)
      await state.write({ underway: [...state.underway.keys()].map((op_id) => [op_id, null]) });
    await state.write();
    const all: Problem[] = [...problems, ...holds.problems()];
    report.problems(all);
    return { state: again_ms === null && state.dirty.size === 0 ? "in_sync" : "waiting", again_ms };
  }

  /** @returns whether they are other ones than before: then all may need something */
  async #readRules(): Promise<boolean> {
    const text = await this.#ignoreText();
    if (text === this.#ignoreSeen) return false;
    this.#ignoreSeen = text;
    this.#rules = new IgnoreRules(text, this.#selection);
    this.#context.state.everything();
    return true;
  }

  async #ignoreText(): Promise<string> {
    const { disk } = this.#context;
    try {
      const file = await disk.open(IGNORE_FILE);
      try {
        return new TextDecoder().decode(await file.read(0, 1024 * 1024));
      } finally {
        await file.close();
      }
    } catch (error) {
      if (error instanceof DiskError) return "";
      throw error;
    }
  }
}
