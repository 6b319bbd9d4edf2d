/** Counts what was asked of the platform, from the runtime's own record of every call of a binding. */
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { Operations } from "./prices.ts";

const QUERY = "/cdn-cgi/local/explorer/api/local/observability/query";

const answerSchema = z.object({
  result: z.object({ rows: z.array(z.array(z.union([z.string(), z.number(), z.null()]))) }),
});

/** Spans reach the store a moment after they end; this long without a new one means that all is done. */
const QUIET_MS = 700;
const PATIENCE_MS = 30_000;

/** What the local runtime asks of an object's storage for itself. */
const NOT_OURS = "coalesce(attributes ->> '$.\"db.query.text\"', '') not like '%__miniflare_do_name%'";

const attribute = (name: string): string => `coalesce(attributes ->> '$."${name}"', 0)`;

/** A request from outside. */
const IS_REQUEST = "parent_id is null and kind = 'http'";

const CLASS_A = ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "ListObjects"];
const CLASS_B = ["GetObject", "HeadObject"];
const among = (operations: string[]): string =>
  `attributes ->> '$."cloudflare.r2.operation"' in (${operations.map((name) => `'${name}'`).join(", ")})`;

/**
 * One sum for each kind of operation. Objects on SQLite pay a row for a key read or written, and for an alarm set.
 * A `sendBatch` counts as one message: what is counted here is one operation, which wakes each queue once.
 */
const SUMS: Record<keyof Operations, string> = {
  requests: `sum(${IS_REQUEST} or name = 'queue')`,
  d1_rows_read: `sum(iif(kind = 'd1', ${attribute("cloudflare.d1.response.rows_read")}, 0))`,
  d1_rows_written: `sum(iif(kind = 'd1', ${attribute("cloudflare.d1.response.rows_written")}, 0))`,
  object_requests: "sum(name in ('durable_object_subrequest', 'alarm'))",
  object_rows_read: `sum(iif(name = 'durable_object_storage_exec' and ${NOT_OURS},
    ${attribute("cloudflare.durable_object.response.rows_read")}, name = 'durable_object_storage_get'))`,
  object_rows_written: `sum(iif(name = 'durable_object_storage_exec' and ${NOT_OURS},
    ${attribute("cloudflare.durable_object.response.rows_written")},
    name in ('durable_object_storage_put', 'durable_object_storage_delete', 'durable_object_storage_setAlarm')))`,
  object_ms: "sum(iif(name in ('durable_object_subrequest', 'alarm'), duration_ms, 0))",
  r2_class_a: `sum(kind = 'r2' and ${among(CLASS_A)})`,
  r2_class_b: `sum(kind = 'r2' and ${among(CLASS_B)})`,
  queue_messages: "sum(name in ('queue_send', 'queue_sendBatch', 'queue_send_batch'))",
};

export interface Counted {
  /** With what it left to queues. */
  all: Operations;
  /** What the consumers of queues did of it, after the answer. */
  later: Operations;
}

export class Traces {
  readonly #url: string;

  constructor(product_url: string) {
    this.#url = `${product_url}${QUERY}`;
  }

  async #query(sql: string): Promise<(string | number | null)[][]> {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(this.#url, { method: "POST", headers, body: JSON.stringify({ sql }) });
    if (!answer.ok) throw new Error(`the trace store answered ${answer.status}: ${await answer.text()}`);
    return answerSchema.parse(await answer.json()).result.rows;
  }

  /** Resolves when nothing runs any more and everything has been recorded. */
  async settled(): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    let last = "";
    let since = Date.now();
    while (Date.now() - since < QUIET_MS) {
      if (Date.now() > deadline) throw new Error(`the product is not quiet after ${PATIENCE_MS} ms`);
      await sleep(100);
      const state = JSON.stringify(await this.#query("select count(*), sum(duration_ms is null) from spans"));
      if (state !== last) since = Date.now();
      last = state;
    }
  }

  /** What happened for `work`. Nothing else may run. */
  async count(work: () => Promise<unknown>): Promise<Counted> {
    await this.settled();
    const from = Date.now();
    await work();
    await this.settled();
    const since = `start_ms >= ${from}`;
    const asked = `select trace_id from spans where ${since} and ${IS_REQUEST}`;
    return { all: await this.#sum(since), later: await this.#sum(`${since} and trace_id not in (${asked})`) };
  }

  async #sum(where: string): Promise<Operations> {
    const columns = Object.values(SUMS).map((sum) => `coalesce(${sum}, 0)`);
    const [row] = await this.#query(`select ${columns.join(", ")} from spans where ${where}`);
    const names = Object.keys(SUMS) as (keyof Operations)[];
    return Object.fromEntries(names.map((name, i) => [name, Number(row?.[i])])) as unknown as Operations;
  }
}
