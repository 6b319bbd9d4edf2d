import { isCode, NetworkError, type Progress, type UploadRequest, type UploadSource } from "../../client/index.ts";
import { plainWords } from "../lib/plain-words.ts";

export type UploadStatus = "waiting" | "sending" | "done" | "failed" | "name_taken" | "offline";
export type OnNameConflict = NonNullable<UploadRequest["on_name_conflict"]>;

export interface UploadItem {
  readonly id: number;
  readonly name: string;
  readonly parent_id: string;
  readonly size: number;
  readonly status: UploadStatus;
  readonly progress: Progress | null;
  readonly error: string | null;
}

export interface UploadsSnapshot {
  items: readonly UploadItem[];
  sent: number;
  total: number;
  rate: number | null;
  left_s: number | null;
  running: number;
}

type Send<T> = (request: UploadRequest) => Promise<T>;
interface Job {
  item: UploadItem;
  source: UploadSource;
  abort: AbortController;
  on_name_conflict: OnNameConflict | undefined;
}

/** Files in work at once. Few bodies fly at a time anyway; more files hide the round trips of small ones. */
const FILES_AT_ONCE = 4;
/** The tray is redrawn at most this often. */
const TELL_MS = 120;
const EMPTY: UploadsSnapshot = { items: [], sent: 0, total: 0, rate: null, left_s: null, running: 0 };

/** Every upload of this page: a queue, its progress in sum, and what to do about the ones that failed. */
export class UploadQueue<T> {
  readonly #send: Send<T>;
  readonly #onDone: (result: T) => void;
  readonly #listeners = new Set<() => void>();
  readonly #jobs = new Map<number, Job>();
  #snapshot = EMPTY;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #next_id = 1;
  #active = 0;

  constructor(send: Send<T>, onDone: (result: T) => void) {
    this.#send = send;
    this.#onDone = onDone;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
  readonly snapshot = (): UploadsSnapshot => this.#snapshot;

  add(sources: Iterable<UploadSource>, parent_id: string): void {
    for (const source of sources) {
      const id = this.#next_id++;
      const { name, size } = source;
      const item: UploadItem = { id, name, parent_id, size, status: "waiting", progress: null, error: null };
      this.#jobs.set(id, { item, source, abort: new AbortController(), on_name_conflict: undefined });
    }
    this.#fill();
  }

  /** Something that could not even be read, or a folder that could not be made: it is shown, not dropped in silence. */
  addFailed(name: string, parent_id: string, error: string): void {
    const id = this.#next_id++;
    const item: UploadItem = { id, name, parent_id, size: 0, status: "failed", progress: null, error };
    this.#jobs.set(id, { item, source: new File([], name), abort: new AbortController(), on_name_conflict: undefined });
    this.#tellSoon();
  }

  cancel(id: number): void {
    this.#jobs.get(id)?.abort.abort(new Error("cancelled"));
    this.#jobs.delete(id);
    this.#tellSoon();
  }

  cancelAll(): void {
    for (const [id, { item }] of this.#jobs) if (item.status !== "done") this.cancel(id);
  }

  retry(id: number, on_name_conflict?: OnNameConflict): void {
    const job = this.#jobs.get(id);
    if (!job || job.item.status === "sending") return;
    job.on_name_conflict = on_name_conflict ?? job.on_name_conflict;
    this.#set(job, { status: "waiting", error: null });
    this.#fill();
  }

  /** The connection is back: everything that only waited for it goes on. */
  resume(): void {
    for (const { item } of this.#jobs.values()) if (item.status === "offline") this.retry(item.id);
  }

  /** Takes what needs no more attention off the tray. */
  clear(): void {
    for (const [id, { item }] of this.#jobs)
      if (item.status === "done" || item.status === "failed") this.#jobs.delete(id);
    this.#tellSoon();
  }

  #fill(): void {
    for (const job of this.#jobs.values()) {
      if (this.#active >= FILES_AT_ONCE) break;
      if (job.item.status === "waiting") void this.#run(job);
    }
    this.#tellSoon();
  }

  async #run(job: Job): Promise<void> {
    this.#active++;
    this.#set(job, { status: "sending" });
    try {
      const { source, on_name_conflict, abort } = job;
      const { parent_id } = job.item;
      const onProgress = (progress: Progress) => this.#set(job, { progress });
      const done = await this.#send({ source, parent_id, on_name_conflict, onProgress, signal: abort.signal });
      this.#set(job, { status: "done" });
      this.#onDone(done);
    } catch (error) {
      const status = isCode(error, "name_taken") ? "name_taken" : error instanceof NetworkError ? "offline" : "failed";
      this.#set(job, { status, error: plainWords(error) });
    } finally {
      this.#active--;
      this.#fill();
    }
  }

  #set(job: Job, change: Partial<UploadItem>): void {
    job.item = { ...job.item, ...change };
    this.#tellSoon();
  }

  #tellSoon(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#snapshot = summarise([...this.#jobs.values()].map((job) => job.item));
      for (const listener of this.#listeners) listener();
    }, TELL_MS);
  }
}

function summarise(items: readonly UploadItem[]): UploadsSnapshot {
  let sent = 0;
  let total = 0;
  let rate: number | null = null;
  let running = 0;
  for (const item of items) {
    if (item.status === "failed" || item.status === "name_taken") continue;
    total += item.size;
    sent += item.status === "done" ? item.size : (item.progress?.sent ?? 0);
    if (item.status === "waiting" || item.status === "sending") running++;
    if (item.status === "sending" && item.progress?.rate) rate = (rate ?? 0) + item.progress.rate;
  }
  return { items, sent, total, rate, left_s: rate ? (total - sent) / rate : null, running };
}
