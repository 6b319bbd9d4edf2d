import { beforeAll, describe, expect, it } from "vitest";
import { bindings, DriveFixture } from "../support/workerd/drive-fixture.ts";
import { driveWork } from "../support/workerd/drive-work.ts";
import { type Ran, WatchedD1 } from "../support/workerd/watched-d1.ts";

const shard = bindings.SHARD_00!;

/** Names under which a statement reads its own lists, trees and sub-selects, not a table. */
function ownNames(sql: string): Set<string> {
  const views = [...sql.matchAll(/(\w+)\s*(?:\([\w, ]*\))?\s+as\s+(?:materialized\s*)?\(/gi)].map((match) => match[1]!);
  const aliases = views.flatMap((view) => [...sql.matchAll(new RegExp(`\\b${view}\\s+(\\w+)`, "gi"))]);
  // `json_each(..) want`, `(select ..) found`
  const behindBrackets = [...sql.matchAll(/\)\s*(\w+)/g)];
  return new Set(["json_each", "CONSTANT", ...views, ...[...aliases, ...behindBrackets].map((match) => match[1]!)]);
}

async function planOf({ sql, args }: Ran): Promise<string[]> {
  const { results } = await shard
    .prepare(`explain query plan ${sql}`)
    .bind(...args)
    .all<{ detail: string }>();
  return results.map(({ detail }) => detail);
}

/** Tables that are read as a whole: a `SCAN` of anything that is not the statement's own. */
async function scans(ran: Ran): Promise<string[]> {
  const own = ownNames(ran.sql);
  const plan = await planOf(ran);
  return plan.filter((detail) => {
    const scanned = /^SCAN (\w+)/.exec(detail)?.[1];
    return scanned !== undefined && !own.has(scanned);
  });
}

/** Searches that know only the tenant, and so read all that it has. */
const byTenantOnly = (plan: string[]): string[] => plan.filter((detail) => detail.endsWith("(tenant_id=?)"));

describe("plans of the statements of a shard", () => {
  const watched = new WatchedD1(shard);
  const byName = new Map<string, Ran[]>();

  beforeAll(async () => {
    const drive = await DriveFixture.create("SHARD_00", () => watched.db);
    const { reads, changes } = await driveWork(drive, watched.db, "work");
    for (const [name, work] of [...Object.entries(reads), ...Object.entries(changes)]) {
      watched.ran.length = 0;
      await work();
      byName.set(name, [...watched.ran]);
    }
  });

  it("no statement reads a whole table, or all that a tenant has", async () => {
    const found: Record<string, string[]> = {};
    for (const [name, all] of byName)
      for (const ran of all) {
        const bad = [...(await scans(ran)), ...byTenantOnly(await planOf(ran))];
        // The tenant's own row is all that the table has of it.
        const rest = bad.filter((detail) => !/ (tenants|t)( EXISTS)? USING /.test(detail));
        if (rest.length > 0) (found[name] ??= []).push(`${rest.join("; ")} in ${ran.sql.trim().slice(0, 400)}`);
      }
    expect(found).toEqual({});
  });

  it("pages that come in the order of an index are not sorted", async () => {
    const inOrder = ["contents by name", "contents by name, descending", "trash", "versions", "changes", "activity"];
    for (const name of inOrder)
      for (const ran of byName.get(name)!) {
        const lists = (await planOf(ran)).filter((detail) => /USE TEMP B-TREE/.test(detail));
        // The chain of a file's folders is sorted by depth, and is as long as the path.
        if (!ran.sql.includes("order by depth")) expect(lists, `${name}: ${ran.sql}`).toEqual([]);
      }
  });

  it("pages of a folder come from the index of names, changes from the journal's key", async () => {
    const plans = async (name: string): Promise<string> =>
      (await Promise.all(byName.get(name)!.map(planOf))).flat().join("\n");
    expect(await plans("contents by name")).toMatch(/files USING INDEX files_name \(tenant_id=\? AND parent_id=\?/);
    expect(await plans("changes")).toMatch(/j USING PRIMARY KEY \(tenant_id=\? AND drive_id=\? AND seq>\?\)/);
    expect(await plans("rights")).toMatch(/f USING PRIMARY KEY \(tenant_id=\? AND file_id=\?\)/);
    expect(await plans("versions")).toMatch(/versions USING PRIMARY KEY \(tenant_id=\? AND file_id=\?/);
  });
});
