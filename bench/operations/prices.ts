/**
 * What an operation costs on Cloudflare's list prices of November 2026, in dollars, and what the seed gives for it.
 *
 *   price = requests x 0.30/M                      Workers: requests from outside, and batches that a consumer is given
 *         + d1 rows read x 0.001/M + written x 1/M   D1; each index adds a row written
 *         + object requests x 0.15/M                Durable Objects: calls, alarms
 *         + object rows read x 0.001/M + written x 1/M
 *         + object seconds x 0.125 GB x 12.50/M     while a call runs; an object with hibernating sockets costs nothing
 *         + R2 class A x 4.50/M + class B x 0.36/M  R2; deletes and aborts are free
 *         + messages x 3 x 0.40/M                   Queues: write, read and delete of each message
 *
 * Not in it: CPU time (0.02/M ms; the local runtime does not tell it, so 10 ms would add $0.0000002) and storage, which
 * is paid by the month. Egress from R2 and calls between Workers are free.
 */
export interface Operations {
  /** Requests to a Worker from outside, and batches given to a consumer. */
  requests: number;
  d1_rows_read: number;
  d1_rows_written: number;
  /** Calls of Durable Objects and their alarms. */
  object_requests: number;
  object_rows_read: number;
  object_rows_written: number;
  /** Wall time of calls of objects, milliseconds. */
  object_ms: number;
  r2_class_a: number;
  r2_class_b: number;
  queue_messages: number;
}

const M = 1e-6;

/** Of D1 and of objects. */
export const rowsWritten = (o: Operations): number => o.d1_rows_written + o.object_rows_written;

/** Dollars a unit. */
export const PRICES: Readonly<Record<keyof Operations, number>> = {
  requests: 0.3 * M,
  d1_rows_read: 0.001 * M,
  d1_rows_written: 1 * M,
  object_requests: 0.15 * M,
  object_rows_read: 0.001 * M,
  object_rows_written: 1 * M,
  object_ms: 0.001 * 0.125 * 12.5 * M,
  r2_class_a: 4.5 * M,
  r2_class_b: 0.36 * M,
  queue_messages: 3 * 0.4 * M,
};

export function priceOf(operations: Operations): number {
  return (Object.keys(PRICES) as (keyof Operations)[]).reduce((sum, key) => sum + operations[key] * PRICES[key], 0);
}

/** "Cost per Operation" of the seed, dollars. Its upload has the indexing in it, its download the CDN. */
export const SEED_PRICES = {
  upload_5_mb: 0.000019,
  download_5_mb: 0.000045,
  sync_check: 0.0000006,
  search: 0.000011,
} as const;
