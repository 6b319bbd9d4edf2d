/** E10 to E12: the end of upload sessions, with a crash at each step. */
import { beforeEach, describe, expect, it } from "vitest";
import type { ChunkRow, FileUpload, UploadTarget } from "../../core/uploads/model.ts";
import { type ExpiryDeps, expireUploads } from "../../core/uploads/expire.ts";
import { packKey, packPrefix } from "../../core/packs/format.ts";
import type { FileRow } from "../../core/files/model.ts";
import type { FinishedPack } from "../../core/packs/writer.ts";
import type { Outcome, Result } from "../../core/sync/commands.ts";
import { toFailure } from "../../core/protocol/errors.ts";
import { D1ExpiryStore } from "../../platform/d1/shard/expiry-store.ts";
import { D1UploadStore } from "../../platform/d1/shard/upload-store.ts";
import { bindings, DriveFixture, noise } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";
import { HOUR } from "../../core/time.ts";

const PART = 100_000;

let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

/** A session of chunks, with one that has arrived. */
async function session(expires_at: number): Promise<FileUpload> {
  const upload_id = drive.id();
  const upload: FileUpload = {
    tenant_id: drive.tenant,
    upload_id,
    drive_id: drive.root,
    state: "open",
    target: {
      kind: "file",
      parent_id: drive.root,
      name: upload_id,
      on_name_conflict: "fail",
      mime_type: null,
      modified_at: null,
    },
    size: PART,
    reserved_bytes: PART,
    declared_hash: null,
    part_size: PART,
    block_bits: 14,
    base: null,
    created_by: drive.root,
    device_id: null,
    file_id: null,
    created_at: expires_at - 24 * HOUR,
    expires_at,
  };
  await drive.run({ op: "reserve_upload", upload });
  await arrive(upload, 0);
  return upload;
}

/** Another chunk of the session arrives. */
async function arrive({ upload_id }: FileUpload, index: number): Promise<void> {
  const { content_hash, manifest, packs } = await drive.store(upload_id, noise(PART));
  const { pack_id, size, key_version } = packs[0] as FinishedPack;
  const own = { chunk_index: index, chunk_id: content_hash as string, content_hash: null };
  const chunk = { ...own, size: PART, manifest, hooks: [] };
  const store = new D1UploadStore(drive.shard, drive.tenant);
  await store.putChunk({ tenant_id: drive.tenant, upload_id, ...chunk, pack_id, pack_size: size, key_version });
}

/** Commits the chunk at index 0; others of the session are left over. */
async function commit({ upload_id, target }: FileUpload): Promise<Outcome> {
  const chunk = (await new D1UploadStore(drive.shard, drive.tenant).chunks(upload_id))[0] as ChunkRow;
  const { pack_id, pack_size: size, key_version, manifest } = chunk;
  const stored = { manifest, packs: [{ pack_id, size, key_version }], borrowed: [], hooks: [] };
  const content = { ...stored, content_id: drive.id(), content_hash: null, size: PART, integrity: "pending" } as const;
  return drive.run({ op: "commit_upload", upload_id, target, content });
}

/** Objects of the session's packs. */
async function stored({ upload_id }: FileUpload): Promise<string[]> {
  const { objects } = await bindings.BLOBS.list({ prefix: packKey(drive.tenant, packPrefix(upload_id)) });
  return objects.map((object) => object.key);
}

const exists = async (upload: FileUpload): Promise<boolean> => (await stored(upload)).length > 0;

async function rows(upload: FileUpload): Promise<{ uploads: number; chunks: number }> {
  const row = await drive.shard
    .prepare(
      `select (select count(*) from uploads where tenant_id = ?1 and upload_id = ?2) as uploads,
              (select count(*) from upload_chunks where tenant_id = ?1 and upload_id = ?2) as chunks`,
    )
    .bind(drive.tenant, upload.upload_id)
    .first<{ uploads: number; chunks: number }>();
  return row as { uploads: number; chunks: number };
}

async function reserved(): Promise<number> {
  const sql = "select reserved_bytes from drives where tenant_id = ?1 and drive_id = ?2";
  return (await drive.shard.prepare(sql).bind(drive.tenant, drive.root).first<number>("reserved_bytes")) as number;
}

class Crash extends Error {}

/** The sweep's dependencies; the step number `crashAt` ends the process, before it is done or just after. */
function sweep(
  now: number,
  crashAt = Infinity,
  when: "before" | "after" = "before",
): { deps: ExpiryDeps; steps(): number } {
  let steps = 0;
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    steps += 1;
    if (steps > crashAt || (steps === crashAt && when === "before")) throw new Crash();
    const made = await work();
    if (steps === crashAt) throw new Crash();
    return made;
  };
  const store = new D1ExpiryStore(drive.shard);
  const deps: ExpiryDeps = {
    store: {
      expired: (...args) => step(() => store.expired(...args)),
      abandon: (key) => step(() => store.abandon(key)),
      takenPacks: (key) => step(() => store.takenPacks(key)),
      forget: (key) => step(() => store.forget(key)),
    },
    objects: {
      list: (prefix) => step(() => drive.engine.objects.list(prefix)),
      delete: (keys) => step(() => drive.engine.objects.delete(keys)),
    },
    submit: (_drive, { command }) =>
      step(async (): Promise<Result> => {
        try {
          return { ok: true, outcome: await drive.run(command) };
        } catch (error) {
          return { ok: false, failure: toFailure(error as never) };
        }
      }),
    now: () => now,
    // A process that has ended reports nothing and does nothing more.
    report: (_upload, error) => {
      if (!(error instanceof Crash)) throw error;
    },
  };
  return { deps, steps: () => steps };
}

describe("E10, E11: an abandoned session", () => {
  it("gives its quota back when its time is over, and its bytes and rows an hour later", async () => {
    const now = Date.now();
    const upload = await session(now);
    expect(await reserved()).toBe(PART);
    await expireUploads(sweep(now).deps);
    expect(await reserved()).toBe(0);
    expect(await exists(upload), "a request that began before may still be writing").toBe(true);
    await expireUploads(sweep(now + HOUR).deps);
    expect(await exists(upload)).toBe(false);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
  });

  it("E12: takes no pack that a commit took, even from a session of the same name that was begun anew", async () => {
    const now = Date.now();
    const first = await session(now - 2 * HOUR);
    await commit(first);
    const [taken] = await stored(first);
    await expireUploads(sweep(now).deps);
    expect(await rows(first)).toEqual({ uploads: 0, chunks: 0 });
    const again: FileUpload = { ...first, target: { ...first.target, name: "again" } as FileUpload["target"] };
    await drive.run({ op: "reserve_upload", upload: again });
    await arrive(again, 0);
    await expireUploads(sweep(now).deps);
    await expireUploads(sweep(now).deps);
    expect(await rows(again)).toEqual({ uploads: 0, chunks: 0 });
    expect(await stored(first)).toEqual([taken]);
  });

  it("E12: a root that no commit took goes, also when the file was put together from segments alone", async () => {
    const now = Date.now();
    const upload = await session(now - 2 * HOUR);
    await commit(upload);
    const taken = await stored(upload);
    await drive.store(upload.upload_id, noise(100));
    await drive.shard.prepare("delete from upload_chunks where upload_id = ?1").bind(upload.upload_id).run();
    await expireUploads(sweep(now).deps);
    expect(await stored(upload)).toEqual(taken);
  });

  it("of a deleted tenant goes too, though no hub can release it", async () => {
    const now = Date.now();
    const upload = await session(now);
    const setState = (state: string) =>
      drive.shard.prepare("update tenants set state = ?2 where tenant_id = ?1").bind(drive.tenant, state).run();
    await setState("moving");
    await expect(expireUploads(sweep(now).deps)).rejects.toThrow();
    expect(await rows(upload), "what moves is left to where it goes").toEqual({ uploads: 1, chunks: 1 });
    await setState("deleted");
    await expireUploads(sweep(now + HOUR).deps);
    expect(await stored(upload)).toEqual([]);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
  });

  it("before its time it is left alone", async () => {
    const now = Date.now();
    const upload = await session(now + 1);
    await expireUploads(sweep(now).deps);
    expect(await reserved()).toBe(PART);
    expect(await rows(upload)).toEqual({ uploads: 1, chunks: 1 });
  });

  it.for(["before", "after"] as const)(
    "a crash %s each step leaves only what the next sweep finds",
    { timeout: 20_000 },
    async (when) => {
      const now = Date.now() + 2 * HOUR;
      const whole = sweep(now);
      await session(now - HOUR);
      await expireUploads(whole.deps);
      expect(whole.steps()).toBeGreaterThan(5);
      for (let crashAt = 1; crashAt <= whole.steps(); crashAt++) {
        const open = await session(now - HOUR);
        const committed = await session(now - HOUR);
        await arrive(committed, 1);
        await commit(committed);
        await expireUploads(sweep(now, crashAt, when).deps).catch((error: unknown) =>
          expect(error).toBeInstanceOf(Crash),
        );
        await expireUploads(sweep(now).deps);
        expect(await stored(open)).toHaveLength(0);
        expect(await stored(committed)).toHaveLength(1);
        for (const upload of [open, committed]) expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
        expect(await reserved()).toBe(0);
      }
    },
  );
});

describe("E12: what was committed", () => {
  it("loses its session, never its bytes", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await commit(upload);
    await expireUploads(sweep(now).deps);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
    expect(await exists(upload)).toBe(true);
  });

  it("and the packs that the commit did not take go with it", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await arrive(upload, 1);
    const file = (await commit(upload)).file as FileRow;
    expect(await stored(upload)).toHaveLength(2);
    await expireUploads(sweep(now).deps);
    expect(await stored(upload)).toHaveLength(1);
    expect((await drive.read(file.file_id)).length).toBe(PART);
  });

  it("and the root that a completion stored which was refused, also where no chunk ever came", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await drive.store(upload.upload_id, noise(PART));
    await commit(upload);
    await drive.shard.prepare("delete from upload_chunks where upload_id = ?1").bind(upload.upload_id).run();
    expect(await stored(upload)).toHaveLength(2);
    await expireUploads(sweep(now).deps);
    expect(await stored(upload)).toHaveLength(1);
  });

  it("also when the commit comes between the sweep's look and its release", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    const { deps } = sweep(now);
    const submit = deps.submit;
    deps.submit = async (drive_id, submission) => {
      const { command } = submission;
      if (command.op === "release_upload" && command.upload_id === upload.upload_id) await commit(upload);
      return submit(drive_id, submission);
    };
    await expireUploads(deps);
    expect(await exists(upload)).toBe(true);
    expect(await reserved()).toBe(0);
  });

  it("a commit that comes after the release is refused", async () => {
    const now = Date.now();
    const upload = await session(now);
    await expireUploads(sweep(now).deps);
    await expect(commit(upload)).rejects.toMatchObject({ code: "unknown_upload" });
  });
});

/** A batch of which `names` were committed, with one pack more that no commit took. */
async function batch(now: number, ...names: string[]): Promise<FileUpload> {
  const { target, ...rest } = await session(now - HOUR);
  const upload_id = drive.id();
  const upload = { ...rest, upload_id, target: null, size: 0, reserved_bytes: 0 };
  await new D1UploadStore(drive.shard, drive.tenant).stage(upload, 0);
  const shared = await drive.store(upload_id, noise(PART));
  for (const name of names) {
    const content = { ...shared, content_id: drive.id() };
    await drive.run({ op: "commit_content", upload_id, target: { ...target, name } as UploadTarget, content });
  }
  await drive.store(upload_id, noise(PART));
  return { ...upload, target };
}

describe("E10 to E12: a batch", () => {
  it.each([["open"], ["closed"]])(
    "that was left %s keeps the pack that its commits took, and loses the other",
    async (how) => {
      const now = Date.now();
      const upload = await batch(now, drive.id(), drive.id());
      if (how === "closed") await drive.run({ op: "close_upload", upload_id: upload.upload_id });
      expect(await stored(upload)).toHaveLength(2);
      await expireUploads(sweep(now).deps);
      expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
      expect(await stored(upload)).toHaveLength(1);
      expect(await reserved()).toBe(0);
      const { results } = await drive.shard
        .prepare("select file_id from files where tenant_id = ?1 and is_folder = 0")
        .bind(drive.tenant)
        .all<{ file_id: string }>();
      expect(results).toHaveLength(2);
      for (const { file_id } of results) expect((await drive.read(file_id)).length).toBe(PART);
    },
  );

  it("of which nothing was committed leaves nothing", async () => {
    const now = Date.now();
    const upload = await batch(now);
    await expireUploads(sweep(now).deps);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
    expect(await stored(upload)).toHaveLength(0);
    expect(await reserved()).toBe(0);
  });

  it("that ended takes no commit more", async () => {
    const now = Date.now();
    const upload = await batch(now, drive.id());
    await drive.run({ op: "release_upload", upload_id: upload.upload_id });
    const content = await drive.store(upload.upload_id, noise(PART));
    const late = { op: "commit_content", upload_id: upload.upload_id, target: upload.target, content } as const;
    await expect(drive.run(late)).rejects.toMatchObject({ code: "unknown_upload" });
  });
});

it("E10: one session that fails holds up none of the others", async () => {
  const now = Date.now();
  const uploads = [await session(now - HOUR), await session(now - HOUR)];
  const { deps } = sweep(now);
  const { list } = deps.objects;
  deps.objects.list = async (prefix) => {
    if (prefix === packKey(drive.tenant, packPrefix(uploads[0]?.upload_id as string))) throw new Crash();
    return list(prefix);
  };
  await expireUploads(deps);
  expect(await Promise.all(uploads.map(rows))).toEqual([
    { uploads: 1, chunks: 1 },
    { uploads: 0, chunks: 0 },
  ]);
});

it("E13: a sweep goes through the whole table in bounded jobs, each where the last one stopped", async () => {
  const LIVING = 650;
  const now = Date.now();
  const upload = await session(now - 2 * HOUR);
  // Copies of its row: many that live, and among and behind them more that are over than two jobs end (199 each).
  const ids = Array.from({ length: LIVING + 450 }, () => drive.id());
  const columns = `tenant_id, upload_id, drive_id, state, target, size, reserved_bytes, declared_hash,
    part_size, created_by, device_id, file_id, created_at, expires_at`;
  await drive.shard
    .prepare(
      `insert into uploads (${columns})
       select tenant_id, j.value ->> 0, drive_id, 'committed', target, size, 0, declared_hash,
         part_size, created_by, device_id, file_id, created_at, j.value ->> 1
       from json_each(?3) j join uploads u on u.tenant_id = ?1 and u.upload_id = ?2`,
    )
    .bind(
      drive.tenant,
      upload.upload_id,
      JSON.stringify(ids.map((id, i) => [id, i < LIVING ? now + HOUR : now - 2 * HOUR])),
    )
    .run();
  const pipeline = new Pipeline();
  let jobs = 0;
  pipeline.waiting("CLEANUP").push({ body: { job: "expire_uploads", shard: "SHARD_00" }, attempts: 1 });
  while (pipeline.waiting("CLEANUP").length > 0) {
    await pipeline.deliver("CLEANUP");
    jobs += 1;
  }
  const { results } = await drive.shard
    .prepare("select upload_id from uploads where tenant_id = ?1 order by upload_id")
    .bind(drive.tenant)
    .all<{ upload_id: string }>();
  expect(results.map((row) => row.upload_id)).toEqual(ids.slice(0, LIVING).toSorted());
  expect(jobs, "no job ended more than its share").toBeGreaterThan(2);
});

it("E10: a tick of the cron does it, through the drive's real hub", async () => {
  const upload = await session(Date.now() - 2 * HOUR);
  await new Pipeline().tick(new Date(Date.UTC(2026, 0, 1, 1, 11)));
  expect(await rows(upload), "its turn is every ten minutes").toEqual({ uploads: 1, chunks: 1 });
  await new Pipeline().tick(new Date(Date.UTC(2026, 0, 1, 1, 20)));
  expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
  expect(await exists(upload)).toBe(false);
  expect(await reserved()).toBe(0);
});
