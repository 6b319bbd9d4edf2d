import { setTimeout as sleep } from "node:timers/promises";
import type { File } from "../../core/protocol/files.ts";

/** Asks until the answer is yes. @throws when that takes longer than `wait_ms` */
export async function waitUntil(what: string, wait_ms: number, ask: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + wait_ms;
  while (!(await ask())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${wait_ms} ms`);
    await sleep(50);
  }
}

/** The job that reads a file back and hashes it has ended: else it would run beside what is measured next. */
export const waitForHash = (read: () => Promise<File>): Promise<void> =>
  waitUntil("verification", 120_000, async () => (await read()).integrity !== "pending");
