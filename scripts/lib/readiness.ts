import { setTimeout as sleep } from "node:timers/promises";

export class NotReadyError extends Error {
  override name = "NotReadyError";
}

/**
 * Waits until `GET /readyz` answers 200.
 *
 * @throws NotReadyError with the last answer, which names what is missing
 */
export async function waitUntilReady(url: string, wait_ms = 30_000): Promise<void> {
  const deadline = Date.now() + wait_ms;
  let last = "no answer";
  for (;;) {
    try {
      const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(10_000) });
      if (response.ok) return void (await response.body?.cancel());
      last = `${response.status} ${(await response.text()).slice(0, 1_000)}`;
    } catch (error) {
      last = String((error as Error).cause ?? error);
    }
    if (Date.now() > deadline) throw new NotReadyError(`${url}/readyz does not say 200. It said: ${last}`);
    await sleep(50);
  }
}
