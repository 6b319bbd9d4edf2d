/**
 * The hub of one drive: puts every change in order and commits what arrives together in one batch (group commit).
 * Pure but for its ports. Rules: docs/spec/sync.md, H1 to H8.
 */
import { newlyDue } from "../events/due.ts";
import { CONSUMERS } from "../events/wake.ts";
import { DriveError, toFailure } from "../protocol/errors.ts";
import type { Result, Submission } from "./commands.ts";
import { planGroup, Silent } from "./plan/group.ts";
import type { HubPorts } from "./ports.ts";

/**
 * Commands in one batch: keeps a batch well under D1's limits of 2 MB a parameter and 30 s. A device's batch of 1,000
 * changes, with the end of its upload, is two of them.
 */
const GROUP_MAX = 512;

/** Commands that wait: more than that is minutes of work, and their senders have given up by then. */
const QUEUE_MAX = 10_000;

/** Commands that share a group with their like only. */
const APART = ["purge", "verify_content", "copy_tree"] as const;

interface Pending {
  submission: Submission;
  resolve(result: Result): void;
}

const unavailable: Result = {
  ok: false,
  failure: { code: "unavailable", detail: "The drive did not answer; try again.", extra: {} },
};

export class Hub {
  readonly #ports: HubPorts;
  readonly #queue: Pending[] = [];
  #draining = false;

  constructor(ports: HubPorts) {
    this.#ports = ports;
  }

  /** Resolves when the command is committed, refused, or known to have failed; never rejects. */
  async submit(submission: Submission): Promise<Result> {
    const [result] = await this.submitAll([submission]);
    return result as Result;
  }

  /** As {@link submit}, for commands that belong together: they take their places one behind the other. */
  submitAll(submissions: readonly Submission[]): Promise<Result[]> {
    if (this.#queue.length + submissions.length > QUEUE_MAX) return Promise.resolve(submissions.map(() => unavailable));
    const results = submissions.map(
      (submission) => new Promise<Result>((resolve) => this.#queue.push({ submission, resolve })),
    );
    void this.#drain();
    return Promise.all(results);
  }

  async #drain(): Promise<void> {
    if (this.#draining) return;
    this.#draining = true;
    while (this.#queue.length > 0) await this.#settle(this.#take());
    this.#draining = false;
  }

  /**
   * The next group. Purges and verifications go by themselves: what they change was read before the group, and another
   * command of the same group could have added to it, or still find what was there. A copy of a tree goes alone, for
   * also another copy could have added to what it copies. A repeat waits for the next group, where it finds what the
   * first one left.
   */
  #take(): Pending[] {
    const kindOf = ({ submission }: Pending): string => APART.find((op) => op === submission.command.op) ?? "together";
    const first = kindOf(this.#queue[0] as Pending);
    if (first === "copy_tree") return this.#queue.splice(0, 1);
    const seen = new Set<string>();
    const end = this.#queue.findIndex((pending) => {
      const { op_id } = pending.submission;
      if (kindOf(pending) !== first || seen.has(op_id)) return true;
      seen.add(op_id);
      return false;
    });
    return this.#queue.splice(0, Math.min(end < 0 ? this.#queue.length : end, GROUP_MAX));
  }

  /**
   * One group, in one batch. When the batch fails, each command by itself, so that one bad change fails alone, and what
   * a try with a lost answer had committed is found by its `op_id`. A silent store is not asked once more for each.
   */
  async #settle(group: Pending[]): Promise<void> {
    let attempt = await this.#attempt(group.map((p) => p.submission));
    for (const [i, pending] of group.entries()) {
      if (typeof attempt !== "string") pending.resolve(attempt[i] as Result);
      else if (attempt === "silent") pending.resolve(unavailable);
      else {
        const alone = await this.#attempt([pending.submission]);
        pending.resolve(typeof alone === "string" ? unavailable : (alone[0] as Result));
        if (alone === "silent") attempt = alone;
      }
    }
  }

  /**
   * `silent`: the store could not be read, or did not answer in time. `unwritten`: the batch failed, or its answer is
   * lost, so nothing is known.
   */
  async #attempt(group: Submission[]): Promise<Result[] | "silent" | "unwritten"> {
    try {
      const planned = await planGroup(this.#ports, group);
      if (planned === null) {
        const missing = new DriveError("not_found", "There is no such drive.");
        return group.map(() => ({ ok: false, failure: toFailure(missing) }));
      }
      const { snapshot, writes: plans } = planned.draft;
      const writes = planned.draft.finish();
      if (writes !== null) await this.#ports.store.commit(writes);
      // What an earlier try committed may never have been announced: say it again.
      const entries = [...snapshot.done.map((d) => d.entry), ...plans.journal];
      const due = snapshot.done.length > 0 ? CONSUMERS : newlyDue(snapshot.drive.due, plans.due);
      const unverified = plans.verifications.length > 0;
      const packs = plans.packs.map(({ pack_id }) => pack_id);
      if (entries.length > 0) this.#ports.announce(entries, { due, unverified, packs });
      return planned.results;
    } catch (error) {
      this.#ports.report(error instanceof Silent ? error.cause : error);
      const isSilent = error instanceof Silent || (error instanceof DriveError && error.code === "unavailable");
      return isSilent ? "silent" : "unwritten";
    }
  }
}
