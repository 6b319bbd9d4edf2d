/**
 * Every pack is read back once in 90 days. docs/spec/durability.md, SC1 to SC6.
 *
 *   each day: what was found damaged, again; then a ninetieth of the packs, by their random names
 *   damaged:  healed from the copy elsewhere, where that is whole; else a finding
 */
import { packKey } from "../packs/format.ts";
import { DriveError } from "../protocol/errors.ts";
import type { TenantId } from "../protocol/ids.ts";
import { writeCopy } from "../replica/copy.ts";
import { isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import type { ObjectStore } from "../storage/ports.ts";
import type { Findings, KnownPack, ScrubStore } from "./ports.ts";
import { callsOf, verifyPack } from "./verify-pack.ts";
import { DAY } from "../time.ts";

/** Days in which all packs are read. */
const PARTS = 90;
/** Values of the two random bytes that tell a pack's part. */
const VALUES = 65_536;
/** Bytes and calls of one slice: seconds of CPU; ten jobs share the 10,000 calls of an invocation. */
const BYTES_MAX = 512 * 1024 * 1024;
const CALLS_MAX = 900;
/** A pack that cannot be read for other reasons than damage is tried so often before it is passed over. */
const TRIES_MAX = 5;

export interface ScrubDeps {
  tenant_id: TenantId;
  store: ScrubStore;
  findings: Findings;
  /** Its own objects are not used: they may be of several stores. */
  engine: Engine;
  primary: ObjectStore;
  /** A copy of every pack elsewhere; null where there is none. */
  copy: ObjectStore | null;
  now(): number;
  report(pack_id: string, outcome: "healed" | "damaged", error: unknown): void;
}

/** Where scrubbing goes on. */
export interface ScrubPlace {
  /** Since the epoch. */
  day: number;
  /** Id of the last pack that was read. */
  after: string;
  /** Times that the next one could not be read, for another reason than damage. */
  tries: number;
}

const partOf = (day: number): { from: string; to: string } => {
  const bound = (part: number): string => Math.floor((part * VALUES) / PARTS).toString(16);
  // Behind all hexadecimal digits.
  const to = day % PARTS === PARTS - 1 ? "g" : bound((day % PARTS) + 1).padStart(4, "0");
  return { from: bound(day % PARTS).padStart(4, "0"), to };
};

/**
 * One slice.
 * @param place null begins the day
 * @returns where to go on; null when all of today's part is read
 */
export async function scrub(deps: ScrubDeps, place: ScrubPlace | null): Promise<ScrubPlace | null> {
  const done = await deps.store.scrubbed();
  if (done === null) return null;
  const today = Math.floor(deps.now() / DAY);
  const first = done === 0 ? today : Math.max(done + 1, today - PARTS + 1);
  if (place === null) await lookAgain(deps);
  const at = place ?? { day: first, after: "", tries: 0 };
  if (at.day > today || at.day < first) return null;
  const next = await readPart(deps, at);
  if (next !== null) return next;
  await deps.store.finishDay(at.day);
  return at.day < today ? { day: at.day + 1, after: "", tries: 0 } : null;
}

/** What was damaged may be whole by now, or have a copy, or be gone. */
async function lookAgain(deps: ScrubDeps): Promise<void> {
  for (const { pack_id } of await deps.findings.damaged()) {
    const pack = await deps.store.pack(pack_id);
    if (pack === null || (await check(deps, pack))) await deps.findings.clear("damaged", pack_id);
  }
}

async function readPart(deps: ScrubDeps, place: ScrubPlace): Promise<ScrubPlace | null> {
  const { from, to } = partOf(place.day);
  let { after, tries } = place;
  let [bytes, calls] = [BYTES_MAX, CALLS_MAX];
  for (;;) {
    const page = await deps.store.packs(from, to, after);
    for (const pack of page.packs) {
      if (bytes <= 0 || calls <= 0) return { day: place.day, after, tries };
      try {
        await check(deps, pack);
      } catch (error) {
        // What was read counts; the next slice begins with this one.
        if (tries < TRIES_MAX) return { day: place.day, after, tries: tries + 1 };
        await damagedFor(deps, pack, error);
      }
      [after, tries] = [pack.pack_id, 0];
      bytes -= pack.size;
      calls -= callsOf(pack);
    }
    if (page.last === null) return null;
    after = page.last;
    calls -= 1;
  }
}

/** @returns whether it is whole, now at least. Throws when that could not be found out */
async function check(deps: ScrubDeps, pack: KnownPack): Promise<boolean> {
  const { engine, primary, tenant_id } = deps;
  try {
    await verifyPack(engine, primary, tenant_id, pack);
    return true;
  } catch (error) {
    if (!isDamage(error)) throw error;
    // A round may have deleted it meanwhile.
    if ((await deps.store.pack(pack.pack_id)) === null) return true;
    if (await heal(deps, pack)) {
      deps.report(pack.pack_id, "healed", error);
      return true;
    }
    await damagedFor(deps, pack, error);
    return false;
  }
}

/** Nothing is written before the copy was found whole. */
async function heal({ engine, primary, copy, tenant_id }: ScrubDeps, pack: KnownPack): Promise<boolean> {
  if (copy === null) return false;
  try {
    await verifyPack(engine, copy, tenant_id, pack);
    const key = packKey(tenant_id, pack.pack_id);
    const { metadata } = (await copy.get(key, 0, 1)) ?? { metadata: {} };
    await writeCopy(copy, primary, { key, size: pack.size, metadata }, engine.spare);
    await verifyPack(engine, primary, tenant_id, pack);
    return true;
  } catch (error) {
    if (isDamage(error)) return false;
    throw error;
  }
}

async function damagedFor(deps: ScrubDeps, { pack_id }: KnownPack, error: unknown): Promise<void> {
  const detail = error instanceof DriveError ? error.message : String(error).slice(0, 200);
  await deps.findings.add([{ kind: "damaged", pack_id, detail, found_at: deps.now() }]);
  deps.report(pack_id, "damaged", error);
}
