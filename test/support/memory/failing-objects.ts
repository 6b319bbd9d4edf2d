/** A store in a test's hands: each call may fail, be done and lose its answer, or never be answered. */
import type { ObjectStore } from "../../../core/storage/ports.ts";

export type Failure = "none" | "fail" | "lose" | "hang";

export class FailingObjects {
  /** Names of the calls, in order. */
  readonly calls: string[] = [];
  /** What becomes of a call; given its method and key, or the first of its keys. */
  rule: (method: keyof ObjectStore, key: string) => Failure = () => "none";
  /** Happens before each call. */
  before = async (): Promise<void> => undefined;
  readonly store: ObjectStore;

  constructor(real: ObjectStore) {
    this.store = new Proxy(real, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => this.#call(target, name as keyof ObjectStore, value, args);
      },
    });
  }

  async #call(target: ObjectStore, name: keyof ObjectStore, method: Function, args: unknown[]): Promise<unknown> {
    this.calls.push(name);
    await this.before();
    const failure = this.rule(name, String(Array.isArray(args[0]) ? args[0][0] : args[0]));
    if (failure === "fail") throw new Error("the store fails (503)");
    if (failure === "hang") return new Promise(() => undefined);
    const answer: unknown = await method.apply(target, args);
    if (failure === "lose") throw new Error("the answer was lost");
    return answer;
  }
}
