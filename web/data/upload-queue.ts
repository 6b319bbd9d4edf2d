import {
  type ApiError,
  BATCH,
  isCode,
  isSmall,
  NetworkError,
  type Progress,
  type UploadRequest,
  type UploadSource,
} from "../../client/index.ts";
import { newSecret } from "../../core/protocol/ids.ts";
import { plainWords } from "../../client/words/plain-words.ts";

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

/** Answers each for itself, in their order. */
type Send<T> = (requests: readonly UploadRequest[]) => Promise<PromiseSettledResult<T>[]>;
interface Job {
  item: UploadItem;
  source: UploadSource;
  abort: AbortController;
  on_name_conflict: OnNameConflict | undefined;
  /** The file that has the name: it gets a new version when that is what is wanted. */
  holder: string | undefined;
  /** The same over retries, so that an answer that was lost does not make a second file. */
  op_id: string;
}

/** Files, or batches of small ones, in work at once. Few bodies fly at a time anyway; more hide the round trips. */
const AT_ONCE = 4;
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
      this.#jobs.set(id, newJob(item, source));
    }
    this.#fill();
  }

  /** Something that could not even be read, or a folder that could not be made: it is shown, not dropped in silence. */
  addFailed(name: string, parent_id: string, error: string): void {
    const id = this.#next_id++;
    const item: UploadItem = { id, name, parent_id, size: 0, status: "failed", progress: null, error };
    this.#jobs.set(id, newJob(item, new File([], name)));
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
    while (this.#active < AT_ONCE) {
      const jobs = this.#next();
      if (jobs.length === 0) break;
      void this.#run(jobs);
    }
    this.#tellSoon();
  }

  /** The next file that waits, or as many small ones as go together. */
  #next(): Job[] {
    const jobs: Job[] = [];
    let bytes = 0;
    for (const job of this.#jobs.values()) {
      if (job.item.status !== "waiting") continue;
      const small = isSmall(requestOf(job));
      if (jobs.length === 0 && !small) return [job];
      if (!small) continue;
      if (jobs.length === BATCH.files || bytes + job.source.size > BATCH.bytes) break;
      jobs.push(job);
      bytes += job.source.size;
    }
    return jobs;
  }

  async #run(jobs: readonly Job[]): Promise<void> {
    this.#active++;
    for (const job of jobs) this.#set(job, { status: "sending" });
    const requests = jobs.map((job) => ({
      ...requestOf(job),
      onProgress: (progress: Progress) => this.#set(job, { progress }),
    }));
    const results = await this.#send(requests);
    for (const [i, job] of jobs.entries()) this.#settle(job, results[i]!);
    this.#active--;
    this.#fill();
  }

  #settle(job: Job, result: PromiseSettledResult<T>): void {
    if (result.status === "fulfilled") {
      this.#set(job, { status: "done" });
      this.#onDone(result.value);
      return;
    }
    const error: unknown = result.reason;
    const taken = isCode(error, "name_taken");
    if (taken) job.holder = (error as ApiError).extra["file_id"] as string | undefined;
    const status = taken ? "name_taken" : error instanceof NetworkError ? "offline" : "failed";
    this.#set(job, { status, error: plainWords(error) });
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

const newJob = (item: UploadItem, source: UploadSource): Job => ({
  item,
  source,
  abort: new AbortController(),
  on_name_conflict: undefined,
  holder: undefined,
  op_id: newSecret(),
});

function requestOf({ item, source, abort, on_name_conflict, holder, op_id }: Job): UploadRequest {
  const file_id = on_name_conflict === "new_version" ? holder : undefined;
  return { source, parent_id: item.parent_id, on_name_conflict, file_id, op_id, signal: abort.signal };
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
