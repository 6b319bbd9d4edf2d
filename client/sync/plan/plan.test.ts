import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { nameKey } from "../../../core/files/names.ts";
import { LocalTree, ROOT_NODE } from "../local/local-tree.ts";
import type { RemoteFile, SyncedItem } from "../ports.ts";
import { RemoteTree } from "../remote-tree.ts";
import { Tree } from "../tree.ts";
import { plan, type Plan, type Trees } from "./index.ts";
import { samePlace } from "./view.ts";

const ROOT = "root";
const IDS = ["f1", "f2", "f3", "f4", "f5"];
const NAMES = ["a", "b", "c"];

/** One file as a side has it: which folder among those before it, name, content. Null: it is not there. */
const side = fc.option(
  fc.record({ folder: fc.nat({ max: 4 }), name: fc.constantFrom(...NAMES), version: fc.nat({ max: 2 }) }),
  { freq: 4 },
);
const item = fc.record({ is_folder: fc.boolean(), remote: side, synced: side, local: side });
const triple = fc.array(item, { minLength: IDS.length, maxLength: IDS.length });
type Triple = typeof triple extends fc.Arbitrary<infer T> ? T : never;
type Side = "remote" | "synced" | "local";

/**
 * What a side has, each in a folder before it, so that a tree it is. What has a name already in its folder is left out, as
 * no side has two of a name.
 */
function* distinct(all: Triple, of: Side): Generator<{ i: number; parent_id: string }> {
  const taken = new Set<string>();
  const folders = [ROOT];
  for (const [i, one] of all.entries()) {
    const at = one[of];
    if (at === null) continue;
    const parent_id = folders[at.folder % folders.length]!;
    const key = `${parent_id}/${at.name}`;
    if (taken.has(key)) continue;
    taken.add(key);
    yield { i, parent_id };
    if (one.is_folder) folders.push(IDS[i]!);
  }
}

const fingerprint = (is_folder: boolean, version: number) => ({
  identity: null,
  kind: is_folder ? ("folder" as const) : ("file" as const),
  size: is_folder ? 0 : 10 + version,
  modified_ms: is_folder ? 0 : version,
  executable: false,
});

function treesOf(all: Triple, sequence: readonly number[]): Trees {
  const remote = new RemoteTree(ROOT, ROOT);
  const synced = new Tree<SyncedItem>(nameKey);
  const local = new LocalTree(ROOT, (name) => name);
  const inOrder = (of: Side) => {
    const found = [...distinct(all, of)];
    return sequence.flatMap((i) => found.find((one) => one.i === i) ?? []);
  };
  for (const { i, parent_id } of inOrder("remote")) {
    const { name, version } = all[i]!.remote!;
    const { is_folder } = all[i]!;
    const file: RemoteFile = {
      file_id: IDS[i]!,
      drive_id: ROOT,
      parent_id,
      name,
      is_folder,
      size: is_folder ? 0 : 10 + version,
      content_hash: is_folder ? null : `hash ${version}`,
      version_id: is_folder ? null : `version ${version}`,
      vector: { other: version + 1 },
      permission: "owner",
      metadata: {},
      modified_at: null,
      trashed_at: null,
    };
    remote.put(file);
  }
  for (const { i, parent_id } of inOrder("synced")) {
    const { name, version } = all[i]!.synced!;
    const { is_folder } = all[i]!;
    synced.set(IDS[i]!, {
      file_id: IDS[i]!,
      drive_id: ROOT,
      parent_id,
      name,
      is_folder,
      vector: { other: version + 1 },
      version_id: is_folder ? null : `version ${version}`,
      hash: is_folder ? null : `hash ${version}`,
      local: { ...fingerprint(is_folder, version), name },
    });
  }
  const nodes = new Map([[ROOT, ROOT_NODE]]);
  // Ids of nodes come in the order of the tree, whatever that of the maps: a scan gives them.
  for (const { i, parent_id } of distinct(all, "local")) {
    const parent = nodes.get(parent_id)!;
    const { name, version } = all[i]!.local!;
    const { is_folder } = all[i]!;
    const seen = fingerprint(is_folder, version);
    const id = local.add({
      parent_id: parent,
      name,
      disk_name: name,
      is_folder,
      seen,
      file_id: synced.has(IDS[i]!) ? IDS[i]! : null,
      hashed: is_folder ? null : { hash: `hash ${version}`, of: seen },
      blocked: null,
      parked: false,
    });
    nodes.set(IDS[i]!, id);
  }
  return { remote, synced, local };
}

const options = {
  rules: { isExcluded: () => false, refusalOf: () => null },
  refused: new Map<string, string>(),
  held: new Set<string>(),
};

function planOf(trees: Trees, backwards = false): Plan {
  const dirty = [...IDS, ...[...trees.local.tree.ids()].filter((id) => id !== ROOT_NODE)];
  return plan(trees, backwards ? dirty.toReversed() : dirty, options);
}

const forwards = IDS.map((_, i) => i);

describe("plan", () => {
  it("PL1: the same trees give the same plan, whatever order their entries come in", () => {
    fc.assert(
      fc.property(triple, fc.shuffledSubarray(forwards, { minLength: IDS.length }), (all, sequence) => {
        expect(planOf(treesOf(all, sequence), true)).toEqual(planOf(treesOf(all, forwards)));
      }),
      { numRuns: 2_000 },
    );
  });

  it("PL4: nothing is removed or written over here that was changed here", () => {
    fc.assert(
      fc.property(triple, (all) => {
        const trees = treesOf(all, forwards);
        for (const down of planOf(trees).down) {
          if (down.kind !== "remove" && down.kind !== "fetch") continue;
          const node = down.node === null ? undefined : trees.local.get(down.node);
          if (node === undefined || node.is_folder) continue;
          expect(node.hashed!.hash).toBe(trees.synced.get(down.file_id)!.hash);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("PL4: a delete says no more than what was here, and no folder goes there with something that was not", () => {
    fc.assert(
      fc.property(triple, (all) => {
        const trees = treesOf(all, forwards);
        for (const up of planOf(trees).up) {
          if (up.kind !== "trash") continue;
          const [there, here] = [trees.remote.get(up.file_id)!, trees.synced.get(up.file_id)!];
          const isSame = there.version_id === here.version_id && samePlace(there, here);
          if (!isSame) expect(up.base).toEqual(here.vector);
          for (const below of trees.remote.tree.below(up.file_id)) {
            expect(trees.synced.has(below)).toBe(true);
            expect(trees.local.of(below)).toBe(undefined);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("PL6: folders come before what is in them, and go after it", () => {
    fc.assert(
      fc.property(triple, (all) => {
        const trees = treesOf(all, forwards);
        const { down } = planOf(trees);
        const at = (kind: string, file_id: string | null): number =>
          down.findIndex((one) => one.kind === kind && one.file_id === file_id);
        for (const [i, one] of down.entries()) {
          if ("remote" in one && at("make", one.remote.parent_id) >= 0)
            expect(at("make", one.remote.parent_id)).toBeLessThan(i);
          if (one.kind === "remove")
            for (const child of trees.local.tree.children(one.node)) {
              const { file_id } = trees.local.get(child)!;
              expect(down.slice(0, i).some((before) => before.file_id === file_id)).toBe(true);
            }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it("PL3: equal trees need nothing", () => {
    fc.assert(
      fc.property(triple, (all) => {
        const same = all.map(({ is_folder, remote }) => ({ is_folder, remote, synced: remote, local: remote }));
        const { hash, corrections, up, down, problems } = planOf(treesOf(same, forwards));
        expect({ hash, corrections, up, down, problems }).toEqual({
          hash: [],
          corrections: [],
          up: [],
          down: [],
          problems: [],
        });
      }),
    );
  });
});
