/**
 * A round of garbage collection, slice by slice. docs/spec/durability.md, G7 to G13.
 *
 *   contents: note the packs of the living, drop the garbage
 *   hooks:    drop those of contents that are gone
 *   packs:    condemn what is not noted, revive what is, delete what an earlier round condemned and the grace is over
 *
 * Every step can be repeated, and what a crash leaves undone the next round does.
 */
import { bytesToHex } from "@noble/hashes/utils.js";
import { parseText } from "../manifests/root.ts";
import { packKey } from "../packs/format.ts";
import type { TenantId } from "../protocol/ids.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { isDamage } from "../storage/damage.ts";
import type { Engine } from "../storage/engine.ts";
import { type GarbagePolicy, type GarbageStore, RoundOver } from "./ports.ts";
import { loadState, newRound, NEXT_PHASE, type RoundState, saveState, stateKey } from "./round-state.ts";
import { judge } from "./verdict.ts";
import { DAY } from "../time.ts";

/** A round whose state is older does not go on: what it noted says too little of today. */
const ROUND_MAX = 2 * DAY;
/** Root blocks read in a slice, and a page beyond it: each is a call, of the 10,000 that ten jobs of an invocation share. */
const ROOTS_MAX = 400;

export interface GarbageDeps {
  tenant_id: TenantId;
  store: GarbageStore;
  engine: Engine;
  /** Forgets what was made from contents: pictures. */
  forget(content_ids: readonly string[]): Promise<void>;
  /** Pages of one slice, so that it stays within an invocation. */
  pages: number;
  now(): number;
  /** A round is done: what waits for that may begin. */
  done(): Promise<void>;
  /** A content whose packs cannot be known. */
  report(content_id: string, error: unknown): void;
}

/** The slice of a round that comes next. */
export interface NextSlice {
  round: string;
  step: number;
}

/**
 * One slice.
 * @param slice null goes on with the newest round, or begins one
 * @returns the slice to do next; null when the round is done or is not the newest any more
 */
export async function collectGarbage(deps: GarbageDeps, slice: NextSlice | null): Promise<NextSlice | null> {
  const policy = await deps.store.policy();
  if (policy === null) return null;
  const state = slice === null ? await beginOrResume(deps, policy) : await stateOf(deps, policy, slice);
  if (state === null) return null;
  try {
    return (await runSlice(deps, policy, state)) ? await finish(deps, policy, state) : await suspend(deps, state);
  } catch (error) {
    if (error instanceof RoundOver) return null;
    throw error;
  }
}

/** Null for a message that is late or came twice. */
async function stateOf(deps: GarbageDeps, policy: GarbagePolicy, slice: NextSlice): Promise<RoundState | null> {
  if (policy.garbage_round !== slice.round) return null;
  const state = await loadState(deps.engine.objects, deps.tenant_id);
  return state?.place.round === slice.round && state.place.step === slice.step ? state : null;
}

async function beginOrResume(deps: GarbageDeps, policy: GarbagePolicy): Promise<RoundState> {
  const now = deps.now();
  const state = await loadState(deps.engine.objects, deps.tenant_id);
  if (state?.place.round === policy.garbage_round && Math.abs(now - state.place.started_at) < ROUND_MAX) return state;
  return begin(deps);
}

async function begin({ store, now }: GarbageDeps): Promise<RoundState> {
  const round = bytesToHex(crypto.getRandomValues(new Uint8Array(8)));
  // Before anything is read: what others condemn from now on is no earlier round's.
  await store.begin(round);
  return newRound(round, now());
}

/** @returns whether the round is done */
async function runSlice(deps: GarbageDeps, policy: GarbagePolicy, state: RoundState): Promise<boolean> {
  const { place } = state;
  const roots = { read: 0 };
  for (let pages = 0; pages < deps.pages && roots.read < ROOTS_MAX; pages++) {
    const last = await runPage(deps, policy, state, roots);
    if (last !== null) {
      place.after = last;
      continue;
    }
    const phase = NEXT_PHASE[place.phase];
    if (phase === null) return true;
    Object.assign(place, { phase, after: "" });
  }
  return false;
}

/** @returns the last key of the page, null at the end of the phase */
function runPage(
  deps: GarbageDeps,
  policy: GarbagePolicy,
  state: RoundState,
  roots: { read: number },
): Promise<string | null> {
  const { phase, round, after } = state.place;
  if (phase === "contents") return notePage(deps, policy, state, roots);
  return phase === "hooks" ? deps.store.dropHooks(round, after) : judgePage(deps, policy, state);
}

/** @returns the last id of the page, null at the end */
async function notePage(
  deps: GarbageDeps,
  policy: GarbagePolicy,
  { place, needed }: RoundState,
  roots: { read: number },
): Promise<string | null> {
  const page = await deps.store.contents(place.after);
  const garbage: string[] = [];
  const lost = new Set<string>();
  const reader = new BlockReader(deps.engine, deps.tenant_id);
  for (const { content_id, manifest, ...content } of page) {
    const is_garbage = content.is_garbage || policy.is_deleted;
    if (is_garbage) garbage.push(content_id);
    if (policy.is_deleted) continue;
    try {
      for (const pack_id of await packsOf(reader, manifest, roots))
        if (is_garbage) lost.add(pack_id);
        else needed.add(pack_id);
    } catch (error) {
      // Only what is damaged for good: a store that does not answer is asked again.
      if (!isDamage(error)) throw error;
      place.is_blind ||= !is_garbage;
      deps.report(content_id, error);
    }
  }
  if (garbage.length > 0) {
    // First: of a content that is gone nobody knows its packs.
    if (lost.size > 0) await deps.store.note(place.round, [...lost], deps.now());
    await deps.forget(garbage);
    await deps.store.drop(place.round, garbage);
  }
  return page.at(-1)?.content_id ?? null;
}

/** The root names all packs; a pointer only that of the root (M4). */
async function packsOf(reader: BlockReader, manifest: string, roots: { read: number }): Promise<string[]> {
  const node = await parseText(manifest);
  if (node.kind !== "pointer") return node.packs;
  roots.read += 1;
  return [...node.packs, ...(await reader.root(manifest)).packs];
}

/** @returns the last id of the page, null at the end */
async function judgePage(
  deps: GarbageDeps,
  policy: GarbagePolicy,
  { place, needed }: RoundState,
): Promise<string | null> {
  const { store, engine, tenant_id } = deps;
  const remove = async (pack_ids: readonly string[]): Promise<void> => {
    if (pack_ids.length > 0) await engine.objects.delete(pack_ids.map((pack_id) => packKey(tenant_id, pack_id)));
  };
  const page = await store.packs(place.after);
  const now = deps.now();
  const verdict = judge(page, needed, { place, now, grace: policy.is_deleted ? 0 : policy.grace_days * DAY });
  // What an earlier crash left behind; the tombstones that are to be forgotten are among them.
  await remove(page.filter(({ state }) => state === "deleted").map(({ pack_id }) => pack_id));
  if (Object.values(verdict).some((pack_ids) => pack_ids.length > 0))
    await remove(await store.judge(place.round, verdict, now));
  place.has_condemned ||= verdict.condemned.length > 0;
  return page.at(-1)?.pack_id ?? null;
}

async function suspend({ engine, tenant_id }: GarbageDeps, state: RoundState): Promise<NextSlice> {
  state.place.step += 1;
  await saveState(engine.objects, tenant_id, state);
  return { round: state.place.round, step: state.place.step };
}

/** Without a grace the second look follows at once (G13). */
async function finish(deps: GarbageDeps, policy: GarbagePolicy, { place }: RoundState): Promise<NextSlice | null> {
  // First: a slice that is tried again comes here again.
  await deps.done();
  await deps.engine.objects.delete([stateKey(deps.tenant_id)]);
  const isErasure = policy.is_deleted || policy.grace_days === 0;
  return isErasure && place.has_condemned ? suspend(deps, await begin(deps)) : null;
}
