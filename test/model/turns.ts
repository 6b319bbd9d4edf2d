/** Every call of a port waits for its turn, so that a test decides what comes after what, and what fails. */

/**
 * `fail`: nothing is done, and it throws. `lose`: it is done, and then it throws. `hang`: nothing is done and nothing is
 * ever answered. `late`: never answered, and done at some later moment.
 */
export type Fault = "none" | "fail" | "lose" | "hang" | "late";

export class Injected extends Error {
  override name = "Injected";
}

interface Call {
  name: string;
  work(): Promise<unknown>;
  /** Null where nobody waits any more. */
  answer: { resolve(value: never): void; reject(error: unknown): void } | null;
}

export interface Plan {
  /** Which of the waiting calls is next. */
  choose(waiting: number): number;
  /** What happens to the `turn`th call. */
  fault(turn: number, name: string): Fault;
  /** Before this turn all that waits is dropped, or is done later with nobody to hear of it. */
  crash: { at: number; late: boolean } | null;
}

/** Turns without an end of what is under way: far more than any group of operations takes. */
const TURNS_MAX = 20_000;
/** Rounds of the event loop in which something is under way and nothing waits for its turn. */
const IDLE_MAX = 2_000;

const round = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Turns {
  #waiting: Call[] = [];
  #late: Call[] = [];
  #executing = 0;
  /** Names of the calls of the last run, in order. */
  readonly log: string[] = [];

  /** A port whose every method waits for its turn. */
  port<T extends object>(name: string, target: T): T {
    return new Proxy(target, {
      get: (_, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) =>
          this.call(`${name}.${String(key)}`, () => Reflect.apply(value, target, args) as Promise<unknown>);
      },
    });
  }

  call<T>(name: string, work: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      this.#waiting.push({ name, work, answer: { resolve: resolve as (value: never) => void, reject } });
    });
  }

  /**
   * Gives turns until nothing waits any more. @param passTime lets clocks run that bound what hangs; called when
   * something hangs. @returns whether it ended with a crash
   */
  async run(plan: Plan, isDone: () => boolean, passTime: () => void): Promise<"done" | "crashed"> {
    this.log.length = 0;
    let hanging = false;
    let idle = 0;
    for (let turn = 0; ;) {
      await this.#settle();
      if (plan.crash !== null && turn >= plan.crash.at) {
        this.#crash(plan.crash.late);
        return "crashed";
      }
      if (this.#waiting.length === 0) {
        if (hanging) {
          hanging = false;
          passTime();
          continue;
        }
        if (isDone()) return "done";
        if (++idle > IDLE_MAX) throw new Error("something neither ends nor calls a port");
        continue;
      }
      const [call] = this.#waiting.splice(plan.choose(this.#waiting.length) % this.#waiting.length, 1) as [Call];
      const fault = plan.fault(turn, call.name);
      this.log.push(`${call.name}${fault === "none" ? "" : ` ${fault}`}`);
      hanging ||= fault === "hang" || fault === "late";
      this.#take(call, fault);
      if (++turn > TURNS_MAX) throw new Error(`no end: ${this.log.slice(-20).join(", ")}`);
    }
  }

  /** Does what was left under way by those who are gone. */
  async finishLate(): Promise<void> {
    for (const call of this.#late.splice(0)) await call.work().catch(() => undefined);
  }

  get isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#late.length === 0;
  }

  #crash(late: boolean): void {
    if (late) this.#late.push(...this.#waiting);
    this.#waiting = [];
  }

  #take(call: Call, fault: Fault): void {
    if (fault === "late") this.#late.push(call);
    if (fault === "late" || fault === "hang") return;
    if (fault === "fail") return void call.answer?.reject(new Injected(`${call.name} failed`));
    void this.#execute(call, fault);
  }

  async #execute({ name, work, answer }: Call, fault: Fault): Promise<void> {
    this.#executing++;
    try {
      const value = await work();
      if (fault === "lose") answer?.reject(new Injected(`the answer of ${name} is lost`));
      else answer?.resolve(value as never);
    } catch (error) {
      answer?.reject(error);
    } finally {
      this.#executing--;
    }
  }

  /** Until all that runs waits for a turn or has ended: what lies between two calls takes no time but the processor's. */
  async #settle(): Promise<void> {
    do await round();
    while (this.#executing > 0);
  }
}
