/**
 * Processes whose every call waits for its turn, so that a test decides how they interleave and where each one ends.
 * Between two calls a process does nothing that others see: to crash before a call is to crash after the one before it.
 */
export class Actor {
  #release: (() => void) | null = null;
  isDone = false;

  /** The call that it waits with. */
  call = "";

  /** Waits until the test lets it go on; for ever, when the process is ended. */
  turn = (call = ""): Promise<void> => {
    this.call = call;
    return new Promise((resolve) => (this.#release = resolve));
  };

  get isWaiting(): boolean {
    return this.#release !== null;
  }

  release(): void {
    const release = this.#release;
    this.#release = null;
    release?.();
  }
}

/** Ports of one process, whose every call waits for its turn: one after the other, also where it makes some at once. */
export function portsOf(turn: Actor["turn"]) {
  let before: Promise<unknown> = Promise.resolve();
  return <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          const call = before.then(() => turn(String(key))).then(() => Reflect.apply(value, target, args) as unknown);
          before = call.catch(() => undefined);
          return call;
        };
      },
    });
}

const settled = async (actor: Actor): Promise<void> => {
  while (!actor.isDone && !actor.isWaiting) await new Promise((resolve) => setImmediate(resolve));
};

export class Stage {
  /** Those that wait for their turn. */
  readonly actors: Actor[] = [];
  /** What no process may end with. */
  readonly errors: unknown[] = [];

  async start(work: (turn: Actor["turn"]) => Promise<void>): Promise<void> {
    const actor = new Actor();
    void work(actor.turn)
      .catch((error: unknown) => this.errors.push(error))
      .finally(() => (actor.isDone = true));
    await settled(actor);
    if (!actor.isDone) this.actors.push(actor);
  }

  /** Lets one do its next call. */
  async advance(actor: Actor): Promise<void> {
    actor.release();
    await settled(actor);
    if (actor.isDone) this.end(actor);
  }

  /** Lets one go on up to a call, or to its end. */
  async advanceTo(actor: Actor, call: string): Promise<void> {
    while (!actor.isDone && actor.call !== call) await this.advance(actor);
  }

  end(actor: Actor): void {
    this.actors.splice(this.actors.indexOf(actor), 1);
  }
}
