/** Three trees in, operations out: docs/spec/sync-client.md, PL1 to PL8. Pure. */
import { nameKey } from "../../../core/files/names.ts";
import { Evaluation } from "./evaluate.ts";
import { type Down, type Plan, temporaryName, type Up } from "./operations.ts";
import type { Problem } from "../ports.ts";
import { order } from "./order.ts";
import { type Rules, type Trees, View } from "./view.ts";

export type { Correction, Down, Plan, Up } from "./operations.ts";
export type { Rules, Trees } from "./view.ts";

export interface PlanOptions {
  rules: Rules;
  /** Refused for good, by file or node: code. */
  refused: ReadonlyMap<string, string>;
  /** Not to be tried now. */
  held: ReadonlySet<string>;
}

/** @param dirty files and nodes that may need something; all others are known to need nothing */
export function plan(trees: Trees, dirty: Iterable<string>, { rules, refused, held }: PlanOptions): Plan {
  const view = new View(trees, rules, refused);
  // By name, so that the order in which changes became known does not matter (PL1).
  const keys = [...dirty].toSorted();
  const evaluation = new Evaluation(view, keys);
  for (const key of keys) {
    if (held.has(key)) continue;
    if (view.local.get(key) === undefined) evaluation.file(key);
    else if (view.local.get(key)!.file_id === null) evaluation.node(key);
  }
  const { hash, corrections, problems, pending } = evaluation;
  const isReady = hash.size === 0 && corrections.length === 0;
  const up = isReady ? orderUp(view, evaluation.up) : [];
  const down = isReady ? orderDown(view, evaluation.down) : [];
  if (isReady && up.length === 0 && down.length === 0) problems.push(...blocked(view, evaluation.down));
  const isOpen = (key: string): boolean =>
    held.has(key) || pending.has(key) || evaluation.up.has(key) || evaluation.down.has(key);
  const corrected = new Set(corrections.map(({ file_id }) => file_id));
  const settled = keys.filter((key) => !isOpen(key) && !corrected.has(key));
  return { hash: [...hash], corrections, up, down, problems, settled };
}

/** What could be done but for what has its place, and stays there. */
function blocked(view: View, downs: ReadonlyMap<string, Down[]>): Problem[] {
  return [...downs.values()].flat().flatMap((down) => {
    const { file_id } = down;
    if (file_id === null) return [];
    const node = view.local.of(file_id);
    const path = node === undefined ? view.remote.tree.path(file_id) : view.local.path(node);
    const [code, detail] =
      down.kind === "remove"
        ? ["not_empty", "It was deleted elsewhere, but holds what is not synced."]
        : ["name_clash", "Something else has its place here."];
    return { path, file_id, code, detail };
  });
}

const RANK = { make: 0, place: 1, put: 2, trash: 3, move: 1, park: 1, fetch: 2, recover: 2, remove: 3 } as const;

const byRank = <Op extends Up | Down>(ops: Iterable<Op[]>): Op[] =>
  [...ops].flat().toSorted((a, b) => RANK[a.kind] - RANK[b.kind]);

/** What brings back folders that are gone there: where they come back is known when it was done. */
function bringsBack(view: View, up: Up): boolean {
  if (up.kind === "trash") return false;
  const file_id = up.kind === "make" ? null : up.file_id;
  return view.seen(up.parent_id) === undefined || (file_id !== null && view.seen(file_id) === undefined);
}

function orderUp(view: View, all: ReadonlyMap<string, Up[]>): Up[] {
  const isHasty = [...all.values()].flat().some((up) => bringsBack(view, up));
  const ups = new Map(
    [...all].map(([key, own]) => [key, own.filter((up) => !isHasty || up.kind !== "trash" || !up.is_folder)]),
  );
  const leaving = new Map<string, Up>();
  for (const up of [...ups.values()].flat())
    if (up.kind === "place" || up.kind === "trash") leaving.set(up.file_id, up);
  const broken = new Set<Up>();
  return order(byRank(ups.values()), {
    before(up) {
      if (up.kind === "trash" || (up.kind === "put" && up.file_id !== null)) return [];
      const self = up.kind === "place" ? up.file_id : null;
      const first: Up[] = [];
      for (const other of view.remote.tree.named(up.parent_id, up.name)) {
        const leaves = other === self ? undefined : leaving.get(other);
        if (leaves !== undefined && !isSameName(leaves, up)) first.push(leaves);
      }
      // Into what lies in itself there: that comes out first.
      const chain = self === null ? [] : [...view.remote.tree.chain(up.parent_id)];
      if (self !== null && chain.includes(self))
        for (const above of chain.slice(0, chain.indexOf(self))) {
          const leaves = leaving.get(above);
          if (leaves !== undefined) first.push(leaves);
        }
      return first;
    },
    breakAt(up) {
      if (up.kind !== "place" || broken.has(up)) return undefined;
      const now = view.remote.get(up.file_id);
      if (now === undefined || now.parent_id === null) return undefined;
      broken.add(up);
      return { ...up, parent_id: now.parent_id, name: temporaryName(now.name, up.file_id) };
    },
  });
}

const isSameName = (leaves: Up, up: { parent_id: string; name: string }): boolean =>
  leaves.kind === "place" && leaves.parent_id === up.parent_id && nameKey(leaves.name) === nameKey(up.name);

function orderDown(view: View, downs: ReadonlyMap<string, Down[]>): Down[] {
  const { local } = view;
  const of = <K extends Down["kind"]>(file_id: string | null, ...kinds: K[]): Extract<Down, { kind: K }> | undefined =>
    (downs.get(file_id ?? "") ?? []).find((down): down is Extract<Down, { kind: K }> => kinds.includes(down.kind as K));
  const parked = new Set<Down>();

  /** What must happen so that the remote place of a file is free; null when it will not be. */
  const freeing = (down: Extract<Down, { remote: unknown }>): Down[] | null => {
    const first: Down[] = [];
    for (const id of view.occupants(down.remote)) {
      const node = local.get(id)!;
      const leaves = of(node.file_id, "move", "remove", "recover") ?? of(id, "recover");
      if (leaves === undefined) return null;
      if (leaves.kind === "move" && stays(leaves, down)) return null;
      first.push(leaves);
    }
    return first;
  };
  const stays = (move: Extract<Down, { kind: "move" }>, down: Extract<Down, { remote: unknown }>): boolean =>
    move.remote.parent_id === down.remote.parent_id &&
    local.tree.keyOf(move.remote.name) === local.tree.keyOf(down.remote.name);

  const before = (down: Down): Down[] | null => {
    if (down.kind === "recover" || down.kind === "park") return [];
    if (down.kind === "fetch" && down.node !== null) return [];
    if (down.kind === "remove") return emptying(down);
    const free = freeing(down);
    if (free === null) return null;
    const parent_id = down.remote.parent_id!;
    const made = of(parent_id, "make");
    if (local.of(parent_id) === undefined && made === undefined) return null;
    const inside = down.kind === "move" ? leavingFrom(down, parent_id) : [];
    if (inside === null) return null;
    return [...(made ? [made] : []), ...free, ...inside];
  };

  /** Into what lies in itself here: that comes out first. Null: it does not. */
  const leavingFrom = (move: Extract<Down, { kind: "move" }>, parent_id: string): Down[] | null => {
    const folder = local.of(parent_id);
    const chain = folder === undefined ? [] : [...local.tree.chain(folder)];
    const self = chain.indexOf(move.node);
    if (self < 0) return [];
    const leaving = chain.slice(0, self).flatMap((id) => of(local.get(id)!.file_id, "move") ?? []);
    return leaving.length === 0 ? null : leaving;
  };

  /** A folder goes when all that is in it has gone. */
  const emptying = ({ node, is_folder }: Extract<Down, { kind: "remove" }>): Down[] | null => {
    if (!is_folder) return [];
    const first: Down[] = [];
    for (const id of local.tree.children(node)) {
      const { file_id } = local.get(id)!;
      const leaves = of(file_id, "move", "remove", "recover") ?? of(id, "recover");
      if (leaves === undefined) return null;
      if (leaves.kind === "move" && leaves.remote.parent_id === local.get(node)!.file_id) return null;
      first.push(leaves);
    }
    return first;
  };

  return order(byRank(downs.values()), {
    before,
    breakAt(down) {
      if (down.kind !== "move" || parked.has(down)) return undefined;
      parked.add(down);
      return { kind: "park", file_id: down.file_id, node: down.node };
    },
  });
}
