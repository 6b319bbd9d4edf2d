/** E10 to E12: the end of upload sessions, with a crash at each step. */
import { beforeEach, describe, expect, it } from "vitest";
import type { UploadRow } from "../../core/uploads/model.ts";
import { type ExpiryDeps, expireUploads } from "../../core/uploads/expire.ts";
import { formatManifest } from "../../core/storage/manifest.ts";
import type { Result } from "../../core/sync/commands.ts";
import { toFailure } from "../../core/protocol/errors.ts";
import { D1ExpiryStore } from "../../platform/d1/shard/expiry-store.ts";
import { R2ObjectStore } from "../../platform/r2/object-store.ts";
import { bindings, DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";

const HOUR = 3_600_000;
/** One part: the last one, which may be small. */
const PART = 1000;

const objects = new R2ObjectStore(bindings.BLOBS);
let drive: DriveFixture;

beforeEach(async () => {
  drive = await DriveFixture.create();
});

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield bytes;
}

/** A session of chunks, with one that has arrived. */
async function session(expires_at: number): Promise<UploadRow> {
  const upload_id = drive.id();
  const object_key = crypto.randomUUID();
  const multipart = await objects.createMultipart(object_key);
  const upload: UploadRow = {
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
    object_key,
    r2_upload_id: multipart,
    part_size: PART,
    created_by: drive.root,
    device_id: null,
    file_id: null,
    created_at: expires_at - 24 * HOUR,
    expires_at,
  };
  await drive.run({ op: "reserve_upload", upload });
  const etag = await objects.uploadPart(object_key, multipart, 1, once(new Uint8Array(PART)), PART);
  await drive.shard
    .prepare("insert into upload_chunks values (?1, ?2, 0, 'hash', ?3, ?4)")
    .bind(drive.tenant, upload_id, PART, etag)
    .run();
  return upload;
}

async function complete(upload: UploadRow): Promise<void> {
  const { results } = await drive.shard
    .prepare("select etag from upload_chunks where tenant_id = ?1 and upload_id = ?2")
    .bind(drive.tenant, upload.upload_id)
    .all<{ etag: string }>();
  const parts = results.map(({ etag }) => ({ part: 1, etag }));
  await objects.completeMultipart(upload.object_key, upload.r2_upload_id as string, parts);
}

const commit = ({ upload_id, target, object_key }: UploadRow) =>
  drive.run({
    op: "commit_upload",
    upload_id,
    target,
    content: {
      content_id: drive.id(),
      content_hash: null,
      size: PART,
      manifest: formatManifest([{ key: object_key, offset: 0, length: PART }]),
      integrity: "pending",
    },
  });

const exists = async (upload: UploadRow): Promise<boolean> => (await bindings.BLOBS.head(upload.object_key)) !== null;

async function rows(upload: UploadRow): Promise<{ uploads: number; chunks: number }> {
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
      forget: (key) => step(() => store.forget(key)),
    },
    objects: {
      abortMultipart: (...args) => step(() => objects.abortMultipart(...args)),
      delete: (keys) => step(() => objects.delete(keys)),
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
    await complete(upload);
    expect(await reserved()).toBe(PART);
    await expireUploads(sweep(now).deps);
    expect(await reserved()).toBe(0);
    expect(await exists(upload), "a request that began before may still be writing").toBe(true);
    await expireUploads(sweep(now + HOUR).deps);
    expect(await exists(upload)).toBe(false);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
  });

  it("before its time it is left alone", async () => {
    const now = Date.now();
    const upload = await session(now + 1);
    await expireUploads(sweep(now).deps);
    expect(await reserved()).toBe(PART);
    expect(await rows(upload)).toEqual({ uploads: 1, chunks: 1 });
  });

  it("whose parts were never put together has no parts any more", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await expireUploads(sweep(now).deps);
    await expect(complete({ ...upload })).rejects.toThrow();
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
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
        const assembled = await session(now - HOUR);
        await complete(assembled);
        const open = await session(now - HOUR);
        await expireUploads(sweep(now, crashAt, when).deps).catch((error: unknown) =>
          expect(error).toBeInstanceOf(Crash),
        );
        await expireUploads(sweep(now).deps);
        for (const upload of [assembled, open]) {
          expect(await exists(upload)).toBe(false);
          expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
        }
        expect(await reserved()).toBe(0);
      }
    },
  );
});

describe("E12: what was committed", () => {
  it("loses its session, never its bytes", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await complete(upload);
    await commit(upload);
    await expireUploads(sweep(now).deps);
    expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
    expect(await exists(upload)).toBe(true);
  });

  it("also when the commit comes between the sweep's look and its release", async () => {
    const now = Date.now();
    const upload = await session(now - HOUR);
    await complete(upload);
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
    await complete(upload);
    await expireUploads(sweep(now).deps);
    await expect(commit(upload)).rejects.toMatchObject({ code: "unknown_upload" });
  });
});

it("E10: one session that fails holds up none of the others", async () => {
  const now = Date.now();
  const uploads = [await session(now - HOUR), await session(now - HOUR)];
  const { deps } = sweep(now);
  const abort = deps.objects.abortMultipart;
  deps.objects.abortMultipart = async (key, multipart) => {
    if (key === uploads[0]?.object_key) throw new Crash();
    await abort(key, multipart);
  };
  await expireUploads(deps);
  expect(await Promise.all(uploads.map(rows))).toEqual([
    { uploads: 1, chunks: 1 },
    { uploads: 0, chunks: 0 },
  ]);
});

it("E10: a tick of the cron does it, through the drive's real hub", async () => {
  const upload = await session(Date.now() - 2 * HOUR);
  await complete(upload);
  await new Pipeline().tick();
  expect(await rows(upload)).toEqual({ uploads: 0, chunks: 0 });
  expect(await exists(upload)).toBe(false);
  expect(await reserved()).toBe(0);
});
