/** A device's batch over memory: what it costs, what a crash leaves, an edit of a large file. */
import { createHash, randomFillSync } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { packerOf } from "../../test/support/delta-codecs.ts";
import { MemoryDrive, TENANT } from "../../test/support/memory/drive.ts";
import { memoryEngine, type MemoryEngine, nodeBytes, piecesOf, same } from "../../test/support/memory/engine.ts";
import { FaultyStore } from "../../test/support/memory/faulty-store.ts";
import { MemoryRightsStore } from "../../test/support/memory/rights-store.ts";
import { MemoryUploadStore } from "../../test/support/memory/upload-store.ts";
import type { BlockBits } from "../blocks/classes.ts";
import { cutBlocks } from "../blocks/stream.ts";
import { CODEC, encodeDelta, oldBytesMatcher } from "../delta/index.ts";
import { decodeFrames, encodeFrames, FRAME_KIND, type Frame, wholeBlock } from "../frames/index.ts";
import { joinNodes } from "../manifests/root.ts";
import { fromFailure } from "../protocol/errors.ts";
import type { Access } from "../sharing/rights.ts";
import { readContent } from "../storage/read.ts";
import { PackSeries, writeBlocks, writeRoot } from "../storage/write.ts";
import type { Hub } from "../sync/hub.ts";
import { expireUploads } from "../uploads/expire.ts";
import type { UploadDeps } from "../uploads/ports.ts";
import type { Answer, Change, Put } from "./model.ts";
import type { BatchCaller, BatchDeps } from "./ports.ts";
import { applyBatch } from "./service.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const random = (length: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(length));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const rawFrame = (bytes: Uint8Array): Promise<Frame> => wholeBlock(bytes, packerOf(CODEC.none));

/** One drive, its hub and what an upload touches, with a fault where a test wants one. */
class World {
  readonly drive = new MemoryDrive(4 * GiB);
  readonly store = new FaultyStore(this.drive.store, () => "none");
  readonly hub: Hub = this.drive.hub(this.store);
  readonly uploads = new MemoryUploadStore(this.drive.store);
  readonly engine: MemoryEngine = memoryEngine();
  readonly spent: number[][] = [];
  readonly caller: BatchCaller = {
    principal: { kind: "user", user_id: this.drive.root },
    actor: { user_id: this.drive.root, device_id: null },
  };
  readonly rights = new MemoryRightsStore(this.drive.store, () => this.drive.now);
  readonly upload: UploadDeps = {
    tenant_id: TENANT,
    rights: this.rights,
    uploads: this.uploads,
    engine: this.engine,
    bytes: nodeBytes,
    submit: async (_drive, submission) => {
      const result = await this.hub.submit(submission);
      if (!result.ok) throw fromFailure(result.failure);
      return result.outcome;
    },
    now: () => this.drive.now,
    spend: async (...spent) => void this.spent.push(spent),
  };
  readonly deps: BatchDeps = {
    accesses: async (principal, file_ids) => {
      const found = await Promise.all(file_ids.map(async (id) => [id, await this.rights.find(principal, id)] as const));
      return new Map(found.filter((entry): entry is [string, Access] => entry[1] !== null));
    },
    uploadsOf: async () => this.upload,
    submitAll: (_drive, submissions) => this.hub.submitAll(submissions),
  };

  put(name: string, size: number, more: Partial<Put> = {}): Put {
    return {
      op: "put",
      op_id: name,
      target: this.drive.target(name),
      size,
      base: null,
      frames: 1,
      segments: null,
      ...more,
    };
  }

  send(changes: Change[], frames: Frame[]): Promise<Answer[]> {
    const body = encodeFrames(frames);
    return applyBatch(this.deps, this.caller, changes, {
      frames: () => decodeFrames(piecesOf(body)),
      length: body.length,
      received: () => body.length,
    });
  }

  async files(count: number): Promise<{ changes: Put[]; frames: Frame[]; bytes: Uint8Array[] }> {
    const bytes = Array.from({ length: count }, () => random(1024));
    return {
      changes: bytes.map((b, i) => this.put(`${i}`, b.length)),
      frames: await Promise.all(bytes.map(rawFrame)),
      bytes,
    };
  }

  async read(file_id: string, offset: number, length: number): Promise<Buffer> {
    const { files, contents } = this.drive.store.state;
    const { manifest } = contents.get(files.get(file_id)!.content_id as string)!;
    return Buffer.from(
      await new Response(await readContent(this.engine, TENANT, manifest, offset, length)).arrayBuffer(),
    );
  }

  /** The sweep, after all sessions have expired. */
  async sweep(): Promise<void> {
    await expireUploads({
      store: this.uploads,
      objects: this.engine.objects,
      submit: (_drive, submission) => this.hub.submit(submission),
      now: () => this.drive.now + 48 * 3_600_000,
      report: (_upload, error) => {
        throw error;
      },
    });
  }

  get stored(): string[] {
    return [...this.engine.objects.objects.keys()];
  }
}

const codesOf = (answers: Answer[]): string[] => answers.map((a) => (a.ok ? "ok" : a.failure.code));
const fileOf = (answer: Answer | undefined): string => {
  if (answer === undefined || !answer.ok) throw new Error("refused");
  return answer.file!.file_id;
};

let world: World;
beforeEach(() => {
  world = new World();
});

describe("what a batch costs", () => {
  it("U22: 1,000 files are one pack and two commits; Q4: and one upload", async () => {
    const { changes, frames, bytes } = await world.files(1000);
    const answers = await world.send(changes, frames);
    expect(new Set(codesOf(answers))).toEqual(new Set(["ok"]));
    expect(world.engine.objects.calls).toMatchObject({ put: 1, get: 0, multipart: 0 });
    expect(world.store.calls).toEqual({ load: 2, commit: 2 });
    expect(world.spent).toEqual([[1, encodeFrames(frames).length]]);
    for (const i of [0, 512, 999]) expect(same(await world.read(fileOf(answers[i]), 0, 1024), bytes[i]!)).toBe(true);
    expect(world.drive.store.state.uploads.values().next().value).toMatchObject({ state: "committed" });
  });

  it("U22: a batch sent again stores nothing, spends nothing, and commits nothing", async () => {
    const { changes, frames } = await world.files(20);
    const first = await world.send(changes, frames);
    const { commit } = world.store.calls;
    expect((await world.send(changes, frames)).map(fileOf)).toEqual(first.map(fileOf));
    expect([world.engine.objects.calls.put, world.spent.length, world.store.calls.commit]).toEqual([1, 1, commit]);
  });

  it("U22, M5: leaves and roots that do not fit their rows lie in the same pack", { timeout: 30_000 }, async () => {
    const bytes = random(28 * MiB);
    const frames: Frame[] = [];
    for await (const block of cutBlocks(piecesOf(bytes), 16)) frames.push(await rawFrame(block.slice()));
    expect(frames.length).toBeGreaterThan(350);
    const [answer] = await world.send([world.put("large", bytes.length, { frames: frames.length })], frames);
    expect(answer).toMatchObject({ ok: true, file: { content_hash: sha256(bytes), integrity: "ok" } });
    expect(world.stored).toHaveLength(1);
    expect(same(await world.read(fileOf(answer), 0, bytes.length), bytes)).toBe(true);
  });
});

describe("a batch sent again", () => {
  const version = async (file_id: string, op_id: string, length = 1024) => {
    const bytes = random(length);
    const target = { kind: "version", file_id, if_version_id: null, mime_type: null, modified_at: null } as const;
    return { change: world.put(op_id, length, { op_id, target }), frames: [await rawFrame(bytes)] };
  };

  it("U23: answers with the version that it made, also when it crosses its first try and others came since", async () => {
    const { changes, frames } = await world.files(1);
    const file_id = fileOf((await world.send(changes, frames))[0]);
    const [mine, theirs] = [await version(file_id, "mine"), await version(file_id, "theirs")];
    const [first] = await world.send([mine.change], mine.frames);
    const [second] = await world.send([theirs.change], theirs.frames);
    world.uploads.madeBy = async () => new Map();
    const [again] = await world.send([mine.change], mine.frames);
    const idOf = (answer: Answer | undefined) => (answer?.ok === true ? answer.version_id : null);
    expect(idOf(first)).not.toBeNull();
    expect(idOf(again)).toBe(idOf(first));
    expect(idOf(again)).not.toBe(idOf(second));
  });

  it("J6: an op_id that made other bytes is refused, known before the frames or after", async () => {
    const { changes, frames } = await world.files(1);
    const file_id = fileOf((await world.send(changes, frames))[0]);
    const [one, longer, other] = [
      await version(file_id, "op"),
      await version(file_id, "op", 1025),
      await version(file_id, "op"),
    ];
    expect(codesOf(await world.send([one.change], one.frames))).toEqual(["ok"]);
    expect(codesOf(await world.send([longer.change], longer.frames))).toEqual(["idempotency_key_reused"]);
    world.uploads.madeBy = async () => new Map();
    for (const { change, frames: sent } of [longer, other])
      expect(codesOf(await world.send([change], sent))).toEqual(["idempotency_key_reused"]);
    expect(codesOf(await world.send([one.change], one.frames))).toEqual(["ok"]);
  });
});

describe("a batch that ends on its way", () => {
  /** What is done to the world, and whether the batch may have been committed. */
  const faults: [string, (world: World) => void][] = [
    ["the session's row is not made", (w) => void (w.uploads.stage = async () => Promise.reject(new Error("away")))],
    [
      "the session's row is made and the answer is lost",
      (w) => {
        const stage = w.uploads.stage.bind(w.uploads);
        w.uploads.stage = async (upload, needed) => {
          await stage(upload, needed);
          throw new Error("lost");
        };
      },
    ],
    ["the pack is not stored", (w) => void (w.engine.objects.put = async () => Promise.reject(new Error("away")))],
    [
      "the pack is stored and the answer is lost",
      (w) => {
        const put = w.engine.objects.put.bind(w.engine.objects);
        w.engine.objects.put = async (...args) => {
          await put(...args);
          throw new Error("lost");
        };
      },
    ],
    ["the hub is away", (w) => void (w.deps.submitAll = async () => Promise.reject(new Error("away")))],
    [
      "the hub is away, for the end of the session as well",
      (w) => {
        w.deps.submitAll = async () => Promise.reject(new Error("away"));
        w.upload.submit = async () => Promise.reject(new Error("away"));
      },
    ],
    [
      "the hub did it and the answer is lost",
      (w) => {
        w.deps.submitAll = async (_drive, submissions) => {
          await w.hub.submitAll(submissions);
          throw new Error("lost");
        };
      },
    ],
    [
      "half of it was committed, and the session stayed open",
      (w) => {
        w.deps.submitAll = async (_drive, submissions) => {
          await w.hub.submitAll(submissions.slice(0, 5));
          throw new Error("lost");
        };
        w.upload.submit = async () => Promise.reject(new Error("away"));
      },
    ],
  ];

  it.each(faults)(
    "U1, U12, E10 to E12: %s: sent again it is done once, and nothing is left over",
    async (_name, fault) => {
      const { changes, frames, bytes } = await world.files(10);
      const good = { ...world.deps };
      const { put } = world.engine.objects;
      const { stage } = world.uploads;
      const { submit } = world.upload;
      fault(world);
      await expect(world.send(changes, frames)).rejects.toThrow();
      Object.assign(world.deps, good);
      Object.assign(world.upload, { submit });
      Object.assign(world.engine.objects, { put });
      Object.assign(world.uploads, { stage });
      const visible = [...world.drive.store.state.files.values()].filter((f) => !f.is_folder);
      for (const { file_id, name } of visible)
        expect(same(await world.read(file_id, 0, 1024), bytes[Number(name)]!)).toBe(true);

      const answers = await world.send(changes, frames);
      expect(new Set(codesOf(answers))).toEqual(new Set(["ok"]));
      await world.sweep();
      const { files, packs, uploads, drive, journal } = world.drive.store.state;
      expect([...files.values()].filter((f) => !f.is_folder)).toHaveLength(10);
      expect(journal).toHaveLength(10);
      expect(uploads.size).toBe(0);
      expect(drive).toMatchObject({ used_bytes: 10 * 1024, reserved_bytes: 0 });
      expect(world.stored.map((key) => key.split("/")[1]).toSorted()).toEqual([...packs.keys()].toSorted());
      for (const [i, answer] of answers.entries())
        expect(same(await world.read(fileOf(answer), 0, 1024), bytes[i]!)).toBe(true);
    },
  );

  it("U22: a session that the sweep ended takes no commit more; the change is tried again by its device", async () => {
    const { changes, frames } = await world.files(3);
    const { submitAll } = world.deps;
    world.deps.submitAll = async (drive, submissions) => {
      await world.sweep();
      return submitAll(drive, submissions);
    };
    expect(new Set(codesOf(await world.send(changes, frames)))).toEqual(new Set(["unknown_upload"]));
    expect(world.stored).toEqual([]);
    world.deps.submitAll = submitAll;
    expect(new Set(codesOf(await world.send(changes, frames)))).toEqual(new Set(["ok"]));
  });
});

describe("an edit of a large file", { timeout: 60_000 }, () => {
  const PIECE = 32 * MiB;
  const COPIES = 32;
  const bits: BlockBits = 18;

  /** 1 GiB: one piece again and again, stored once. */
  async function large(piece: Uint8Array) {
    const series = new PackSeries(world.engine, TENANT, world.drive.id());
    const node = await writeBlocks(series, piecesOf(piece), { bits, size: piece.length, whole: false });
    const root = joinNodes(
      bits,
      Array.from({ length: COPIES }, () => node),
    );
    const content = { ...world.drive.content(root.size), manifest: await writeRoot(series, root) };
    const upload_id = world.drive.batch();
    const packs = series.finished.map((pack) => ({
      ...pack,
      tenant_id: TENANT,
      state: "live" as const,
      created_at: 0,
      changed_at: 0,
      round: "",
      is_shrunk: false,
    }));
    world.drive.store.interfere((state) => {
      for (const pack of packs) state.packs.set(pack.pack_id, pack);
    });
    const target = world.drive.target("large");
    const made = await world.drive.submit(world.hub, { op: "commit_content", upload_id, target, content });
    if (!made.ok) throw new Error(made.failure.code);
    return made.outcome.file!;
  }

  it("U21: 4 KB changed in 1 GiB are one request, one pack, one commit, and few reads", async () => {
    const piece = random(PIECE);
    const file = await large(piece);
    const version = { file_id: file.file_id, version_id: file.version_id as string };
    const at = 500 * MiB + 12_345;
    const edited = piece.slice();
    const edit = random(4096);
    edited.set(edit, at % PIECE);
    const start = at - (at % PIECE);
    const blocksOf = async (bytes: Uint8Array): Promise<Uint8Array[]> => {
      const blocks: Uint8Array[] = [];
      for await (const block of cutBlocks(piecesOf(bytes), bits)) blocks.push(block.slice());
      return blocks;
    };
    const [before, after] = [await blocksOf(piece), await blocksOf(edited)];
    const first = before.findIndex((block, i) => !same(block, after[i]!));
    const last = before.findLastIndex((block, i) => !same(block, after[i + after.length - before.length]!));
    const lengthOf = (blocks: Uint8Array[]): number => blocks.reduce((sum, block) => sum + block.length, 0);
    const changed = after.slice(first, last + 1 + after.length - before.length);
    const from = start + lengthOf(before.slice(0, first));
    const to = start + lengthOf(before.slice(0, last + 1));
    const base = {
      size: GiB,
      read: (offset: number, length: number) => {
        const bytes = new Uint8Array(length);
        for (let i = 0; i < length; i++) bytes[i] = piece[(offset + i) % PIECE]!;
        return bytes;
      },
    };
    const delta = await encodeDelta(
      changed.map((bytes) => ({ bytes, hint: from })),
      oldBytesMatcher(base),
      packerOf(CODEC.zstd),
    );
    const frames: Frame[] = [{ kind: FRAME_KIND.delta, ...delta! }];
    expect(encodeFrames(frames).length).toBeLessThan(24 * 1024);
    const change: Put = {
      ...world.put("edit", GiB),
      target: {
        kind: "version",
        file_id: file.file_id,
        if_version_id: version.version_id,
        mime_type: null,
        modified_at: null,
      },
      base: version,
      segments: [
        { version, offset: 0, length: from },
        { version: null, offset: 0, length: lengthOf(changed) },
        { version, offset: to, length: GiB - to },
      ],
    };
    world.store.calls.load = world.store.calls.commit = 0;
    Object.assign(world.engine.objects.calls, { put: 0, get: 0, multipart: 0, part: 0 });
    const [answer] = await world.send([change], frames);
    expect(answer).toMatchObject({ ok: true, file: { size: GiB, version_number: 2, integrity: "pending" } });
    expect(world.engine.objects.calls).toMatchObject({ put: 1, multipart: 0 });
    expect(world.engine.objects.calls.get).toBeLessThanOrEqual(5);
    expect(world.store.calls).toEqual({ load: 1, commit: 1 });
    const got = await world.read(file.file_id, at - 1000, 10_000);
    const want = Buffer.from(base.read(at - 1000, 10_000));
    want.set(edit, 1000);
    expect(same(got, want)).toBe(true);
    for (const offset of [0, from - 5, to - 5, GiB - 1000]) {
      const length = Math.min(1000, GiB - offset);
      const wanted = Buffer.from(base.read(offset, length));
      expect(same(await world.read(file.file_id, offset, length), wanted)).toBe(true);
    }
    const row = [...world.drive.store.state.contents.values()].at(-1)!;
    expect(row.manifest.length).toBeLessThanOrEqual(16 * 1024 + 64);
    expect(world.drive.store.state.drive.used_bytes).toBe(GiB);
  });

  it("U18, U21: segments that begin or end within a block of a version are refused, also behind its end", async () => {
    const file = await large(random(PIECE));
    const version = { file_id: file.file_id, version_id: file.version_id as string };
    const answers = await world.send(
      [
        world.put("within", 1000, { frames: 0, segments: [{ version, offset: 1, length: 1000 }] }),
        world.put("behind", GiB, { frames: 0, segments: [{ version, offset: PIECE, length: GiB }] }),
        world.put("whole", PIECE, { frames: 0, segments: [{ version, offset: 3 * PIECE, length: PIECE }] }),
      ],
      [],
    );
    expect(codesOf(answers)).toEqual(["base_mismatch", "base_mismatch", "ok"]);
    expect(await world.read(fileOf(answers[2]), 0, 1000)).toEqual(await world.read(file.file_id, 0, 1000));
    expect(world.stored, "the piece itself").toHaveLength(1);
  });
});
