/** Rate limits as pure functions of state and time (milliseconds). */
import { HOUR } from "../time.ts";

/** Token bucket: `tokens` are left, filled evenly up to the capacity. */
export interface TokenBucket {
  tokens: number;
  at: number;
}

/** Leaky bucket: `level` is what has not drained yet. */
export interface LeakyBucket {
  level: number;
  at: number;
}

export interface Verdict<S> {
  allowed: boolean;
  state: S;
  /** What is left now. */
  remaining: number;
  /** Seconds until the same request would pass; 0 when it passed, Infinity when it never can. */
  retry_after: number;
}

/** @param capacity tokens an hour, and at most at once */
export function takeToken(state: TokenBucket | null, capacity: number, now: number): Verdict<TokenBucket> {
  const elapsed = state === null ? 0 : Math.max(0, now - state.at);
  const tokens = state === null ? capacity : Math.min(capacity, state.tokens + (elapsed / HOUR) * capacity);
  const allowed = tokens >= 1;
  const left = allowed ? tokens - 1 : tokens;
  const retry_after = allowed ? 0 : (((1 - tokens) / capacity) * HOUR) / 1000;
  return { allowed, state: { tokens: left, at: now }, remaining: Math.floor(left), retry_after };
}

/** @param capacity bytes that drain in an hour, and the most that fits at once */
export function pour(state: LeakyBucket | null, amount: number, capacity: number, now: number): Verdict<LeakyBucket> {
  const elapsed = state === null ? 0 : Math.max(0, now - state.at);
  const level = state === null ? 0 : Math.max(0, state.level - (elapsed / HOUR) * capacity);
  // A body larger than the whole bucket may pass when the bucket is empty, else it never could.
  const allowed = level + amount <= capacity || level === 0;
  const next = allowed ? level + amount : level;
  const overflow = Math.min(level, level + amount - capacity);
  const retry_after = allowed ? 0 : ((overflow / capacity) * HOUR) / 1000;
  return { allowed, state: { level: next, at: now }, remaining: Math.max(0, Math.floor(capacity - next)), retry_after };
}
