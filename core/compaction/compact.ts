/**
 * Compaction of a tenant's packs, slice by slice. docs/spec/durability.md, C1 to C12.
 *
 *   pick:     packs that lost a content, of which more than half may be dead, and those with a key that is to be left
 *   survey:   which of their blocks living contents need: one pass over the contents
 *   copy:     those of packs less than half alive or with such a key, into new packs that have no row yet
 *   exchange: manifests that name the old packs, for ones that name the new: another pass
 *
 * Nothing is condemned and nothing deleted here: a round finds that nothing needs the old packs any more (C7).
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import type { GarbageStore, MarkedContent } from "../garbage/ports.ts";
import { newId, type TenantId } from "../protocol/ids.ts";
import { packKey } from "../packs/format.ts";
import { BlockReader, READ_MAX } from "../storage/block-reader.ts";
import { isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { PackSeries } from "../storage/write.ts";
import type { UploadRow } from "../uploads/model.ts";
import { Alive } from "./alive.ts";
import { Copier } from "./copy.ts";
import { type CompactionStore, type Exchange, StagingOver } from "./ports.ts";
import { Rewriter } from "./rewrite.ts";
import { type Candidate, loadRun, type RunState, runKey, saveRun } from "./run-state.ts";
import { type Calls, Survey } from "./survey.ts";
import { DAY } from "../time.ts";

/** A pack is left alone for so long: what is being made of its upload names it as it is. */
const AGE = DAY;
/** A run whose state is older does not go on; its new packs may have rows for another day. */
const RUN_MAX = DAY;
const STAGING = 2 * DAY;

/** Packs of a run: a bit a block, 2 KiB for one of 64 MiB in the shortest blocks. */
const PACKS_MAX = 1_000;
/** Blocks that a run copies: what its state holds. */
export const MOVED_MAX = 65_536;
/** Raw bytes after which a slice copies no further pack: seconds of CPU. */
const COPIED_MAX = 48 * 1024 * 1024;
/** Calls of a slice, and those of one content beyond it; ten jobs share the 10,000 of an invocation. */
const CALLS_MAX = 600;
/** Contents of one batch: 32 KiB of manifests each at most. */
const BATCH = 40;

export interface CompactionDeps {
  tenant_id: TenantId;
  store: CompactionStore;
  contents: Pick<GarbageStore, "contents">;
  engine: Engine;
  /** Pages of one slice, so that it stays within an invocation. */
  pages: number;
  /** Blocks that a run copies, and a pack beyond it: {@link MOVED_MAX}. */
  blocks: number;
  now(): number;
  /** Objects that are new, and stay: to the replica, where there is one (docs/spec/replica.md, RP9). */
  copyLater(keys: readonly string[]): Promise<void>;
  /** A pack that is left alone because it is damaged; or a content that keeps its manifest. */
  report(what: { pack_id: string } | { content_id: string }, error: unknown): void;
}

/** The slice of a run that comes next. */
export interface NextCompaction {
  run: string;
  step: number;
}

/**
 * One slice.
 * @param slice null goes on with the run that is under way, or begins one
 * @returns the slice to do next; null when nothing is left to do, or the message was late
 */
export async function compact(deps: CompactionDeps, slice: NextCompaction | null): Promise<NextCompaction | null> {
  const policy = await deps.store.policy();
  if (policy === null) return null;
  const known = await loadRun(deps.engine.objects, deps.tenant_id);
  if (slice !== null && (known?.run !== slice.run || known.step !== slice.step)) return null;
  const isYoung = known !== null && Math.abs(deps.now() - known.started_at) < RUN_MAX;
  let state = isYoung ? known : slice === null ? newRun(deps, policy.round, "") : null;
  if (state === null) return null;
  try {
    const budget = { pages: deps.pages, calls: { left: CALLS_MAX }, rewrite_below: policy.rewrite_below };
    while (state !== null && budget.pages > 0 && budget.calls.left > 0) state = await advance(deps, state, budget);
  } catch (error) {
    if (!(error instanceof StagingOver)) throw error;
    state = null;
  }
  if (state === null) {
    await deps.engine.objects.delete([runKey(deps.tenant_id)]);
    return null;
  }
  state.step += 1;
  await saveRun(deps.engine.objects, deps.tenant_id, state);
  return { run: state.run, step: state.step };
}

function newRun({ tenant_id, now }: CompactionDeps, round: string, after: string): RunState {
  const started_at = now();
  const run = bytesToHex(crypto.getRandomValues(new Uint8Array(8)));
  const upload_id = newId(tenant_id, started_at);
  const empty = { packs: [], fresh: [], next: null };
  return { run, step: 0, started_at, round, phase: "pick", after, upload_id, ...empty };
}

interface Budget {
  pages: number;
  calls: Calls;
}

interface Slice extends Budget {
  rewrite_below: number;
}

/** @returns null when the last run is done */
async function advance(deps: CompactionDeps, state: RunState, budget: Slice): Promise<RunState | null> {
  switch (state.phase) {
    case "pick":
      return pick(deps, state, budget);
    case "survey":
      return survey(deps, state, budget);
    case "copy":
      return copy(deps, state, budget);
    case "exchange":
      return exchange(deps, state, budget);
  }
}

async function pick({ store }: CompactionDeps, state: RunState, budget: Slice): Promise<RunState | null> {
  budget.pages -= 1;
  const { packs, last } = await store.candidates(state.after, state.started_at - AGE, budget.rewrite_below);
  const taken = packs.slice(0, PACKS_MAX - state.packs.length);
  for (const pack of taken) state.packs.push({ ...pack, alive: 0, bits: "", moved: null });
  if (state.packs.length === PACKS_MAX) state.next = (taken.at(-1) as { pack_id: string }).pack_id;
  else if (last !== null) return { ...state, after: last };
  return state.packs.length === 0 ? null : { ...state, phase: "survey", after: "" };
}

async function survey(deps: CompactionDeps, state: RunState, budget: Budget): Promise<RunState | null> {
  const alive = new Map(state.packs.map((pack) => [pack.pack_id, new Alive(pack)]));
  const looks = new Survey(new BlockReader(deps.engine, deps.tenant_id), alive, budget.calls);
  const after = await eachLiving(deps, state.after, budget, (content) => looks.add(content));
  const packs = state.packs.map((pack) => ({ ...pack, ...alive.get(pack.pack_id)?.save() }));
  return after === null ? choose(deps, { ...state, packs }) : { ...state, packs, after };
}

/** What is damaged is left as it is, and keeps what it names (C6). @returns the last id, null at the end of all */
async function eachLiving(
  deps: CompactionDeps,
  start: string,
  budget: Budget,
  work: (content: MarkedContent) => Promise<void>,
): Promise<string | null> {
  let after = start;
  for (; budget.pages > 0; budget.pages--) {
    const page = await deps.contents.contents(after);
    if (page.length === 0) return null;
    for (const content of page) {
      if (budget.calls.left <= 0) return after;
      try {
        if (!content.is_garbage) await work(content);
      } catch (error) {
        if (!isDamage(error)) throw error;
        deps.report({ content_id: content.content_id }, error);
      }
      after = content.content_id;
    }
  }
  return after;
}

async function choose(deps: CompactionDeps, state: RunState): Promise<RunState | null> {
  // What nothing needs is the next round's (G7).
  const settled = state.packs.filter((pack) => pack.alive === 0 || !isLeft(pack));
  if (settled.length > 0)
    await deps.store.settle(
      state.round,
      settled.map(({ pack_id }) => pack_id),
    );
  let blocks = 0;
  const left = state.packs.filter((pack) => !settled.includes(pack));
  const packs = left.filter((pack, i) => {
    blocks += new Alive(pack).count;
    return i === 0 || blocks <= deps.blocks;
  });
  if (packs.length === 0) return nextRun(deps, state);
  await deps.store.stage(stagingRow(deps, state));
  const next = packs.length < left.length ? (packs.at(-1) as Candidate).pack_id : state.next;
  return { ...state, packs, next, phase: "copy", after: "" };
}

/** What counts as whole has a content that is damaged, which keeps its manifest: copies would be made in vain each day (C6). */
const isLeft = ({ is_old, alive, size }: Candidate): boolean => (is_old ? alive < size : 2 * alive < size);

/** Nobody can complete what was never open, and the sweep of uploads ends it like any other (E11). */
function stagingRow({ tenant_id }: CompactionDeps, { upload_id, started_at }: RunState): UploadRow {
  const nobody = { drive_id: "", target: null, base: null, created_by: "", device_id: null, file_id: null };
  const nothing = { size: null, reserved_bytes: 0, declared_hash: null, part_size: 0, block_bits: 16 } as const;
  const times = { created_at: started_at, expires_at: started_at + STAGING };
  return { tenant_id, upload_id, state: "aborted", ...nobody, ...nothing, ...times };
}

const nextRun = (deps: CompactionDeps, { round, next }: RunState): RunState | null =>
  next === null ? null : newRun(deps, round, next);

async function copy(deps: CompactionDeps, state: RunState, budget: Budget): Promise<RunState | null> {
  const series = new PackSeries(deps.engine, deps.tenant_id, state.upload_id);
  const copier = new Copier(deps.engine, deps.tenant_id, series, state.fresh.length);
  const packs: Candidate[] = [];
  let { after } = state;
  for (const pack of state.packs) {
    if (pack.pack_id > after && copier.copied < COPIED_MAX && budget.calls.left > 0) {
      // Its trailer, its footer, its blocks.
      budget.calls.left -= 3 + Math.floor(pack.size / READ_MAX);
      const moved = await copier.copy(pack, (pack_id, error) => deps.report({ pack_id }, error));
      after = pack.pack_id;
      if (moved !== null) packs.push({ ...pack, moved });
    } else packs.push(pack);
  }
  await copier.finish();
  series.rest();
  const fresh = [...state.fresh, ...series.finished];
  if (copier.copied >= COPIED_MAX) budget.pages = 0;
  const isOver = packs.every(({ pack_id }) => pack_id <= after);
  // All of them were damaged.
  if (isOver && packs.length === 0) return nextRun(deps, state);
  return isOver ? { ...state, packs, fresh, phase: "exchange", after: "" } : { ...state, packs, fresh, after };
}

async function exchange(deps: CompactionDeps, state: RunState, budget: Budget): Promise<RunState | null> {
  const series = new PackSeries(deps.engine, deps.tenant_id, state.upload_id);
  const reader = new BlockReader(deps.engine, deps.tenant_id);
  const rewriter = new Rewriter(reader, series, state, budget.calls);
  let batch: Exchange[] = [];
  const flush = async (): Promise<void> => {
    await rewriter.finish();
    if (batch.length === 0) return;
    const named = new Set(batch.flatMap(({ packs }) => packs));
    const fresh = [...state.fresh, ...series.finished].filter(({ pack_id }) => named.has(pack_id));
    await deps.store.exchange(state.upload_id, fresh, batch, deps.now());
    await deps.copyLater(fresh.map(({ pack_id }) => packKey(deps.tenant_id, pack_id)));
    batch = [];
  };
  const after = await eachLiving(deps, state.after, budget, async ({ content_id, manifest }) => {
    const wanted = await rewriter.rewrite(content_id, manifest);
    if (wanted !== null && batch.push(wanted) === BATCH) await flush();
  });
  await flush();
  series.rest();
  return after === null ? nextRun(deps, state) : { ...state, after };
}
