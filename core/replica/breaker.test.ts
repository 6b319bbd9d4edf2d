import { beforeEach, describe, expect, it } from "vitest";
import { Breaker, type Permit } from "./breaker.ts";

let now: number;
let moves: string[];
let breaker: Breaker;

beforeEach(() => {
  now = 1_000_000;
  moves = [];
  breaker = new Breaker(
    () => now,
    (from, to) => moves.push(`${from} -> ${to}`),
  );
});

const admitted = (): Permit => {
  const permit = breaker.admit();
  if (permit === null) throw new Error("not admitted");
  return permit;
};
const fail = (times = 1): void => {
  for (let i = 0; i < times; i++) breaker.failed(admitted());
};
const succeed = (times = 1): void => {
  for (let i = 0; i < times; i++) breaker.succeeded(admitted());
};

describe("RP5: the breaker", () => {
  it("opens with the fifth failure in a row, not with the fourth", () => {
    fail(4);
    expect(breaker.state).toBe("closed");
    fail();
    expect(breaker.state).toBe("open");
    expect(breaker.admit()).toBeNull();
  });

  it("counts from nothing after a success", () => {
    fail(4);
    succeed();
    fail(4);
    expect(breaker.state).toBe("closed");
  });

  it("opens by calls that were under way together", () => {
    const permits = Array.from({ length: 8 }, admitted);
    for (const permit of permits) breaker.failed(permit);
    expect(moves).toEqual(["closed -> open"]);
  });

  it("lets one probe through after a second, and none beside it", () => {
    fail(5);
    now += 999;
    expect(breaker.admit()).toBeNull();
    now += 1;
    expect(admitted().is_probe).toBe(true);
    expect(breaker.state).toBe("half_open");
    expect(breaker.admit()).toBeNull();
  });

  it("closes with the third success in a row", () => {
    fail(5);
    now += 1_000;
    succeed(2);
    expect(breaker.state).toBe("half_open");
    succeed();
    expect(moves).toEqual(["closed -> open", "open -> half_open", "half_open -> closed"]);
    expect(admitted().is_probe).toBe(false);
  });

  it("opens again when a probe fails, and waits twice as long each time, up to 30 s", () => {
    fail(5);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
      now += seconds * 1_000 - 1;
      expect(breaker.admit(), `${seconds} s`).toBeNull();
      now += 1;
      fail();
      expect(breaker.state).toBe("open");
    }
  });

  it("waits a second again after it was closed", () => {
    fail(5);
    now += 1_000;
    fail();
    now += 2_000;
    succeed(3);
    fail(5);
    now += 1_000;
    expect(breaker.admit()).not.toBeNull();
  });

  it("a failure after two successes of probes opens it, and the successes are forgotten", () => {
    fail(5);
    now += 1_000;
    succeed(2);
    fail();
    now += 2_000;
    succeed(2);
    expect(breaker.state).toBe("half_open");
  });

  it("a probe that was never settled makes place after 30 s", () => {
    fail(5);
    now += 1_000;
    admitted();
    now += 29_999;
    expect(breaker.admit()).toBeNull();
    now += 1;
    succeed(3);
    expect(breaker.state).toBe("closed");
  });

  it("what was admitted before it opened neither closes it nor lets it wait longer", () => {
    const early = Array.from({ length: 4 }, admitted);
    fail(5);
    now += 1_000;
    for (const permit of early.slice(0, 3)) breaker.succeeded(permit);
    expect(breaker.state).toBe("open");
    const probe = admitted();
    breaker.failed(early[3]!);
    expect(breaker.state).toBe("half_open");
    breaker.succeeded(probe);
    succeed(2);
    expect(breaker.state).toBe("closed");
  });

  it("opens at once when another isolate says so, and only from closed", () => {
    breaker.trip();
    expect(breaker.state).toBe("open");
    now += 1_000;
    admitted();
    breaker.trip();
    expect(moves).toEqual(["closed -> open", "open -> half_open"]);
  });
});
