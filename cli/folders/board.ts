import { posix } from "node:path";
import { Meter } from "../../client/index.ts";
import type { Outcome } from "../../client/sync/engine.ts";
import type { Problem, Reporter, SyncEvent, SyncProgress } from "../../client/sync/ports.ts";
import type { Output } from "../output/output.ts";
import { progressLine } from "../transfer/transfer.ts";
import type { Status } from "./documents.ts";
import type { Folder } from "./folder.ts";
import { wordsOfOutcome } from "./words.ts";

/** Often enough to look alive, seldom enough to cost nothing. */
const EVERY_MS = 250;
/** Conflicts that are remembered. */
const CONFLICTS_MAX = 1_000;

const SIGNS: Record<Exclude<SyncEvent["type"], "conflict">, string> = {
  sent: "up      ",
  received: "down    ",
  moved: "moved   ",
  deleted: "deleted ",
  recovered: "kept in Recovered: ",
};

/** What is going on in a folder: for who watches, and for `edgedrive status` in another terminal. */
export class Board implements Reporter {
  readonly #folder: Folder;
  readonly #path: string;
  readonly #out: Output;
  readonly #meter = new Meter();
  #status: Status;
  #timer: NodeJS.Timeout | undefined;

  constructor(folder: Folder, path: string, out: Output) {
    this.#folder = folder;
    this.#path = path;
    this.#out = out;
    this.#status = {
      pid: process.pid,
      state: "starting",
      detail: "Looking at what changed.",
      since: new Date().toISOString(),
      stop: null,
      progress: null,
      rate: null,
      left_s: null,
      problems: [],
      blind: null,
    };
    this.#write();
  }

  get status(): Status {
    return this.#status;
  }

  progress(progress: SyncProgress): void {
    const { up, down } = progress;
    const now = performance.now();
    const bytes = up.bytes + down.bytes;
    this.#meter.sample(bytes, now);
    const { rate, left_s, ...sent } = this.#meter.progress(bytes, up.total_bytes + down.total_bytes, now);
    this.#become({ state: "syncing", detail: "Syncing.", progress, rate, left_s });
    const parts = [
      ...(up.total > 0 ? [`up ${up.done} of ${up.total}`] : []),
      ...(down.total > 0 ? [`down ${down.done} of ${down.total}`] : []),
      ...(sent.total > 0 ? [progressLine({ rate, left_s, ...sent })] : []),
    ];
    this.#out.status(parts.join(", "));
  }

  event(event: SyncEvent): void {
    if (event.type === "conflict") {
      const { path } = event;
      const copy = posix.join(posix.dirname(path), event.copy);
      const known = this.#folder.conflicts.read() ?? [];
      this.#folder.conflicts.write([...known, { path, copy, at: new Date().toISOString() }].slice(-CONFLICTS_MAX));
    }
    this.#out.result({ event: event.type, ...event, type: undefined }, () => [
      event.type === "conflict"
        ? `conflict ${event.path}: the other side's is ${event.copy}`
        : `${SIGNS[event.type]} ${event.path}`,
    ]);
  }

  problems(problems: readonly Problem[]): void {
    const told = new Set(this.#status.problems.map(({ path, code }) => `${code} ${path}`));
    for (const { path, code, detail } of problems)
      if (!told.has(`${code} ${path}`)) this.#out.note(`${path || "/"}: ${detail}`);
    this.#become({ problems: [...problems] });
  }

  blind(why: string | null): void {
    if (why !== null && this.#status.blind === null)
      this.#out.note(`Changes on the disk are looked for every 30 s: ${why}`);
    this.#become({ blind: why });
  }

  ended(outcome: Outcome): void {
    const detail = wordsOfOutcome(outcome, this.#path, this.#status.problems.length);
    const isSame = outcome.state === this.#status.state && detail === this.#status.detail;
    const stop =
      outcome.state !== "stopped"
        ? null
        : isSame
          ? this.#status.stop
          : { why: outcome.stop.why, told_at: new Date().toISOString() };
    this.#out.status("");
    if (!isSame) this.#tell(outcome.state, detail);
    this.#become({ state: outcome.state, detail, stop, progress: null, rate: null, left_s: null });
    this.#write();
  }

  /** Something that no rule foresaw: it is told, and the next round tries again. */
  failed(error: unknown): void {
    const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#out.note(detail);
    this.#become({ state: "waiting", detail, progress: null });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#write();
  }

  #tell(state: Status["state"], detail: string): void {
    if (this.#out.json) this.#out.result({ event: "state", state, detail, problems: this.#status.problems }, () => []);
    else this.#out.note(detail);
  }

  #become(change: Partial<Status>): void {
    const isNew = change.state !== undefined && change.state !== this.#status.state;
    this.#status = { ...this.#status, ...change, ...(isNew && { since: new Date().toISOString() }) };
    this.#timer ??= setTimeout(() => this.#write(), EVERY_MS);
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#folder.status.write(this.#status);
  }
}
