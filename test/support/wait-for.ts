import { setTimeout as sleep } from "node:timers/promises";

/**
 * Asks until the answer is neither undefined nor false.
 *
 * @throws when that takes longer than `wait_ms`
 */
export async function waitFor<T>(
  ask: () => T | undefined | false | Promise<T | undefined | false>,
  wait_ms = 10_000,
): Promise<T> {
  const deadline = Date.now() + wait_ms;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${wait_ms} ms: ${ask}`);
    await sleep(20);
  }
}
