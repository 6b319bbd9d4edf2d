import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import { Allowance } from "./allowance.ts";

describe("the allowance of an isolate", () => {
  it("S12: gives what is there, and again what came back; releasing twice gives nothing twice", () => {
    const allowance = new Allowance(10);
    const first = allowance.take(6);
    expect(first).not.toBeNull();
    expect(allowance.take(5)).toBeNull();
    expect(allowance.take(4)).not.toBeNull();
    first?.release();
    first?.release();
    expect(allowance.take(7)).toBeNull();
    expect(allowance.take(6)).not.toBeNull();
  });

  it("S12: what a request that was ended had comes back", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const allowance = new Allowance(10);
    (() => allowance.take(10))();
    const deadline = Date.now() + 10_000;
    let grant = null;
    while (grant === null && Date.now() < deadline) {
      collect();
      await sleep(5);
      grant = allowance.take(10);
    }
    expect(grant).not.toBeNull();
  });
});
