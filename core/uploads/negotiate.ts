/** Which blocks of a new file the drive has: docs/spec/uploads.md, U20. Changes nothing, reserves nothing. */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";
import type { BlockBits } from "../blocks/classes.ts";
import { hookOf, isPicked } from "../manifests/hooks.ts";
import { DriveError } from "../protocol/errors.ts";
import type { AskedBlock, Negotiated } from "../protocol/uploads.ts";
import type { Principal } from "../sharing/rights.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { keyOf, readableVersions } from "./bases.ts";
import type { UploadRow, VersionRef } from "./model.ts";
import type { StoredVersion, UploadDeps } from "./ports.ts";

/** Files found by hooks that are looked into. */
const HOOKED_MAX = 8;

/** Blocks of all versions that are looked at: what is behind them counts as missing. */
const LOOKED_MAX = 300_000;

/** A leaf costs a read, however few blocks it has: as much of the look as these. */
const LEAF_COST = 32;

/** Blocks found in one version: by their hash and length, where they begin in it, ascending. */
type Places = Map<string, number[]>;

const nameOf = (hash: string, length: number): string => `${hash}/${length}`;

type Deps = Pick<UploadDeps, "uploads" | "engine" | "tenant_id">;

export async function negotiate(
  deps: Deps,
  principal: Extract<Principal, { kind: "user" }>,
  { base, block_bits }: Pick<UploadRow, "base" | "block_bits">,
  blocks: readonly AskedBlock[],
  bases: readonly VersionRef[],
): Promise<Negotiated> {
  const named = [...(base === null ? [] : [base]), ...bases];
  const hooked = await deps.uploads.hooked(principal.user_id, hooksIn(blocks, block_bits));
  // One look for all of them, whether there are any or not; of the caller's own drive, where others' contents cannot
  // take the places of what would be found: else they would show by what is not.
  const versions = await readableVersions(deps, principal, [...named, ...hooked]);
  const readable = (refs: readonly VersionRef[]): StoredVersion[] =>
    refs.flatMap((ref) => versions.get(keyOf(ref)) ?? []);
  const candidates = new Set([...readable(named), ...readable(hooked).slice(0, HOOKED_MAX)]);

  const reader = new BlockReader(deps.engine, deps.tenant_id);
  const look = new Look(blocks);
  for (const version of candidates) {
    if (look.isOver) break;
    try {
      await look.into(reader, version);
    } catch (error) {
      // What is archived can be referred to when it is back; until then it is missing.
      if (!(error instanceof DriveError) || error.code !== "base_mismatch") throw error;
    }
  }
  return look.answer();
}

/** The asked blocks that may be hooks of some content; the first one may be its first. */
function hooksIn(blocks: readonly AskedBlock[], bits: BlockBits): string[] {
  const hashes = blocks.map((block) => hexToBytes(block.hash));
  return [...new Set(hashes.filter((hash, i) => i === 0 || isPicked(bits, hash)).map(hookOf))];
}

/** The state of one look: which block was found in which version. */
class Look {
  readonly #blocks: readonly AskedBlock[];
  /** Asked names that were not found so far. */
  readonly #wanted: Set<string>;
  readonly #found = new Map<string, { version: StoredVersion; places: Places }>();
  #left = LOOKED_MAX;

  constructor(blocks: readonly AskedBlock[]) {
    this.#blocks = blocks;
    this.#wanted = new Set(blocks.map(({ hash, length }) => nameOf(hash, length)));
  }

  get isOver(): boolean {
    return this.#left <= 0 || this.#wanted.size === 0;
  }

  async into(reader: BlockReader, version: StoredVersion): Promise<void> {
    const places: Places = new Map();
    const root = await reader.root(version.manifest);
    for (const { kind } of root.entries) if (kind === "leaf") this.#left -= LEAF_COST;
    for await (const { entry, start } of reader.data(root, 0, root.size)) {
      if (this.#left-- <= 0) break;
      const name = nameOf(bytesToHex(entry.hash), entry.length);
      if (!this.#wanted.has(name)) continue;
      const known = places.get(name);
      if (known === undefined) places.set(name, [start]);
      else known.push(start);
    }
    for (const name of places.keys()) {
      this.#wanted.delete(name);
      this.#found.set(name, { version, places });
    }
  }

  /** Blocks that follow one another both in the file and in a version are one run. */
  answer(): Negotiated {
    const segments: Negotiated["segments"] = [];
    const missing: Negotiated["missing"] = [];
    for (const [i, { hash, length }] of this.#blocks.entries()) {
      const found = this.#found.get(nameOf(hash, length));
      const [segment, gap] = [segments.at(-1), missing.at(-1)];
      if (found === undefined) {
        if (gap !== undefined && gap.first + gap.count === i) gap.count++;
        else missing.push({ first: i, count: 1 });
        continue;
      }
      const { file_id, version_id } = found.version;
      const places = found.places.get(nameOf(hash, length)) as number[];
      const next = segment === undefined ? -1 : segment.offset + segment.length;
      const goesOn =
        segment !== undefined &&
        segment.first + segment.count === i &&
        keyOf(segment) === keyOf(found.version) &&
        includesSorted(places, next);
      if (goesOn) {
        segment.count++;
        segment.length += length;
      } else segments.push({ first: i, count: 1, file_id, version_id, offset: places[0] as number, length });
    }
    return { segments, missing };
  }
}

function includesSorted(sorted: readonly number[], wanted: number): boolean {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}
