/** docs/spec/durability.md, G7 to G12, in memory; the real stores: workers/queue-consumers/garbage.test.ts. */
import { describe, expect, it } from "vitest";
import { newPackId } from "../packs/format.ts";
import { DriveError } from "../protocol/errors.ts";
import { collect } from "../storage/collect.ts";
import { readContent } from "../storage/read.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import { encodeNode, type Node } from "../manifests/node.ts";
import { joinNodes, parseText } from "../manifests/root.ts";
import { sha256 } from "../packs/block.ts";
import { MemoryDrive, TENANT } from "../../test/support/memory/drive.ts";
import { memoryEngine, piecesOf } from "../../test/support/memory/engine.ts";
import { MemoryGarbageStore } from "../../test/support/memory/garbage-store.ts";
import { collectGarbage, type GarbageDeps } from "./round.ts";
import { DAY } from "../time.ts";

function setUp() {
  const drive = new MemoryDrive();
  const engine = memoryEngine();
  const store = new MemoryGarbageStore(drive.store);
  const deps: GarbageDeps = {
    tenant_id: TENANT,
    store,
    engine,
    forget: async () => undefined,
    done: async () => undefined,
    pages: 1_000,
    now: () => drive.now,
    report: () => undefined,
  };
  return { drive, engine, deps };
}

describe("G12", () => {
  it("a pointer's root says which packs are needed, the root's own among them", async () => {
    const { drive, engine, deps } = setUp();
    const target = drive.target("big");
    const upload = drive.upload(target, 600);
    const { upload_id } = upload;
    const hub = drive.hub();
    await drive.submit(hub, { op: "reserve_upload", upload });
    const series = new PackSeries(engine, TENANT, upload_id);
    const bytes = crypto.getRandomValues(new Uint8Array(600));
    const options = { bits: 14, size: 1, whole: false } as const;
    const parts = [];
    for (const byte of bytes) parts.push(await writeBlocks(series, piecesOf(Uint8Array.of(byte)), options));
    const manifest = await writeRoot(series, joinNodes(14, parts));
    expect((await parseText(manifest)).kind).toBe("pointer");
    const content = { ...drive.content(600), manifest, packs: series.finished };
    expect(await drive.submit(hub, { op: "commit_upload", upload_id, target, content })).toMatchObject({ ok: true });
    for (let rounds = 0; rounds < 3; rounds++) {
      drive.now += 40 * DAY;
      expect(await collectGarbage(deps, null)).toBeNull();
    }
    const packs = [...drive.store.state.packs.values()];
    expect([packs.length, new Set(packs.map((pack) => pack.state))]).toEqual([601, new Set(["live"])]);
    expect(await collect(await readContent(engine, TENANT, manifest, 0, 600), 600)).toEqual(bytes);
  });
});

/** Living contents whose root is one and the same block. */
async function pointers(count: number) {
  const { drive, engine, deps } = setUp();
  const series = new PackSeries(engine, TENANT, drive.id());
  const pack = await series.open(null);
  const place = { ...(await pack.add("data", Uint8Array.of(1))), span: 1 };
  const root: Node = { kind: "root", bits: 14, size: 1, packs: [place.pack_id], entries: [place] };
  const block = { ...(await pack.add("root", encodeNode(root))), span: 1 };
  await series.finish(pack);
  const bytes = encodeNode({ ...root, kind: "pointer", entries: [block] });
  const check = (await sha256(bytes)).subarray(0, 16);
  const manifest = Buffer.concat([bytes, check]).toString("base64");
  drive.store.interfere(({ contents }) => {
    for (let i = 0; i < count; i++) {
      const content = { ...drive.content(1), tenant_id: TENANT, manifest, created_at: 0, is_ended: false };
      contents.set(content.content_id, content);
    }
  });
  return { engine, deps };
}

describe("G10, G12", () => {
  it("root blocks are calls: a slice reads some hundreds, and the round goes on", async () => {
    const { engine, deps } = await pointers(1_200);
    let most = 0;
    let read = engine.objects.calls.get;
    let next = null;
    do {
      next = await collectGarbage(deps, next);
      most = Math.max(most, engine.objects.calls.get - read);
      read = engine.objects.calls.get;
    } while (next !== null);
    expect(engine.objects.calls.get).toBeGreaterThanOrEqual(1_200);
    // A page beyond it, and the state.
    expect(most).toBeLessThan(1_000);
  });

  it("a store that does not answer in time is asked again: the round is not blind for it", async () => {
    const { engine, deps } = await pointers(1);
    const get = engine.objects.get.bind(engine.objects);
    engine.objects.get = () => Promise.reject(new DriveError("unavailable", "The store did not answer in time."));
    let reports = 0;
    const reported = { ...deps, report: () => void reports++ };
    await expect(collectGarbage(reported, null)).rejects.toThrow("in time");
    engine.objects.get = get;
    expect(await collectGarbage(reported, null)).toBeNull();
    expect(reports).toBe(0);
  });
});

describe("G7", () => {
  it("a page, a slice and a round are bounded by rows, not by what a tenant has", async () => {
    const { drive, engine, deps } = setUp();
    const pack = (): string => newPackId(drive.id());
    const ids = Array.from({ length: 5_000 }, pack);
    drive.store.interfere(({ packs }) => {
      const row = { tenant_id: TENANT, state: "live", size: 1, key_version: 1, created_at: 0, changed_at: 0 } as const;
      for (const pack_id of ids) packs.set(pack_id, { ...row, pack_id, round: "", is_shrunk: false });
    });
    drive.now += 2 * DAY;
    const sliced = { ...deps, pages: 2 };
    let slices = 1;
    for (let next = await collectGarbage(sliced, null); next !== null; slices++)
      next = await collectGarbage(sliced, next);
    // 500 rows a page, one page that ends each phase.
    expect(slices).toBe(7);
    expect([...drive.store.state.packs.values()].every(({ state }) => state === "condemned")).toBe(true);
    expect(engine.objects.objects.size).toBe(0);
  });
});
