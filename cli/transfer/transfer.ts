import { Meter, type Progress } from "../../client/index.ts";
import { formatRate, formatSize, formatTimeLeft } from "../../client/words/format.ts";
import { EXIT, type ExitCode, exitCodeOf, wordsOf } from "../exit-codes.ts";
import type { Output } from "../output/output.ts";

/** Often enough to look alive, seldom enough to cost nothing. */
const EVERY_MS = 100;

/** How several files go over: what is told while it lasts and at its end. Failures are told at once, and the rest goes on. */
export class Transfer {
  readonly #out: Output;
  readonly #verb: string;
  readonly #meter = new Meter();
  readonly #failures: unknown[] = [];
  #files = { done: 0, total: 0, skipped: 0 };
  #bytes = { done: 0, total: 0 };
  #told = 0;

  /** @param verb what is being done, such as "Uploading" */
  constructor(out: Output, verb: string) {
    this.#out = out;
    this.#verb = verb;
  }

  expect(size: number): void {
    this.#files.total++;
    this.#bytes.total += size;
  }

  /** What is there already, as it is. */
  skip(size: number): void {
    this.#files.skipped++;
    this.#files.total--;
    this.#bytes.total -= size;
  }

  /** For one file: takes what of it has gone so far. */
  counter(): (sent: number) => void {
    let counted = 0;
    return (sent) => {
      this.#bytes.done += sent - counted;
      counted = sent;
      this.#show();
    };
  }

  done(path: string, size: number): void {
    this.#files.done++;
    if (this.#out.json) this.#out.result({ event: "done", path, size }, () => []);
    this.#show();
  }

  failed(path: string, error: unknown): void {
    this.#failures.push(error);
    const message = wordsOf(error);
    if (this.#out.json) this.#out.result({ event: "failed", path, message }, () => []);
    this.#out.note(message.startsWith(path) ? message : `${path}: ${message}`);
  }

  /** Says what became of it. */
  end(): ExitCode {
    const { done, skipped } = this.#files;
    const failed = this.#failures.length;
    const summary = { event: "end", done, skipped, failed, bytes: this.#bytes.done };
    const files = (n: number): string => `${n} ${n === 1 ? "file" : "files"}`;
    const parts = [`${files(done)}, ${formatSize(this.#bytes.done)}`];
    if (skipped > 0) parts.push(`${files(skipped)} there already`);
    if (failed > 0) parts.push(`${files(failed)} failed`);
    if (this.#out.json) this.#out.result(summary, () => []);
    else if (this.#out.live || failed > 0) this.#out.note(`${parts.join("; ")}.`);
    if (failed === 0) return EXIT.done;
    return done + skipped > 0 || failed > 1 ? EXIT.partly : exitCodeOf(this.#failures[0]);
  }

  #show(): void {
    const now = performance.now();
    this.#meter.sample(this.#bytes.done, now);
    if (now - this.#told < EVERY_MS) return;
    this.#told = now;
    const { done, total } = this.#files;
    this.#out.status(
      `${this.#verb} ${done} of ${total}, ${progressLine(this.#meter.progress(this.#bytes.done, this.#bytes.total, now))}`,
    );
  }
}

/** "34 MB of 1.2 GB, 11 MB/s, about 2 minutes left" */
export function progressLine({ sent, total, rate, left_s }: Progress): string {
  const parts = [`${formatSize(sent)} of ${formatSize(total)}`];
  if (rate !== null) parts.push(formatRate(rate));
  if (left_s !== null && Number.isFinite(left_s)) parts.push(`${formatTimeLeft(left_s)} left`);
  return parts.join(", ");
}
