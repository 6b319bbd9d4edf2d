/** Whether a master key is needed, and its end. docs/spec/storage.md, K9. */
import { DriveError } from "../protocol/errors.ts";
import type { MasterKeys } from "./masters.ts";
import type { KeyCopies, MasterChecks } from "./ports.ts";
import { readTenantKeys } from "./read-back.ts";

/** Isolates that know an older list of masters are gone after this: nothing more is wrapped by its newest one. */
const SETTLED = 60 * 60_000;

/** A place where things lie that masters wrap, as it is called to people. */
export interface MasterUse {
  place: string;
  /** How many things each master wraps there. */
  count(): Promise<Map<string, number>>;
}

export interface MasterReport {
  version: string;
  is_configured: boolean;
  /** Wrapped things by place; places where it wraps none are missing. */
  in_use: Record<string, number>;
}

export const copiesUse = (copies: KeyCopies): MasterUse => ({
  place: "copies",
  async count() {
    const counts = new Map<string, number>();
    for await (const page of readTenantKeys(copies))
      for (const { master_version: version } of page) counts.set(version, (counts.get(version) ?? 0) + 1);
    return counts;
  },
});

export interface MasterDeps {
  masters: MasterKeys;
  checks: MasterChecks;
  uses: readonly MasterUse[];
  now(): number;
}

/** Of every master that is configured, kept or in use. Counts everything anew, in all places. */
export async function reportMasters({ masters, checks, uses }: MasterDeps): Promise<MasterReport[]> {
  const counted = await Promise.all(uses.map(async ({ place, count }) => ({ place, counts: await count() })));
  const versions = new Set([
    ...masters.keys.keys(),
    ...(await checks.all()).keys(),
    ...counted.flatMap(({ counts }) => [...counts.keys()]),
  ]);
  return [...versions].toSorted().map((version) => ({
    version,
    is_configured: masters.keys.has(version),
    in_use: Object.fromEntries(
      counted.flatMap(({ place, counts }) => (counts.has(version) ? [[place, counts.get(version) as number]] : [])),
    ),
  }));
}

/** From then on a list of masters without it is accepted. Repeating it is harmless. @throws `master_key_in_use` with the reason */
export async function retireMaster(deps: MasterDeps, version: string): Promise<void> {
  const { masters, checks, now } = deps;
  const inUse = (why: string): DriveError =>
    new DriveError("master_key_in_use", `${version} cannot be retired: ${why}.`);
  if (version === masters.newest) throw inUse("it is the newest, which wraps all that is new");
  const newest = (await checks.all()).get(masters.newest);
  if (newest === undefined || newest.since > now() - SETTLED)
    throw inUse(`${masters.newest} has not been in use for an hour, and an older deployment may still be running`);
  const places = (await reportMasters(deps)).find((master) => master.version === version)?.in_use ?? {};
  const [first] = Object.entries(places);
  if (first !== undefined) throw inUse(`it wraps ${first[1]} in ${first[0]}; rotate first`);
  await checks.forget(version);
}
