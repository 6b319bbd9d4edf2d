import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { inRoot } from "../../scripts/lib/project.ts";

/** Nothing here looks at a time: only that every line can be measured and every operation counted. */
test("the bench runs to its end and prints every table", { timeout: 600_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [inRoot("bench/run.ts"), "--quick"], {
    cwd: inRoot(""),
    timeout: 590_000,
  });
  const titles = [...stdout.matchAll(/^### (.+?)(?: \(|$)/gm)].map((match) => match[1]);
  expect(titles).toEqual([
    "Large files",
    "Reading whole files",
    "Reading ranges",
    "Small files",
    "Commits on one drive",
    "Listing a folder of 20 entries",
    "Notification of another device",
    "A change told to 5 sockets of one hub",
    "Bytes of others beside new ones, medians of 3 pairs",
    "Endpoints, one call at a time",
    "4 KiB changed in 9 MiB, with cached state",
    "Downloads while the primary fails",
    "Peak of the runtime's resident memory, 5 files of 9 MB at a time",
    "Operations and list prices",
    "Growth: a drive of few files -> one of 2,000",
    "Backup of a drive of 2000 files, and all databases lost",
    "Sync to another device",
  ]);
  expect(stdout).not.toMatch(/NaN|Infinity|undefined/);
  expect(stdout).toContain("exact: every row compared");
  // The second hit of a link touches neither D1 nor R2.
  expect(stdout).toMatch(
    /^\| link, second download +\| +1 \| +0 \/ 0 \| +0 \+ 0 \| +0 \| +0 \/ 0 \| +0 \/ 0 \| +0 \|/m,
  );
});
