/**
 * "Full jitter": anything between nothing and an exponentially growing bound, so that a crowd of clients
 * that lost the same server does not come back as one.
 * @param attempt 0 for the first retry
 * @returns milliseconds
 */
export const jittered = (attempt: number, base_ms: number, max_ms: number): number =>
  Math.random() * Math.min(max_ms, base_ms * 2 ** attempt);

/** `Retry-After` (RFC 9110, section 10.2.3): seconds or a date; null when absent or unreadable. @returns milliseconds */
export function retryAfter(header: string | null, now: number): number | null {
  if (header === null) return null;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return Math.max(0, seconds * 1000);
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

/** Rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason as Error);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
