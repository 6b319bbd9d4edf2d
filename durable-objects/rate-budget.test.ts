import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { proxyDurable } from "itty-durable";
import { afterEach, expect, it, vi } from "vitest";
import { apiEnv } from "../test/support/workerd/api.ts";
import type { BudgetAnswer, Spending } from "./rate-budget.ts";

afterEach(() => vi.useRealTimers());

const spending = (uploads: number, bytes: number): Spending => ({
  uploads,
  bytes,
  uploads_per_hour: 100,
  bytes_per_hour: 1000,
});

const spend = (name: string, uploads: number, bytes: number): Promise<BudgetAnswer> =>
  proxyDurable(apiEnv.RATE_BUDGET, { name: "RateBudget", parse: true }).get(name).spend(spending(uploads, bytes));

interface Saved {
  uploads: { tokens: number };
  bytes: { level: number };
}

const objectOf = (name: string) => apiEnv.RATE_BUDGET.get(apiEnv.RATE_BUDGET.idFromName(name));

/** What the object would find again after it was evicted. */
const saved = (name: string): Promise<Saved | undefined> =>
  runInDurableObject(objectOf(name), (_object, { storage }) => storage.get<Saved>("data"));

it("Q7: a budget is written every five seconds at most, and then with all that was taken", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  for (let i = 0; i < 4; i++) await spend("slow", 1, 0);
  expect((await saved("slow"))?.uploads.tokens).toBe(99);
  vi.setSystemTime(Date.now() + 5_000);
  await spend("slow", 1, 0);
  // Five taken, and what five seconds have filled again.
  expect((await saved("slow"))?.uploads.tokens).toBeCloseTo(95.14, 2);
});

it("Q7: a twentieth of a budget is written at once; a refusal is not written", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  for (const bytes of [10, 30, 20]) await spend("fast", 0, bytes);
  expect((await saved("fast"))?.bytes.level).toBe(60);
  await spend("fast", 0, 10);
  expect((await spend("fast", 0, 990)).allowed).toBe(false);
  expect((await saved("fast"))?.bytes.level).toBe(60);
});

it("Q7: what was taken after that is written by an alarm: evictions, one after the other, give nothing back", async () => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
  for (let round = 1; round <= 3; round++) {
    for (let i = 0; i < 4; i++) await spend("patient", 1, 0);
    expect(await runDurableObjectAlarm(objectOf("patient"))).toBe(true);
    await evictDurableObject(objectOf("patient"));
    vi.setSystemTime(Date.now() + 5_000);
    expect((await saved("patient"))?.uploads.tokens).toBeCloseTo(100 - 4 * round + (round - 1) * 0.139, 2);
  }
});
