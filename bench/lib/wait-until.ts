import { setTimeout as sleep } from "node:timers/promises";

/** Asks until the answer is yes. @throws when that takes longer than `wait_ms` */
export async function waitUntil(what: string, wait_ms: number, ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + wait_ms;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${wait_ms} ms`);
    await sleep(50);
  }
}
