/** I6: the list of ended sign-ins while the directory answers, fails, hangs, or is asked by a request that goes away. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Api, expectProblem, newUser, withVars } from "../../test/support/workerd/api.ts";
import { RevokedSessions } from "./revoked-sessions.ts";
import { MINUTE } from "../../core/time.ts";

type Answer = () => Promise<string[]>;
const lists =
  (...ids: string[]) =>
  (): Promise<string[]> =>
    Promise.resolve(ids);
const fails: Answer = () => Promise.reject(new Error("out of order"));
const hangs: Answer = () => new Promise(() => undefined);

let answer: Answer;
let asked: number;
let revoked: RevokedSessions;
const pass = (ms: number): void => void vi.setSystemTime(Date.now() + ms);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  asked = 0;
  answer = lists("ended");
  revoked = new RevokedSessions({
    revokedSince: () => {
      asked++;
      return answer();
    },
  });
});
afterEach(() => void vi.useRealTimers());

describe("I6: the list of ended sign-ins", () => {
  it("is read once for all who ask, and again after 30 s", async () => {
    const all = await Promise.all(["ended", "other", "ended"].map((id) => revoked.has(id)));
    expect(all).toEqual([true, false, true]);
    pass(29_000);
    expect([await revoked.has("ended"), asked]).toEqual([true, 1]);
    pass(1_000);
    answer = lists("ended", "other");
    expect([await revoked.has("other"), asked]).toEqual([true, 2]);
  });

  it("knows what was revoked here while it was on its way", async () => {
    let arrive: (ids: string[]) => void = () => undefined;
    answer = () => new Promise((resolve) => (arrive = resolve));
    const asking = revoked.has("mine");
    revoked.add("mine");
    arrive([]);
    expect(await asking).toBe(true);
    expect(await revoked.has("mine")).toBe(true);
  });

  it("serves on for five minutes when the directory fails, which is asked every 5 s, not by every request", async () => {
    await revoked.has("ended");
    answer = fails;
    pass(MINUTE);
    expect([await revoked.has("ended"), await revoked.has("other"), asked]).toEqual([true, false, 2]);
    pass(5_000);
    expect([await revoked.has("ended"), asked]).toEqual([true, 3]);
    pass(4 * MINUTE);
    await expect(revoked.has("other")).rejects.toMatchObject({ code: "unavailable" });
    answer = lists();
    expect(await revoked.has("ended")).toBe(false);
  });

  it("is waited for two seconds when the directory hangs; the next one to ask begins anew", async () => {
    answer = hangs;
    const began = performance.now();
    await expect(revoked.has("other")).rejects.toMatchObject({ code: "unavailable" });
    expect(performance.now() - began).toBeLessThan(4_000);
    answer = lists("ended");
    expect(await revoked.has("ended")).toBe(true);
  });
});

describe("at the door", () => {
  beforeEach(() => void vi.useRealTimers());

  it("I6: without a list nobody is let in: 503 unavailable, never 500", async () => {
    const user = await newUser();
    const DIRECTORY = { prepare: () => ({ bind: () => ({ all: fails, raw: fails, run: fails, first: fails }) }) };
    const answer = await new Api(user.token, withVars({ DIRECTORY })).ask("GET", "search?q=x");
    expectProblem(answer, 503, "unavailable");
    expect(answer.headers.get("retry-after")).toBe("1");
  });
});
