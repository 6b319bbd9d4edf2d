/** Files put together from chunks and versions, over memory. */
import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { memoryEngine, piecesOf, same } from "../../test/support/memory/engine.ts";
import type { FileRow } from "../files/model.ts";
import { HookSampler } from "../manifests/hooks.ts";
import type { Entry } from "../manifests/node.ts";
import { formatNode } from "../manifests/root.ts";
import { newId } from "../protocol/ids.ts";
import type { Segment } from "../protocol/uploads.ts";
import type { Access } from "../sharing/rights.ts";
import { BoundedCache } from "../keys/bounded-cache.ts";
import { BlockReader } from "../storage/block-reader.ts";
import { readContent } from "../storage/read.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import type { ChunkRow, UploadRow } from "./model.ts";
import type { StoredVersion } from "./ports.ts";
import { assemble, type Assembled } from "./segments.ts";

const MiB = 1024 * 1024;
const TENANT = 7;
const USER = newId(TENANT, 0);
const me = { kind: "user", user_id: USER } as const;
const random = (length: number): Uint8Array => randomFillSync(new Uint8Array(length));
const engine = memoryEngine();
const reader = new BlockReader(engine, TENANT);
const versions: StoredVersion[] = [];
const deps = {
  tenant_id: TENANT,
  engine,
  uploads: { versions: async () => versions } as never,
};
const upload = (size: number, base: UploadRow["base"] = null) =>
  ({ upload_id: newId(TENANT, 0), size, base, block_bits: 14 }) as UploadRow;

const file = { file_id: "file", drive_id: USER, is_folder: false } as FileRow;
const access: Access = { file, chain: [{ file_id: "file", name: "f", trashed_at: null }], grants: [] };

/** What a version or a chunk holds, and where its blocks begin. */
interface Stored {
  bytes: Uint8Array;
  cuts: number[];
}

async function stored(bytes: Uint8Array, manifest: string): Promise<Stored> {
  const cuts: number[] = [];
  for await (const { start } of reader.data(await reader.root(manifest), 0, bytes.length)) cuts.push(start);
  return { bytes, cuts: [...cuts, bytes.length] };
}

async function chunk(bytes: Uint8Array, chunk_id: string): Promise<{ row: ChunkRow; stored: Stored }> {
  const series = new PackSeries(engine, TENANT, newId(TENANT, 0));
  const sampler = new HookSampler(14);
  const root = await writeBlocks(series, piecesOf(bytes), { bits: 14, size: null, whole: false, sampler });
  const manifest = await formatNode(root);
  const { pack_id, size: pack_size, key_version } = series.finished[0]!;
  const place = { pack_id, pack_size, key_version, manifest, content_hash: null, hooks: sampler.hooks };
  const row = { ...place, tenant_id: TENANT, upload_id: "u", chunk_index: 0, chunk_id, size: bytes.length };
  return { row, stored: await stored(bytes, manifest) };
}

/** Makes a version of what was put together. */
async function keep(version_id: string, bytes: Uint8Array, { root }: Assembled): Promise<Stored> {
  const manifest = await writeRoot(new PackSeries(engine, TENANT, newId(TENANT, 0)), root);
  const at = versions.findIndex((version) => version.version_id === version_id);
  if (at >= 0) versions.splice(at, 1);
  versions.push({ file_id: "file", version_id, size: bytes.length, content_hash: null, manifest, access });
  return stored(bytes, manifest);
}

const read = async ({ root }: Assembled): Promise<Buffer> => {
  const manifest = await writeRoot(new PackSeries(engine, TENANT, newId(TENANT, 0)), root);
  return Buffer.from(await new Response(await readContent(engine, TENANT, manifest, 0, root.size)).arrayBuffer());
};

/** The packs that reading all of it touches. */
async function touched({ root }: Assembled): Promise<Set<string>> {
  const packs = new Set(root.entries.map((entry: Entry) => entry.pack_id));
  for await (const { entry } of reader.data(root, 0, root.size)) packs.add(entry.pack_id);
  return packs;
}

let a: { row: ChunkRow; stored: Stored };
let b: { row: ChunkRow; stored: Stored };
let v1: Stored;

beforeAll(async () => {
  [a, b] = [await chunk(random(5 * MiB), "a"), await chunk(random(4 * MiB), "b")];
  const whole = [{ chunk_id: "a" }, { chunk_id: "b" }];
  const bytes = Buffer.concat([a.stored.bytes, b.stored.bytes]);
  v1 = await keep("v1", bytes, await assemble(deps, me, upload(bytes.length), [a.row, b.row], whole));
});

describe("segments", { timeout: 60_000 }, () => {
  it("U18: any runs of blocks, of chunks and versions, in any order, are the bytes; no data block is read", async () => {
    const parts = [
      { name: { chunk_id: "a" }, of: () => a.stored },
      { name: { chunk_id: "b" }, of: () => b.stored },
      { name: { file_id: "file", version_id: "v1" }, of: () => v1 },
      { name: { version_id: "v1" }, of: () => v1 },
      { name: {}, of: () => v1 },
    ];
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    const wanted = fc.array(fc.tuple(fc.constantFrom(...parts), unit, unit), { minLength: 1, maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(wanted, async (picks) => {
        const pieces: Uint8Array[] = [];
        const segments = picks.map(([{ name, of }, from, part]): Segment => {
          const { bytes, cuts } = of();
          const first = Math.min(cuts.length - 2, Math.floor(from * (cuts.length - 1)));
          const last = first + 1 + Math.floor(part * (cuts.length - 2 - first));
          const [offset, end] = [cuts[first]!, cuts[last]!];
          pieces.push(bytes.subarray(offset, end));
          return { ...name, offset, length: end - offset } as Segment;
        });
        const bytes = Buffer.concat(pieces);
        const session = upload(bytes.length, { file_id: "file", version_id: "v1" });
        const before = engine.objects.calls.get;
        const made = await assemble(deps, me, session, [a.row, b.row], segments);
        expect(engine.objects.calls.get - before, "leaves only").toBeLessThanOrEqual(10);
        expect(same(await read(made), bytes)).toBe(true);
        expect(new Set(made.root.packs)).toEqual(await touched(made));
        const own = made.packs.map((pack) => pack.pack_id);
        expect(new Set([...own, ...made.borrowed])).toEqual(new Set(made.root.packs));
      }),
      { numRuns: 40 },
    );
  });

  it("U18: one changed block of many: the other leaves stay; after many edits only what is needed is named (M4)", async () => {
    let before = v1;
    let made: Assembled | undefined;
    for (let round = 0; round < 12; round++) {
      const at = (round * 37) % (before.cuts.length - 2);
      const [from, to] = [before.cuts[at]!, before.cuts[at + 1]!];
      const edit = await chunk(random(to - from), `edit ${round}`);
      const bytes = Buffer.concat([before.bytes.subarray(0, from), edit.stored.bytes, before.bytes.subarray(to)]);
      const base = { file_id: "file", version_id: round === 0 ? "v1" : `e${round - 1}` };
      const segments: Segment[] = [
        ...(from === 0 ? [] : [{ offset: 0, length: from }]),
        { chunk_id: `edit ${round}` },
        { offset: to, length: bytes.length - to },
      ];
      if (round === 0) engine.leaves = new BoundedCache(1);
      const calls = engine.objects.calls.get;
      made = await assemble(deps, me, upload(bytes.length, base), [edit.row], segments);
      if (round === 0) {
        expect(engine.objects.calls.get - calls).toBe(1);
        expect(made.root.entries.filter((entry) => entry.kind === "leaf").length).toBeGreaterThan(3);
      }
      expect(made.packs).toHaveLength(1);
      expect(new Set(made.root.packs)).toEqual(await touched(made));
      before = await keep(`e${round}`, bytes, made);
    }
    expect(same(await read(made!), before.bytes)).toBe(true);
    const back: Segment[] = [{ chunk_id: "a" }];
    const fresh = await assemble(deps, me, upload(a.stored.bytes.length), [a.row], back);
    expect(fresh.whole?.chunk_id).toBe("a");
    expect(fresh.borrowed).toEqual([]);
  });

  it("U18: what is misaligned, beyond its end, unknown, or of another sum is refused with its code", async () => {
    const base = { file_id: "file", version_id: "v1" };
    const cut = a.stored.cuts[1]!;
    const refused = async (segments: Segment[], size: number, of: UploadRow["base"] = base) =>
      assemble(deps, me, upload(size, of), [a.row, b.row], segments).then(
        () => "accepted",
        (error: { code: string }) => error.code,
      );
    expect(await refused([{ offset: 0, length: cut }], cut)).toBe("accepted");
    expect(await refused([{ offset: 0, length: cut - 1 }], cut - 1)).toBe("base_mismatch");
    expect(await refused([{ offset: 1, length: cut - 1 }], cut - 1)).toBe("base_mismatch");
    expect(await refused([{ offset: 1, length: 1 }], 1)).toBe("base_mismatch");
    expect(await refused([{ offset: v1.bytes.length, length: 1 }], 1)).toBe("base_mismatch");
    expect(await refused([{ offset: 0, length: Number.MAX_SAFE_INTEGER }], 1)).toBe("base_mismatch");
    expect(await refused([{ offset: 0, length: cut }], cut, null)).toBe("base_mismatch");
    expect(await refused([{ version_id: "none", offset: 0, length: cut }], cut)).toBe("base_mismatch");
    expect(await refused([{ file_id: "none", version_id: "v1", offset: 0, length: cut }], cut)).toBe("base_mismatch");
    expect(await refused([{ chunk_id: "a", offset: 0, length: cut }], cut)).toBe("accepted");
    expect(await refused([{ chunk_id: "a", offset: 0, length: cut + 1 }], cut + 1)).toBe("invalid_request");
    expect(await refused([{ chunk_id: "a", offset: 5 * MiB, length: 1 }], 1)).toBe("invalid_request");
    expect(await refused([{ chunk_id: "c" }], 5)).toBe("missing_chunks");
    expect(await refused([{ offset: 0, length: cut }], cut + 1)).toBe("size_mismatch");
    expect(await refused([], 1)).toBe("size_mismatch");
    expect(await refused([], 0)).toBe("accepted");
  });

  it("U25: a small file has no more pieces than its bytes or the chunks of a session make", async () => {
    const tiny = await chunk(random(10), "tiny");
    const repeated = Array.from({ length: 250 }, () => ({ chunk_id: "tiny" }));
    const bytes = Buffer.concat(repeated.map(() => tiny.stored.bytes));
    await keep("tiny", bytes, await assemble(deps, me, upload(bytes.length), [tiny.row], repeated));
    const again = (count: number) => {
      const one = { file_id: "file", version_id: "tiny", offset: 0, length: bytes.length };
      return assemble(
        deps,
        me,
        upload(bytes.length * count),
        [],
        Array.from({ length: count }, () => one),
      );
    };
    expect((await again(40)).root.entries).toHaveLength(10_000);
    await expect(again(100)).rejects.toMatchObject({ code: "invalid_request" });
  });

  it("U18: a small request does not make a huge manifest", async () => {
    const last = v1.cuts.length - 2;
    const one = { offset: v1.cuts[1]!, length: v1.cuts[last]! - v1.cuts[1]! };
    const many = Array.from({ length: 10_000 }, () => one);
    const session = upload(one.length * many.length, { file_id: "file", version_id: "v1" });
    await expect(assemble(deps, me, session, [], many)).rejects.toMatchObject({ code: "invalid_request" });
    const tooMany = Array.from({ length: 10_001 }, () => one);
    await expect(
      assemble(deps, me, upload(1, { file_id: "file", version_id: "v1" }), [], tooMany),
    ).rejects.toMatchObject({ code: "too_many_chunks" });
  });
});
