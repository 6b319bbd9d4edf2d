/** How far the operations of a plan are, for who watches. */
import type { Down, Plan, Up } from "./plan/index.ts";
import type { Reporter, SyncProgress } from "./ports.ts";

const sizeOf = (one: Up | Down): number => (one.kind === "put" ? one.size : one.kind === "fetch" ? one.remote.size : 0);

const counted = (all: readonly (Up | Down)[]): SyncProgress["up"] => ({
  done: 0,
  total: all.length,
  bytes: 0,
  total_bytes: all.reduce((sum, one) => sum + sizeOf(one), 0),
});

export class Transfers {
  readonly #report: Reporter;
  #progress: SyncProgress = { up: counted([]), down: counted([]) };
  /** Of what is under way: bytes that are counted already. */
  #counted = new Map<Up | Down, number>();

  constructor(report: Reporter) {
    this.#report = report;
  }

  begin({ up, down }: Pick<Plan, "up" | "down">): void {
    this.#progress = { up: counted(up), down: counted(down) };
    this.#counted = new Map();
    this.#report.progress(this.#progress);
  }

  /** @param bytes of it so far: sent, or found there; what is sent again takes them back */
  moved(side: keyof SyncProgress, one: Up | Down, bytes: number): void {
    const side_bytes = this.#progress[side].bytes + bytes - (this.#counted.get(one) ?? 0);
    this.#counted.set(one, bytes);
    this.#become(side, { bytes: side_bytes });
  }

  /** It is over, well or not: nothing of it is still to come. */
  over(side: keyof SyncProgress, one: Up | Down): void {
    this.moved(side, one, sizeOf(one));
    this.#counted.delete(one);
    this.#become(side, { done: this.#progress[side].done + 1 });
  }

  #become(side: keyof SyncProgress, change: Partial<SyncProgress["up"]>): void {
    this.#progress = { ...this.#progress, [side]: { ...this.#progress[side], ...change } };
    this.#report.progress(this.#progress);
  }
}
