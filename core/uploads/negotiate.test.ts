/** What a client need not send, over memory. */
import { createCipheriv, createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { memoryEngine, piecesOf, same } from "../../test/support/memory/engine.ts";
import { cutBlocks } from "../blocks/stream.ts";
import type { FileRow } from "../files/model.ts";
import { HookSampler, joinHooks } from "../manifests/hooks.ts";
import { newId } from "../protocol/ids.ts";
import type { AskedBlock, Negotiated } from "../protocol/uploads.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import type { VersionRef } from "./model.ts";
import { negotiate } from "./negotiate.ts";
import type { StoredVersion } from "./ports.ts";

const MiB = 1024 * 1024;
const TENANT = 7;
const USER = newId(TENANT, 0);
const me = { kind: "user", user_id: USER } as const;
let noise = seededNoise();
/** The same for each test: in one of fifty other files of a dozen MiB no block would be a hook. */
beforeEach(() => void (noise = seededNoise()));

function seededNoise() {
  return createCipheriv("aes-128-ctr", new Uint8Array(16), new Uint8Array(16));
}

const random = (length: number): Uint8Array<ArrayBuffer> => new Uint8Array(noise.update(new Uint8Array(length)));
const engine = memoryEngine();

/** A drive's versions and hooks, without its other rules. */
class Versions {
  readonly bytes = new Map<string, Uint8Array>();
  readonly all: StoredVersion[] = [];
  readonly hooks = new Map<string, string[]>();

  async add(version_id: string, bytes: Uint8Array, drive_id = USER): Promise<VersionRef> {
    const series = new PackSeries(engine, TENANT, newId(TENANT, 0));
    const sampler = new HookSampler(14);
    const options = { bits: 14, size: bytes.length, whole: false, sampler } as const;
    const manifest = await writeRoot(series, await writeBlocks(series, piecesOf(bytes), options));
    const file = { file_id: "f", drive_id } as FileRow;
    const access = { file, chain: [], grants: [] };
    this.all.push({ file_id: "f", version_id, size: bytes.length, content_hash: null, manifest, access });
    this.bytes.set(version_id, bytes);
    this.hooks.set(version_id, [...sampler.hooks]);
    return { file_id: "f", version_id };
  }

  readonly deps = {
    tenant_id: TENANT,
    engine,
    uploads: {
      versions: async (_: unknown, refs: VersionRef[]) =>
        this.all.filter((v) => refs.some((ref) => ref.version_id === v.version_id && ref.file_id === v.file_id)),
      hooked: async (_drive: string, wanted: string[]) =>
        [...this.hooks]
          .filter(([, hooks]) => hooks.some((hook) => wanted.includes(hook)))
          .map(([version_id]) => ({ file_id: "f", version_id })),
    } as never,
  };
}

interface Block extends AskedBlock {
  bytes: Uint8Array;
}

async function blocksOf(bytes: Uint8Array): Promise<Block[]> {
  const blocks: Block[] = [];
  for await (const view of cutBlocks(piecesOf(bytes), 14)) {
    const block = view.slice();
    blocks.push({ bytes: block, hash: createHash("sha256").update(block).digest("hex"), length: block.length });
  }
  return blocks;
}

/** The answer's segments are the asked bytes, and each block is in exactly one run. */
function check(versions: Versions, blocks: Block[], { segments, missing }: Negotiated): void {
  const seen = blocks.map(() => 0);
  for (const { first, count } of [...segments, ...missing]) for (let i = first; i < first + count; i++) seen[i]!++;
  expect(seen.every((times) => times === 1)).toBe(true);
  for (const { first, count, version_id, offset, length } of segments) {
    const wanted = Buffer.concat(blocks.slice(first, first + count).map((block) => block.bytes));
    expect(same(versions.bytes.get(version_id)!.subarray(offset, offset + length), wanted)).toBe(true);
  }
}

const ask = (versions: Versions, blocks: Block[], base: VersionRef | null, bases: VersionRef[] = []) =>
  negotiate(versions.deps, me, { base, block_bits: 14 }, blocks, bases);

describe("negotiation", { timeout: 60_000 }, () => {
  it("U20: whatever was moved, repeated or removed, runs are the bytes they stand for", async () => {
    const versions = new Versions();
    const pool = [random(700_000), random(300_000), new Uint8Array(900_000), random(500_000)];
    const base = await versions.add("base", Buffer.concat(pool));
    const other = await versions.add("other", Buffer.concat([random(400_000), pool[2]!, random(800_000)]));
    const piece = fc.oneof(fc.constantFrom(...pool), fc.nat(200_000).map(random));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 8 }), async (pieces) => {
        const blocks = await blocksOf(Buffer.concat([random(1), ...pieces]));
        check(versions, blocks, await ask(versions, blocks, base, [other]));
      }),
      { numRuns: 40 },
    );
  });

  it("U20: an unchanged file is one run, also of blocks that are all alike", async () => {
    for (const bytes of [random(3 * MiB), new Uint8Array(3 * MiB)]) {
      const versions = new Versions();
      const blocks = await blocksOf(bytes);
      const answer = await ask(versions, blocks, await versions.add("base", bytes));
      expect(answer.missing).toEqual([]);
      expect(answer.segments).toMatchObject([{ first: 0, count: blocks.length, offset: 0, length: bytes.length }]);
    }
  });

  it("M10: a file like another one is found without a base, by its hooks", async () => {
    const versions = new Versions();
    const common = random(12 * MiB);
    await versions.add("like", common);
    const blocks = await blocksOf(Buffer.concat([random(100_000), common.subarray(MiB)]));
    const answer = await ask(versions, blocks, null);
    check(versions, blocks, answer);
    expect(answer.missing.reduce((sum, run) => sum + run.count, 0)).toBeLessThan(20);
  });

  it("U20: what the caller cannot read is missing, named or found", async () => {
    const versions = new Versions();
    const bytes = random(6 * MiB);
    const hidden = await versions.add("hidden", bytes, newId(8, 0));
    const blocks = await blocksOf(bytes);
    for (const base of [null, hidden])
      expect(await ask(versions, blocks, base, [hidden])).toEqual({
        segments: [],
        missing: [{ first: 0, count: blocks.length }],
      });
  });

  it("U20: versions of many small leaves do not cost more reads than an invocation has", async () => {
    const versions = new Versions();
    const bytes = random(3 * MiB);
    const base = await versions.add("base", bytes);
    const reader = new BlockReader(engine, TENANT);
    const root = await reader.root(versions.all[0]!.manifest);
    const leaf = root.entries.find(({ kind }) => kind === "leaf")!;
    const entries = Array.from({ length: 20_000 }, () => leaf);
    const series = new PackSeries(engine, TENANT, newId(TENANT, 0));
    versions.all[0]!.manifest = await writeRoot(series, { ...root, size: leaf.span * entries.length, entries });
    const before = engine.objects.calls.get;
    expect((await ask(versions, await blocksOf(random(100_000)), base)).segments).toEqual([]);
    expect(engine.objects.calls.get - before).toBeLessThan(10_000);
  });

  it("U20: a block of another length than its hash has is missing", async () => {
    const versions = new Versions();
    const bytes = random(100_000);
    const blocks = (await blocksOf(bytes)).map((block) => ({ ...block, length: block.length + 1 }));
    expect((await ask(versions, blocks, await versions.add("base", bytes))).segments).toEqual([]);
  });
});

describe("hooks", () => {
  it("M10: the first block, and one or two in 4 MiB; 64 at most, mostly the same in files mostly alike", () => {
    const sample = (hashes: Uint8Array[], bits: 14 | 16 | 18 | 20) => {
      const sampler = new HookSampler(bits);
      for (const hash of hashes) sampler.add(hash);
      return sampler.hooks;
    };
    const hashes = (count: number) => Array.from({ length: count }, () => random(32));
    for (const bits of [14, 16, 18, 20] as const) {
      const per_100 = sample(hashes(Math.ceil((100 * 4 * MiB) / 2 ** bits)), bits);
      // 64 at most; of 40 MiB about ten.
      expect(per_100).toHaveLength(64);
      const per_10 = sample(hashes((10 * 4 * MiB) / 2 ** bits), bits).length - 1;
      expect(per_10).toBeGreaterThan(0);
      expect(per_10).toBeLessThan(30);
    }
    const all = hashes(20_000);
    const [a, b] = [sample(all, 20), sample([...all.slice(500), ...hashes(500)], 20)];
    expect(a.filter((hook) => b.includes(hook)).length).toBeGreaterThan(50);
    expect(joinHooks("first", ["b", "a", "b", "first"])).toEqual(["first", "a", "b"]);
    expect(joinHooks(undefined, [])).toEqual([]);
  });
});
