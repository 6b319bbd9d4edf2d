import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { holdLock, LockedError } from "./lock.ts";
import { inRoot } from "../../scripts/lib/project.ts";

const directory = mkdtempSync(join(tmpdir(), "edgedrive-lock-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe("holdLock", () => {
  it("is held by one at a time, also within a process", async () => {
    const path = join(directory, "one");
    const lock = await holdLock(path, { wait_ms: 0 });
    await expect(holdLock(path, { wait_ms: 0 })).rejects.toThrow(LockedError);
    lock.release();
    lock.release();
    (await holdLock(path, { wait_ms: 0 })).release();
  });

  it("waits for a holder that releases in time", async () => {
    const path = join(directory, "two");
    const lock = await holdLock(path, { wait_ms: 0 });
    const second = holdLock(path, { wait_ms: 10_000 });
    lock.release();
    (await second).release();
  });

  it("is dropped with a holder that is killed", async () => {
    const path = join(directory, "three");
    const script = `const { holdLock } = await import(${JSON.stringify(inRoot("cli/places/lock.ts"))});
      await holdLock(${JSON.stringify(path)}, { wait_ms: 0 }); console.log("held"); setInterval(() => {}, 1000);`;
    const holder = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(holder.stdout, "data");
    await expect(holdLock(path, { wait_ms: 0 })).rejects.toThrow(LockedError);
    holder.kill("SIGKILL");
    (await holdLock(path, { wait_ms: 10_000 })).release();
  });
});
