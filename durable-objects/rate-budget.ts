/** Hourly budgets of a user, exact: one object per user. Small state and tiny calls, so `itty-durable` carries it. */
import { DurableObject } from "cloudflare:workers";
import { createDurable } from "itty-durable";
import { type LeakyBucket, pour, takeToken, type TokenBucket } from "../core/quota/buckets.ts";

export interface Spending {
  /** Upload sessions to start. */
  uploads: number;
  /** Bytes to move. */
  bytes: number;
  /** The plan's numbers, an hour. */
  uploads_per_hour: number;
  bytes_per_hour: number;
}

export interface BudgetAnswer {
  allowed: boolean;
  budget: "uploads" | "bytes";
  limit: number;
  remaining: number;
  /** Seconds. */
  retry_after: number;
}

/** A row a request would cost more than the request: docs/spec/quota.md, Q7. Milliseconds, and a share of a budget. */
const SAVE_EVERY = 5_000;
const SAVE_SHARE = 0.05;

class Budget extends createDurable({ autoPersist: true }) {
  uploads: TokenBucket | null = null;
  bytes: LeakyBucket | null = null;
  saved_at = 0;
  /** Taken since then, as a share of the budgets. No private field: itty puts a proxy around all of it. */
  unsaved = 0;

  /** When an alarm saves what is left; it may be past. */
  saves_at = 0;

  /** Asked for after every call. */
  override async persist(): Promise<void> {
    const now = Date.now();
    if (now - this.saved_at >= SAVE_EVERY || this.unsaved >= SAVE_SHARE) return this.save();
    if (this.unsaved === 0 || this.saves_at > now) return;
    this.saves_at = now + SAVE_EVERY;
    await this.setAlarm(this.saves_at);
  }

  /** Nothing is unsaved in an object that has not been loaded yet. */
  async save(): Promise<void> {
    if (this.unsaved === 0) return;
    this.saved_at = Date.now();
    this.unsaved = 0;
    await super.persist();
  }

  /** Takes from both budgets or from none. */
  spend(wanted: Spending): BudgetAnswer {
    const now = Date.now();
    const uploads = wanted.uploads === 0 ? null : takeToken(this.uploads, wanted.uploads_per_hour, now);
    const bytes = pour(this.bytes, wanted.bytes, wanted.bytes_per_hour, now);
    const refused = uploads !== null && !uploads.allowed ? uploads : bytes;
    if ((uploads?.allowed ?? true) && bytes.allowed) {
      this.uploads = uploads?.state ?? this.uploads;
      this.bytes = bytes.state;
      this.unsaved += wanted.uploads / wanted.uploads_per_hour + wanted.bytes / wanted.bytes_per_hour;
    }
    const budget = refused === bytes ? "bytes" : "uploads";
    const limit = budget === "bytes" ? wanted.bytes_per_hour : wanted.uploads_per_hour;
    const { allowed, remaining, retry_after } = refused;
    return { allowed, budget, limit, remaining, retry_after };
  }
}

/** itty's class is no `DurableObject` of its own and proxies what it finds in `env`, so it gets an empty one. */
export class RateBudget extends DurableObject {
  readonly #budget: Budget;

  constructor(ctx: DurableObjectState, env: object) {
    super(ctx, env as never);
    this.#budget = new Budget(ctx, {});
  }

  override fetch(request: Request): Promise<Response> {
    return this.#budget.fetch(request);
  }

  /** Else whoever takes a little and waits for the eviction, again and again, would take it for nothing. */
  override alarm(): Promise<void> {
    this.#budget.saves_at = 0;
    return this.#budget.save();
  }
}
