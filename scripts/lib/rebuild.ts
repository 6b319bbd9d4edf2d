/** Fills empty databases from R2: docs/spec/durability.md, BK11. */
import type { DirectoryCursor } from "../../core/backup/directory.ts";
import type { RestoreCursor, Slice } from "../../core/backup/restore.ts";
import type { WithoutBytes } from "../../core/backup/restore-ports.ts";
import type { Operator } from "./operator.ts";

export interface TenantToRestore {
  tenant_id: number;
  shard: string;
  at: number;
  reads_all: boolean;
  stays_closed: boolean;
  without_archive: boolean;
}

export interface Restored {
  state: "done" | "there" | "no_backup";
  rows: number;
  packs: number;
  contents: number;
  restored_to: number | null;
  gaps: string[];
  miscounted: string[];
  without_bytes: WithoutBytes[];
}

/** One tenant, slice by slice. */
export async function restoreTenant(operator: Operator, tenant: TenantToRestore): Promise<Restored> {
  const sum: Restored = {
    state: "done",
    rows: 0,
    packs: 0,
    contents: 0,
    restored_to: null,
    gaps: [],
    miscounted: [],
    without_bytes: [],
  };
  for (let cursor: RestoreCursor | undefined; ;) {
    const slice = await operator<Slice>("restore", { ...tenant, cursor });
    if (!("progress" in slice)) return { ...sum, state: slice.state };
    const { rows, packs, contents, restored_to, gaps, miscounted, without_bytes } = slice.progress;
    sum.rows += rows;
    sum.packs += packs;
    sum.contents += contents;
    sum.restored_to ??= restored_to;
    sum.gaps.push(...gaps);
    sum.miscounted.push(...miscounted);
    sum.without_bytes.push(...without_bytes);
    if (slice.state === "done") return sum;
    cursor = slice.cursor;
  }
}

export interface Rebuilt {
  tenants: number;
  /** Were open where they belong. */
  there: number;
  /** Younger than their first backup: they got an empty drive. */
  provisioned: number;
  rows: number;
  directory_rows: number;
  packs: number;
  contents: number;
  /** The oldest of the moments that tenants are restored to; null where none was. */
  restored_to: number | null;
  /** What is not as it should be, a line each. */
  problems: string[];
}

export interface RebuildOptions {
  at: number;
  reads_all: boolean;
  without_archive?: boolean;
  say: (message: string) => void;
}

type Place = { tenant_id: number; shard: string; state: string };

/** Tenants first, the directory last: until all is there, nobody signs in. Killed anywhere, it is begun again. */
export async function rebuild(
  operator: Operator,
  { at, reads_all, without_archive = false, say }: RebuildOptions,
): Promise<Rebuilt> {
  const sum: Rebuilt = {
    tenants: 0,
    there: 0,
    provisioned: 0,
    rows: 0,
    directory_rows: 0,
    packs: 0,
    contents: 0,
    restored_to: null,
    problems: [],
  };
  const young: Place[] = [];
  for await (const place of tenantsOf(operator, at)) {
    if (place.state === "deleted") continue;
    const one = await restoreTenant(operator, { ...place, at, reads_all, without_archive, stays_closed: false });
    sum.tenants += 1;
    if (one.state === "there") sum.there += 1;
    if (one.state === "no_backup") young.push(place);
    sum.rows += one.rows;
    sum.packs += one.packs;
    sum.contents += one.contents;
    if (one.restored_to !== null) sum.restored_to = Math.min(sum.restored_to ?? Infinity, one.restored_to);
    sum.problems.push(...problemsOf(place.tenant_id, one));
    say(`tenant ${place.tenant_id}: ${one.state}, ${one.rows} rows, ${one.contents} contents`);
  }
  for (let cursor: DirectoryCursor | undefined; ;) {
    const slice = await operator<{ rows: number; refused: string[]; cursor: DirectoryCursor | null }>(
      "backup/directory",
      { at, cursor },
    );
    sum.directory_rows += slice.rows;
    sum.problems.push(...slice.refused.map((key) => `another has the address or key of ${key}`));
    if (slice.cursor === null) break;
    cursor = slice.cursor;
  }
  for (const { tenant_id, shard } of young) {
    const { provisioned } = await operator<{ provisioned: boolean }>("provision", { tenant_id, shard });
    if (provisioned) sum.provisioned += 1;
  }
  return sum;
}

export const problemsOf = (tenant_id: number, restored: Restored): string[] => [
  ...restored.gaps.map(
    (drive) => `tenant ${tenant_id}: a segment of drive ${drive} is missing; it is older than the others`,
  ),
  ...restored.miscounted.map((drive) => `tenant ${tenant_id}: the files of drive ${drive} are not what it counted`),
  ...restored.without_bytes.map(
    ({ file_id, version_id }) => `tenant ${tenant_id}: no bytes for version ${version_id} of file ${file_id}`,
  ),
];

async function* tenantsOf(operator: Operator, at: number): AsyncGenerator<Place> {
  for (let cursor: DirectoryCursor | undefined; ;) {
    const page = await operator<{ tenants: Place[]; cursor: DirectoryCursor | null }>("backup/tenants", { at, cursor });
    yield* page.tenants;
    if (page.cursor === null) return;
    cursor = page.cursor;
  }
}
