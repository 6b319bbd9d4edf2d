/** Groups of steps over a world, judged after each. */
import { expect, vi } from "vitest";
import type { Attempt } from "./attempt.ts";
import { Client } from "./client.ts";
import { Invariants } from "./invariants.ts";
import { Ledger } from "./ledger.ts";
import type { Group } from "./steps.ts";
import type { Plan } from "./turns.ts";
import { World } from "./world.ts";
import { HOUR, DAY } from "../../core/time.ts";

const QUIET: Plan = { choose: () => 0, fault: () => "none", crash: null };

function planOf({ order, faults, crash }: Group): Plan {
  let turn = 0;
  return {
    choose: () => order[turn++ % Math.max(1, order.length)] ?? 0,
    fault: (at) => faults.find((fault) => fault.at === at)?.kind ?? "none",
    crash,
  };
}

export class Play {
  readonly world: World;
  readonly ledger: Ledger;
  readonly client: Client;
  readonly invariants: Invariants;
  steps = 0;

  constructor(limit_bytes: number) {
    this.world = new World(limit_bytes);
    this.ledger = new Ledger(this.world, limit_bytes);
    this.client = new Client(this.world);
    this.invariants = new Invariants(this.world, this.ledger);
  }

  async group(group: Group): Promise<void> {
    if (group.hours > 0) await this.pass(group.hours * HOUR);
    const begin = (step: Group["steps"][number]) =>
      this.client.begin(step, this.ledger.known, (place, size) => this.ledger.model.refusal(place, size));
    const attempts = group.steps.map(begin).filter((attempt) => attempt !== null);
    const isClean = attempts.length === 1 && group.faults.length === 0 && group.crash === null;
    await this.together(attempts, planOf(group), isClean);
    if (!group.retry) return;
    for (const attempt of attempts) if (attempt.keyed && attempt.answer.said === "nothing") await this.again(attempt);
  }

  /** The same request once more, now that everything answers: it ends as the first one did, or as it should have. */
  async again(attempt: Attempt): Promise<Attempt> {
    await this.world.turns.finishLate();
    const op_ids = new Set([attempt, ...attempt.parts].map(({ op_id }) => op_id));
    const isDone =
      [...op_ids].some((op_id) => this.ledger.done.has(op_id)) ||
      this.world.drive.state.journal.some((e) => op_ids.has(e.op_id));
    const retry = this.client.again(attempt);
    await this.together([retry], QUIET, !isDone && this.#isSettled);
    expect(retry.answer.said, "an answer, when nothing fails").not.toBe("nothing");
    return retry;
  }

  /** Nothing in the journal or among the sessions that the model has not taken. */
  get #isSettled(): boolean {
    return (
      this.world.drive.state.drive.seq === this.ledger.model.changes &&
      this.world.drive.state.drive.reserved_bytes === this.ledger.model.reserved
    );
  }

  async together(attempts: Attempt[], plan: Plan, isClean: boolean): Promise<void> {
    this.steps += attempts.length;
    const { turns } = this.world;
    let left = attempts.length;
    const failures: unknown[] = [];
    for (const attempt of attempts)
      void this.client
        .run(attempt)
        .catch((error: unknown) => failures.push(error))
        .finally(() => left--);
    let hung = false;
    const passTime = (): void => {
      hung = true;
      vi.advanceTimersByTime(120_000);
    };
    // Where nothing bounds a wait, the client has gone.
    const end = await turns.run(plan, () => left === 0 || hung, passTime);
    if (end === "crashed") {
      // The deadlines of a process end with it.
      vi.clearAllTimers();
      this.world.crash();
    }
    if (failures.length > 0) throw failures[0];
    this.ledger.settle(attempts, isClean);
    this.invariants.checkReads(this.client.reads);
    await this.invariants.check();
  }

  /** What is under way ends long before a session's time is over (E11). */
  async pass(milliseconds: number): Promise<void> {
    await this.world.turns.finishLate();
    this.world.now += milliseconds;
    this.ledger.settle([], false);
  }

  /** All sessions end, are swept, and nothing is left. */
  async end(): Promise<void> {
    for (const hours of [25, 2]) {
      await this.pass(hours * HOUR);
      await this.group({ steps: [{ op: "expire" }], hours: 0, retry: false, order: [], faults: [], crash: null });
    }
    await this.pass(4 * DAY);
    await this.group({ steps: [{ op: "retain" }], hours: 0, retry: false, order: [], faults: [], crash: null });
    expect(this.ledger.overdue, "V7").toEqual([]);
    for (const { versions } of this.ledger.model.nodes.values())
      expect(
        versions.every((v) => this.ledger.isKept(versions, v)),
        "V6",
      ).toBe(true);
    await this.invariants.checkEnd();
  }
}
