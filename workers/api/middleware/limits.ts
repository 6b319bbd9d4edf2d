/** First filters: approximate, per location, and free of any database. The exact budgets are RateBudget's. */
import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { proxyDurable } from "itty-durable";
import { DriveError } from "../../../core/protocol/errors.ts";
import { planOf } from "../../../core/quota/plans.ts";
import type { BudgetAnswer, Spending } from "../../../durable-objects/rate-budget.ts";
import type { AppContext } from "../context.ts";
import type { AppEnv } from "../types.ts";

/** Seconds: the period of the rate-limit bindings. */
const PERIOD = 60;

const limited = (limit: number, retry_after: number, what: string): DriveError =>
  new DriveError("rate_limited", `Too many ${what}; please wait a moment.`, { limit, remaining: 0, retry_after });

/** Whoever asks, from one address. */
export const limitAddress = createMiddleware<AppEnv>(async (c, next) => {
  const { app } = c.var;
  const generous = app.config.DEFAULT_PLAN === "generous";
  const binding = generous ? c.env.ADDRESS_GENEROUS : c.env.ADDRESS_STANDARD;
  const { success } = await binding.limit({ key: c.req.header("cf-connecting-ip") ?? "local" });
  if (!success) throw limited(generous ? 500_000 : 5_000, PERIOD, "requests from this address");
  await next();
});

export const limitUser = createMiddleware<AppEnv>(async (c, next) => {
  const { claims } = c.var;
  const binding = claims.plan === "generous" ? c.env.CALLS_GENEROUS : c.env.CALLS_STANDARD;
  const { success } = await binding.limit({ key: claims.user_id });
  if (!success) throw limited(planOf(claims.plan).calls_per_minute, PERIOD, "requests");
  await next();
});

/** Guessing is slowed per account and address before any password is hashed. */
export async function throttle(c: Context<AppEnv>, who: string): Promise<void> {
  const address = c.req.header("cf-connecting-ip") ?? "local";
  const { success } = await c.env.SIGN_IN.limit({ key: `${who}|${address}` });
  if (!success)
    throw new DriveError("rate_limited", "Too many sign-in attempts; please wait a minute.", { retry_after: 60 });
}

/** Takes from a user's hourly budgets, exactly. */
export async function spend(
  app: AppContext,
  user_id: string,
  plan: string,
  uploads: number,
  bytes: number,
): Promise<void> {
  const { uploads_per_hour, bytes_per_hour } = planOf(plan);
  const budget = proxyDurable(app.env.RATE_BUDGET, { name: "RateBudget", parse: true }).get(user_id);
  const spending: Spending = { uploads, bytes, uploads_per_hour, bytes_per_hour };
  const answer = (await budget.spend(spending)) as BudgetAnswer;
  if (answer.allowed) return;
  const what = answer.budget === "uploads" ? "uploads this hour" : "bytes moved this hour";
  const { limit, remaining, retry_after } = answer;
  throw new DriveError("rate_limited", `Too many ${what}; please wait.`, { limit, remaining, retry_after });
}
