/** Sessions of chunks over memory: order, repeats, failures, and a file of 50 GiB. */
import { createHash, randomFillSync } from "node:crypto";
import { beforeEach, describe, expect, it } from "vitest";
import { memoryEngine, nodeBytes, same } from "../../test/support/memory/engine.ts";
import { MemoryObjectStore } from "../../test/support/memory/object-store.ts";
import type { FileRow } from "../files/model.ts";
import { DriveError } from "../protocol/errors.ts";
import { newId } from "../protocol/ids.ts";
import { readContent } from "../storage/read.ts";
import type { Outcome, StoredContent, Submission } from "../sync/commands.ts";
import type { ChunkRow, UploadRow, UploadTarget } from "./model.ts";
import { FILE_MAX_BYTES, partSizeFor } from "./parts.ts";
import type { Staged, UploadDeps, UploadStore } from "./ports.ts";
import { abortUpload, type Caller, completeUpload, putChunk, startUpload, storeWhole } from "./service.ts";

const MiB = 1024 * 1024;
const NOTHING: Outcome = {
  status: "applied",
  file: null,
  copy: null,
  made: "file",
  version_id: null,
  permission: null,
  upload: null,
  replayed: false,
};
const TENANT = 7;
const USER = newId(TENANT, 0);
const caller: Caller = {
  principal: { kind: "user", user_id: USER },
  actor: { user_id: USER, device_id: null },
  op_id: "op",
  may_repeat: false,
};
const target: UploadTarget = {
  kind: "file",
  parent_id: USER,
  name: "f",
  on_name_conflict: "fail",
  mime_type: null,
  modified_at: null,
};

/** One drive's uploads; the hub's order without its other rules. */
class MemoryUploads implements UploadStore {
  upload: UploadRow | null = null;
  rows: ChunkRow[] = [];
  committed: StoredContent | null = null;

  async stage(upload: UploadRow): Promise<Staged> {
    this.upload = { ...upload };
    return { is_staged: true, free_bytes: 0, holder: null };
  }
  async find() {
    return this.upload === null ? null : { upload: this.upload, chunks: this.rows };
  }
  async chunks() {
    return this.rows;
  }
  async putChunk(chunk: ChunkRow) {
    if (this.upload?.state !== "open") return false;
    this.rows.push(chunk);
    return true;
  }
  async repeatChunk(_upload: string, chunk_id: string, chunk_index: number) {
    this.rows.push({ ...(this.rows.find((row) => row.chunk_id === chunk_id) as ChunkRow), chunk_index });
  }
  async blockBits() {
    return null;
  }
  async hooked() {
    return [];
  }
  async versions() {
    return [];
  }
  async withContent() {
    return [];
  }
  async madeBy() {
    return new Map<string, never>();
  }

  async submit(_drive: string, { command }: Submission): Promise<Outcome> {
    if (command.op === "reserve_upload") this.upload = { ...command.upload };
    if (command.op === "release_upload") {
      if (this.upload?.state === "committed") throw new DriveError("upload_completed", "");
      this.upload!.state = "aborted";
    }
    if (command.op === "commit_upload") {
      this.upload!.state = "committed";
      this.committed = command.content;
    }
    const file = { file_id: "made" } as FileRow;
    return { ...NOTHING, file, upload: this.upload };
  }
}

let uploads: MemoryUploads;
let objects: MemoryObjectStore;
let deps: UploadDeps;

function prepare(store = new MemoryObjectStore()): void {
  objects = store;
  uploads = new MemoryUploads();
  const folder = { file_id: USER, drive_id: USER, is_folder: true, trashed_at: null } as FileRow;
  const access = { file: folder, chain: [folder], grants: [] };
  deps = {
    tenant_id: TENANT,
    rights: { find: async () => access },
    uploads,
    engine: memoryEngine(objects),
    bytes: nodeBytes,
    submit: (drive, submission) => uploads.submit(drive, submission),
    now: () => Date.now(),
    spend: async () => undefined,
  };
}

const random = (length: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(length));
const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const streamOf = (bytes: Uint8Array<ArrayBuffer>): ReadableStream<Uint8Array> => new Blob([bytes]).stream();
const send = (bytes: Uint8Array<ArrayBuffer>, index: number, chunk_id = sha256(bytes)): Promise<number> =>
  putChunk(deps, caller, { upload_id: uploads.upload!.upload_id, index, chunk_id }, streamOf(bytes), bytes.length);
const complete = (chunks: Uint8Array[]): Promise<FileRow> =>
  completeUpload(
    deps,
    caller,
    uploads.upload!.upload_id,
    chunks.map((bytes) => ({ chunk_id: sha256(bytes) })),
  );
const readBack = async (offset: number, length: number): Promise<Buffer> => {
  const stream = await readContent(deps.engine, TENANT, uploads.committed!.manifest, offset, length);
  return Buffer.from(await new Response(stream).arrayBuffer());
};

beforeEach(() => prepare());

describe("sessions of chunks", { timeout: 60_000 }, () => {
  it("U4, U5, U6: chunks of any length in any order; completion gives the order, a chunk may be there twice", async () => {
    const chunks = [1, 70_000, 8 * MiB, 3, 500_000].map(random);
    const order = [0, 2, 1, 4, 3, 0].map((i) => chunks[i]!);
    const whole = Buffer.concat(order);
    await startUpload(deps, caller, target, whole.length, null);
    for (const i of [3, 0, 4, 2, 1]) await send(chunks[i]!, i);
    await complete(order);
    expect(same(await readBack(0, whole.length), whole)).toBe(true);
    expect(uploads.committed).toMatchObject({ size: whole.length, content_hash: null, integrity: "pending" });
    expect(uploads.committed!.packs).toHaveLength(5);
    expect(objects.calls.put).toBe(5);
  });

  it("U4: a repeat stores nothing again, also at another index; U3: a wrong one leaves nothing behind", async () => {
    const chunk = random(100_000);
    await startUpload(deps, caller, target, 200_000, null);
    for (const index of [0, 0, 1]) await send(chunk, index);
    expect(objects.calls.put).toBe(1);
    expect(uploads.rows.map((row) => row.chunk_index)).toEqual([0, 1]);
    await expect(send(random(100_000), 2, sha256(chunk.subarray(1)))).rejects.toMatchObject({ code: "hash_mismatch" });
    expect(objects.objects.size).toBe(1);
    await complete([chunk, chunk]);
    expect(same(await readBack(0, 200_000), Buffer.concat([chunk, chunk]))).toBe(true);
  });

  it("U8, A2: who may not write any more sends nothing and completes nothing", async () => {
    const chunk = random(1000);
    await startUpload(deps, caller, target, chunk.length, null);
    await send(chunk, 0);
    deps.rights = { find: async () => null };
    await expect(send(random(1000), 1)).rejects.toMatchObject({ code: "not_found" });
    await expect(complete([chunk])).rejects.toMatchObject({ code: "not_found" });
    expect(uploads.committed).toBeNull();
  });

  it("U15: a start that is sent again under its key is the same session, and is spent once", async () => {
    const spent: number[] = [];
    deps.spend = async (_uploads, bytes) => void spent.push(bytes);
    const again = { ...caller, may_repeat: true };
    const first = await startUpload(deps, again, target, 1000, null);
    expect(await startUpload(deps, again, target, 1000, null)).toEqual(first);
    expect(spent).toEqual([1000]);
    await expect(startUpload(deps, again, target, 1001, null)).rejects.toMatchObject({
      code: "idempotency_key_reused",
    });
  });

  it("U15: a start is found again over midnight, and gets another id once its row may be forgotten", async () => {
    let now = Date.UTC(2026, 0, 1, 23, 59);
    deps.now = () => now;
    const found = new Map<string, UploadRow>();
    uploads.find = (async (id: string) =>
      found.has(id) ? { upload: found.get(id) as UploadRow, chunks: [] } : null) as never;
    const start = async (): Promise<UploadRow> => {
      const started = await startUpload(deps, { ...caller, may_repeat: true }, target, 1000, null);
      const { upload } = started as { upload: UploadRow };
      found.set(upload.upload_id, upload);
      return upload;
    };
    const first = await start();
    now += 2 * 60_000;
    expect((await start()).upload_id).toBe(first.upload_id);
    found.clear();
    expect((await start()).upload_id).not.toBe(first.upload_id);
    now += 25 * 3_600_000;
    found.clear();
    expect((await start()).upload_id).not.toBe(first.upload_id);
  });

  it("U7: a repeat of a completion is answered also when the folder takes nothing any more", async () => {
    const chunk = random(1000);
    await startUpload(deps, caller, target, chunk.length, null);
    await send(chunk, 0);
    await complete([chunk]);
    const made = { file_id: "made", drive_id: USER, is_folder: false, trashed_at: null } as FileRow;
    uploads.upload!.file_id = "made";
    uploads.madeBy = (async () => new Map([[caller.op_id, { file: made, entry: {} }]])) as never;
    deps.rights = {
      find: async (_principal, id) => (id === "made" ? { file: made, chain: [made], grants: [] } : null),
    };
    expect((await complete([chunk])).file_id).toBe("made");
  });

  it("U7: a repeat tells nothing of a file that was moved to where the caller sees nothing", async () => {
    const again = { ...caller, may_repeat: true };
    const made = (parent_id: string) =>
      ({
        file_id: "made",
        parent_id,
        name_key: "f",
        updated_at: 2,
        is_folder: false,
        size: 10,
        version_id: "v",
      }) as FileRow;
    const entry = { op: "created", at: 1, file_id: "made", version_id: "v" };
    const { find } = deps.rights;
    deps.rights = { find: async (principal, id) => (id === "made" ? null : find(principal, id)) };
    const ask = (file: FileRow) => {
      uploads.madeBy = (async () => new Map([[again.op_id, { file, entry }]])) as never;
      return storeWhole(deps, again, target, streamOf(random(10)), 10);
    };
    expect((await ask(made((target as { parent_id: string }).parent_id))).file_id).toBe("made");
    await expect(ask(made("elsewhere"))).rejects.toMatchObject({ code: "not_found" });
  });

  it("U7: a key that made a file from another session does not complete this one", async () => {
    const chunk = random(1000);
    await startUpload(deps, caller, target, chunk.length, null);
    await send(chunk, 0);
    const done = { ...NOTHING, file: { file_id: "of another" } as FileRow };
    deps.submit = async () => ({ ...done, replayed: true });
    await expect(complete([chunk])).rejects.toMatchObject({ code: "idempotency_key_reused" });
    // Another try of the same completion was first.
    uploads.upload!.file_id = "of another";
    const find = uploads.find.bind(uploads);
    let looks = 0;
    uploads.find = async () => {
      if (++looks === 2) uploads.upload!.state = "committed";
      return find();
    };
    expect((await complete([chunk])).file_id).toBe("of another");
  });

  it("Q2: of two tries of one request the later gives back what it reserved and stored", async () => {
    const submit = deps.submit;
    deps.submit = async (drive, submission) =>
      submission.command.op === "commit_upload"
        ? { ...NOTHING, file: { file_id: "first" } as FileRow, replayed: true }
        : submit(drive, submission);
    const file = await storeWhole(deps, { ...caller, may_repeat: true }, target, streamOf(random(1000)), 1000);
    expect(file.file_id).toBe("first");
    expect(uploads.upload!.state).toBe("aborted");
    expect(objects.objects.size).toBe(0);
  });

  it("Q2: a reservation whose answer was lost is given back", async () => {
    const submit = deps.submit;
    deps.submit = async (drive, submission) => {
      const outcome = await submit(drive, submission);
      if (submission.command.op === "reserve_upload") throw new DriveError("unavailable", "lost");
      return outcome;
    };
    await expect(startUpload(deps, caller, target, 1000, null)).rejects.toMatchObject({ code: "unavailable" });
    expect(uploads.upload!.state).toBe("aborted");
    // Under a key the start sent again finds the session; a long body sent again gets another one.
    const again = { ...caller, may_repeat: true };
    uploads.upload = null;
    await expect(startUpload(deps, again, target, 1000, null)).rejects.toMatchObject({ code: "unavailable" });
    expect(uploads.upload!.state).toBe("open");
    const long = storeWhole(deps, again, target, streamOf(random(1000)), 65 * MiB);
    await expect(long).rejects.toMatchObject({ code: "unavailable" });
    expect(uploads.upload!.state).toBe("aborted");
  });

  it("U5: a session holds its file and not much more", async () => {
    await startUpload(deps, caller, target, 10, null);
    const { part_size } = uploads.upload!;
    await expect(send(random(part_size + 1), 0)).rejects.toMatchObject({ code: "chunk_too_large" });
    await expect(send(random(0), 0)).rejects.toMatchObject({ code: "chunk_size_mismatch" });
    await expect(send(random(5), 10_000)).rejects.toMatchObject({ code: "too_many_chunks" });
    for (let i = 0; i < 2; i++) await send(random(part_size), i);
    await expect(send(random(5), 3)).rejects.toMatchObject({ code: "too_many_chunks" });
    expect(objects.objects.size).toBe(2);
  });

  it("U6, S1: 50 GiB of one chunk again and again: any range touches the root, a leaf and its blocks", async () => {
    const chunk = random(64 * MiB);
    const size = 800 * chunk.length;
    await startUpload(deps, caller, target, size, null);
    expect(uploads.upload).toMatchObject({ part_size: 64 * MiB, block_bits: 20 });
    await send(chunk, 0);
    const id = sha256(chunk);
    await completeUpload(
      deps,
      caller,
      uploads.upload!.upload_id,
      Array.from({ length: 800 }, () => ({ chunk_id: id })),
    );
    expect(uploads.committed!.manifest.length).toBeLessThanOrEqual(16 * 1024 + 64);
    for (const offset of [0, 12_345_678_901, 64 * MiB * 400 - 5, size - 100_000]) {
      const calls = objects.calls.get;
      const got = await readBack(offset, 100_000);
      const want = Buffer.concat([chunk, chunk])
        .subarray(offset % chunk.length)
        .subarray(0, 100_000);
      expect(same(got, want)).toBe(true);
      expect(objects.calls.get - calls).toBeLessThanOrEqual(offset % chunk.length > chunk.length - 100 ? 5 : 3);
    }
  });

  it("U5: a file of any size fits a session, in parts that a Worker's body and a pack can hold", () => {
    for (const size of [1, 256 * MiB, 256 * MiB + 1, 16 * 1024 * MiB + 1, FILE_MAX_BYTES]) {
      expect(Math.ceil(size / partSizeFor(size))).toBeLessThanOrEqual(10_000);
      expect(partSizeFor(size)).toBeLessThanOrEqual(64 * MiB);
    }
    expect([1, 300 * MiB, 50 * 1024 * MiB].map((size) => partSizeFor(size) / MiB)).toEqual([8, 32, 64]);
  });

  it("U9: above the largest file nothing is reserved and no byte is taken", async () => {
    await expect(startUpload(deps, caller, target, FILE_MAX_BYTES + 1, null)).rejects.toMatchObject({
      code: "file_too_large",
    });
    const body = new ReadableStream<Uint8Array>({ pull: () => expect.unreachable() }, { highWaterMark: 0 });
    await expect(storeWhole(deps, caller, target, body, FILE_MAX_BYTES + 1)).rejects.toMatchObject({
      code: "file_too_large",
    });
    expect(uploads.upload).toBeNull();
  });

  it("a cancelled session has no packs, and a chunk that was on its way is not kept", async () => {
    await startUpload(deps, caller, target, 300_000, null);
    await send(random(100_000), 0);
    const put = objects.put.bind(objects);
    objects.put = async (...args) => {
      await abortUpload(deps, caller, uploads.upload!.upload_id);
      await put(...args);
    };
    await expect(send(random(100_000), 1)).rejects.toMatchObject({ code: "unknown_upload" });
    expect(objects.objects.size).toBe(0);
  });
});

describe("one request", { timeout: 60_000 }, () => {
  it("Q1, U1: a version asks for the space that it adds, a file for all of it", async () => {
    const file = { file_id: "f", drive_id: USER, is_folder: false, size: 900, trashed_at: null } as FileRow;
    const needed: number[] = [];
    const stage = uploads.stage.bind(uploads);
    uploads.stage = async (upload: UploadRow, more?: number) => {
      needed.push(more as number);
      return stage(upload);
    };
    await storeWhole(deps, caller, target, streamOf(random(1000)), 1000);
    deps.rights = { find: async () => ({ file, chain: [file], grants: [] }) };
    const version = { kind: "version", file_id: "f", if_version_id: null, mime_type: null, modified_at: null } as const;
    for (const size of [1000, 800]) await storeWhole(deps, caller, version, streamOf(random(size)), size);
    expect(needed).toEqual([1000, 100, 0]);
  });

  it.each(["put", "createMultipart", "uploadPart", "completeMultipart"] as const)(
    "U12: when %s fails, the reservation is given back and nothing stays",
    async (name) => {
      const bytes = random(20 * MiB);
      let calls = 0;
      const real = objects[name].bind(objects) as (...args: never[]) => Promise<never>;
      // The first uploadPart succeeds: the failure is in the middle.
      objects[name] = (async (...args: never[]) => {
        if (name !== "uploadPart" || ++calls > 1) throw new Error("R2 is away");
        return real(...args);
      }) as never;
      const size = name === "put" ? 1000 : bytes.length;
      await expect(storeWhole(deps, caller, target, streamOf(bytes.subarray(0, size)), size)).rejects.toThrow(
        "R2 is away",
      );
      expect(uploads.upload!.state).toBe("aborted");
      expect([objects.objects.size, objects.uploadsUnderWay]).toEqual([0, 0]);
    },
  );

  it("U12: a commit whose answer was lost keeps its bytes", async () => {
    const submit = deps.submit;
    deps.submit = async (drive, submission) => {
      const outcome = await submit(drive, submission);
      if (submission.command.op === "commit_upload") throw new DriveError("unavailable", "lost");
      return outcome;
    };
    const bytes = random(50_000);
    await expect(storeWhole(deps, caller, target, streamOf(bytes), null)).rejects.toMatchObject({
      code: "unavailable",
    });
    expect(same(await readBack(0, bytes.length), bytes)).toBe(true);
  });

  it("U9, U10: a body of unknown length, and an empty one", async () => {
    for (const bytes of [random(9 * MiB), random(0)]) {
      prepare();
      await storeWhole(deps, caller, target, streamOf(bytes), null);
      expect(uploads.committed).toMatchObject({ content_hash: sha256(bytes), size: bytes.length, integrity: "ok" });
      expect(same(await readBack(0, bytes.length), bytes)).toBe(true);
    }
    expect(objects.objects.size, "an empty content has no pack").toBe(0);
  });
});
