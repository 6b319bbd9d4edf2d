import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { end, identify, isRunning } from "./processes.ts";

const sleeper = () => spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });

describe("processes", () => {
  it("ends a process that still is the one recorded", async () => {
    const child = sleeper();
    await once(child, "spawn");
    const id = identify(child.pid!)!;
    expect(isRunning(id)).toBe(true);
    expect(await end([id])).toEqual([id]);
    expect(isRunning(id)).toBe(false);
  });

  it("never touches a process that only has the same number", async () => {
    const child = sleeper();
    await once(child, "spawn");
    expect(await end([{ pid: child.pid!, started: "some other time" }])).toEqual([]);
    expect(isRunning(identify(child.pid!)!)).toBe(true);
    child.kill("SIGKILL");
  });

  it("knows no process where there is none", () => {
    // Above the largest pid_max of Linux, 2^22.
    expect(identify(2 ** 22 + 1)).toBeUndefined();
  });
});
