import { describe, expect, it } from "vitest";
import { DriveError } from "../protocol/errors.ts";
import { endVersions, type Outlived, purgeTrash, type RetentionDeps, type RetentionStore } from "./retention.ts";

const policy = { version_days: 30, version_count: 30, trash_days: 30 };
const name = (i: number): string => String(i).padStart(6, "0");

interface World {
  deps: RetentionDeps;
  ended: string[];
  reported: string[];
}

/** `count` files, all with something to end, in pages of `page`. @param fails what the hub says of some */
function world(count: number, page: number, fails = new Map<string, Error>()): World {
  const files = Array.from({ length: count }, (_, i) => name(i));
  const behind = (after: string | null): string[] => files.filter((id) => after === null || id > after).slice(0, page);
  const store: RetentionStore = {
    policy: async () => policy,
    trashed: async (_before, after) =>
      behind(after?.file_id ?? null).map((file_id) => ({ drive_id: "d", trashed_at: 0, file_id })),
    outlived: async (_keep, _since, after) => {
      const page = behind(after);
      const outlived = page.map((file_id): Outlived => ({ drive_id: "d", file_id, version_count: 2, through: 1 }));
      return { files: outlived, next: page.at(-1) ?? null };
    },
  };
  const ended: string[] = [];
  const reported: string[] = [];
  const deps: RetentionDeps = {
    store,
    runIn: () => async (command) => {
      const { file_id } = command as { file_id: string };
      const failure = fails.get(file_id);
      if (failure !== undefined) throw failure;
      ended.push(file_id);
      return null;
    },
    now: () => 0,
    report: (file_id) => void reported.push(file_id),
  };
  return { deps, ended, reported };
}

describe("V9: slices", () => {
  it("a job ends after 20 pages and says where the next one goes on; nothing is left out or done twice", async () => {
    for (const job of ["trash", "versions"] as const) {
      const { deps, ended } = world(450, 10);
      const run = (after: string | null): Promise<string | null> =>
        job === "versions"
          ? endVersions(deps, after)
          : purgeTrash(deps, after === null ? null : { drive_id: "d", trashed_at: 0, file_id: after }).then(
              (key) => key?.file_id ?? null,
            );
      const stops: (string | null)[] = [];
      for (let after: string | null = null; ; after = stops.at(-1) as string) {
        stops.push(await run(after));
        if (stops.at(-1) === null) break;
      }
      expect(stops).toEqual([name(199), name(399), null]);
      expect(ended).toEqual(Array.from({ length: 450 }, (_, i) => name(i)));
    }
  });

  it("one that fails is reported and holds up none of the others; one that is gone is no failure", async () => {
    const fails = new Map<string, Error>([
      [name(3), new Error("no answer")],
      [name(5), new DriveError("not_trashed", "restored meanwhile")],
      [name(7), new DriveError("not_found", "purged meanwhile")],
    ]);
    const { deps, ended, reported } = world(10, 4, fails);
    expect(await purgeTrash(deps, null)).toBeNull();
    expect(ended).toEqual([0, 1, 2, 4, 6, 8, 9].map(name));
    expect(reported).toEqual([name(3)]);
  });

  it("a tenant that is not active here is left alone", async () => {
    const { deps, ended } = world(10, 4);
    deps.store.policy = async () => null;
    expect([await purgeTrash(deps, null), await endVersions(deps, null)]).toEqual([null, null]);
    expect(ended).toEqual([]);
  });
});
