/**
 * What a hub tells others after a commit: the queue, and the hubs of the people who can see what changed. An alarm is set
 * before a commit is sent, and lapses when all was told; whatever ends the object in between, the alarm wakes it, and
 * what it does not remember it tells to all. docs/spec/sync.md, VD5 and W8.
 */
import type { Wake } from "../events/wake.ts";
import type { JournalRow } from "../files/model.ts";
import type { JournalOp } from "../protocol/sync.ts";

/** Milliseconds after which somebody looks whether all was told: so the alarm is a row a minute, not one a commit. */
const GUARD = 60_000;
/** Milliseconds until what failed is tried again; doubled, up to the last. */
const FIRST = 1_000;
const LAST = 300_000;

/** Hubs that are told at a time. */
const AT_ONCE = 50;

/** Wakes that a queue did not take; more of them become one. */
const WAKES_MAX = 100;

/** Who sees only what lies below cannot be found by what changed. */
const REACHES_BELOW: ReadonlySet<JournalOp> = new Set(["trashed", "untrashed", "purged"]);

/** Entries whose people are to be told. */
export interface Range {
  /** The last entry before them; null for everybody who sees anything of the drive. */
  after: number | null;
  upto: number;
}

export interface OutboxPorts {
  /** Kept through a crash. What is sent behind it waits until it is kept. @param at milliseconds since the epoch */
  setAlarm(at: number): void;
  /** To the queue. */
  send(wake: Wake): Promise<void>;
  /** A wake of everybody, with the newest sequence number; null when the drive is gone. */
  newest(): Promise<Wake | null>;
  /** Ids of those who can see what changed. */
  people(range: Range): Promise<string[]>;
  tell(user_id: string, seq: number): Promise<void>;
  now(): number;
  report(error: unknown): void;
}

export class Outbox {
  readonly #ports: OutboxPorts;
  /** When the alarm comes. */
  #alarm_at: number | null;
  /** This object set an alarm, so one that comes is not an earlier object's. */
  #hasArmed = false;
  /** Something may have been committed that nobody remembers: by an earlier object, or in a batch without an answer. */
  #isUnsure: boolean;
  #inFlight = 0;
  #tries = 0;
  #wakes: Wake[] = [];
  #range: Range | null = null;
  readonly #unheard = new Map<string, number>();
  #telling: Promise<void> | null = null;
  #isFresh = false;

  /** @param left when the alarm comes that was set when the object began: an earlier one may not have told all */
  constructor(ports: OutboxPorts, left: number | null) {
    this.#ports = ports;
    this.#alarm_at = left;
    this.#isUnsure = left !== null;
  }

  /** Beside the read that comes before a commit, so that it costs the commit no time. */
  arm(): void {
    if (this.#alarm_at === null) this.#wakeIn(GUARD);
  }

  #wakeIn(ms: number): void {
    const at = this.#ports.now() + ms;
    if (this.#alarm_at !== null && this.#alarm_at <= at) return;
    this.#alarm_at = at;
    this.#hasArmed = true;
    this.#ports.setAlarm(at);
  }

  get #isDone(): boolean {
    return !this.#isUnsure && this.#wakes.length === 0 && this.#range === null && this.#unheard.size === 0;
  }

  /** What failed is tried again soon. */
  #retry(): void {
    if (!this.#isDone) this.#wakeIn(Math.min(LAST, FIRST * 2 ** this.#tries));
  }

  async during(commit: () => Promise<void>): Promise<void> {
    this.arm();
    this.#inFlight += 1;
    try {
      await commit();
    } catch (error) {
      this.#isUnsure = true;
      this.#retry();
      throw error;
    } finally {
      this.#inFlight -= 1;
    }
  }

  /** After a commit. Never rejects; resolves when everybody was told, or the alarm is to try again. */
  async put(entries: readonly JournalRow[], wakes: readonly Wake[]): Promise<void> {
    const upto = Math.max(...entries.map(({ seq }) => seq));
    const isWide = entries.some(({ op }) => REACHES_BELOW.has(op));
    this.#cover({ after: isWide ? null : Math.min(...entries.map(({ seq }) => seq)) - 1, upto });
    await Promise.all([...wakes.map((wake) => this.#send(wake)), this.#tell()]);
    this.#retry();
  }

  async alarm(): Promise<void> {
    this.#alarm_at = null;
    try {
      if (!this.#hasArmed || this.#isUnsure) await this.#tellAll();
    } catch (error) {
      this.#ports.report(error);
    }
    await Promise.all([...this.#wakes.splice(0).map((wake) => this.#send(wake)), this.#tell()]);
    this.#tries = this.#isDone ? 0 : this.#tries + 1;
    this.#retry();
    if (this.#inFlight > 0) this.arm();
  }

  async #tellAll(): Promise<void> {
    this.#isUnsure = true;
    const wake = await this.#ports.newest();
    // What is in flight meanwhile may fail later than the number was read.
    this.#isUnsure = this.#inFlight > 0;
    if (wake === null) return;
    this.#wakes.push(wake);
    this.#cover({ after: null, upto: wake.seq });
  }

  async #send(wake: Wake): Promise<void> {
    try {
      await this.#ports.send(wake);
    } catch (error) {
      this.#ports.report(error);
      this.#wakes.push(wake);
      if (this.#wakes.length <= WAKES_MAX) return;
      const { tenant_id, drive_id } = wake;
      const seq = Math.max(...this.#wakes.map((one) => one.seq));
      this.#wakes = [{ tenant_id, drive_id, seq, unverified: true }];
    }
  }

  #cover(range: Range): void {
    const { after, upto } = this.#range ?? range;
    const first = after === null || range.after === null ? null : Math.min(after, range.after);
    this.#range = { after: first, upto: Math.max(upto, range.upto) };
    this.#isFresh = true;
  }

  /** One round at a time: numbers of the drive reach each hub in their order. */
  #tell(): Promise<void> {
    this.#telling ??= this.#rounds().finally(() => (this.#telling = null));
    return this.#telling;
  }

  async #rounds(): Promise<void> {
    do {
      this.#isFresh = false;
      await this.#round();
    } while (this.#isFresh);
  }

  async #round(): Promise<void> {
    const range = this.#range;
    this.#range = null;
    try {
      if (range !== null) for (const user_id of await this.#ports.people(range)) this.#unheard.set(user_id, range.upto);
    } catch (error) {
      this.#ports.report(error);
      const isFresh = this.#isFresh;
      this.#cover(range as Range);
      this.#isFresh = isFresh;
    }
    const waiting = [...this.#unheard];
    for (let at = 0; at < waiting.length; at += AT_ONCE)
      await Promise.all(waiting.slice(at, at + AT_ONCE).map((one) => this.#tellOne(...one)));
  }

  async #tellOne(user_id: string, seq: number): Promise<void> {
    try {
      await this.#ports.tell(user_id, seq);
      if (this.#unheard.get(user_id) === seq) this.#unheard.delete(user_id);
    } catch (error) {
      this.#ports.report(error);
    }
  }
}
