/**
 * The seed's walkthrough: the store fails while people upload and download, the breaker opens, uploads are kept, the store
 * comes back. docs/spec/replica.md.
 */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { beforeEach, describe, expect, it, vi } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { tenantOf } from "../../core/protocol/ids.ts";
import { D1StoreRecord } from "../../platform/d1/directory/store-record.ts";
import consumers from "../../workers/queue-consumers/index.ts";
import { apiEnv, Api, expectProblem, newUser, PASSWORD, User, withVars } from "../support/workerd/api.ts";
import { waitFor } from "../support/wait-for.ts";
import { Pipeline } from "../support/workerd/pipeline.ts";

const MiB = 1024 * 1024;
const { BLOBS, BLOBS_REPLICA } = apiEnv as unknown as { BLOBS: R2Bucket; BLOBS_REPLICA: R2Bucket };
type Bytes = Uint8Array<ArrayBuffer>;

const operatorToken = (apiEnv as unknown as { OPERATOR_TOKEN: string }).OPERATOR_TOKEN;

const WRITES = new Set(["put", "createMultipartUpload", "uploadPart", "complete", "delete"]);

/** A bucket that fails as told, with the words that R2 has for it. */
class FailingBucket {
  failing: "nothing" | "writes" | "all" = "nothing";
  /** Calls that got through or failed. */
  calls = 0;
  readonly bucket: R2Bucket;

  constructor(real: R2Bucket) {
    this.bucket = this.#watch(real);
  }

  #watch<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (real, name) => {
        const value: unknown = Reflect.get(real, name, real);
        if (typeof value !== "function") return value;
        if (name === "resumeMultipartUpload") return (...args: unknown[]) => this.#watch(value.apply(real, args));
        return async (...args: unknown[]) => {
          this.calls += 1;
          if (this.failing === "all" || (this.failing === "writes" && WRITES.has(String(name))))
            throw new Error(`${String(name)}: Service Unavailable (10043)`);
          return value.apply(real, args);
        };
      },
    });
  }
}

function random(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, Math.min(length, at + 65536)));
  return bytes;
}

const isEqual = (a: Bytes, b: Bytes): boolean => a.length === b.length && crypto.subtle.timingSafeEqual(a, b);

let primary: FailingBucket;
let env: ReturnType<typeof withVars>;
let user: User;
let pipeline: Pipeline;

/** Another isolate's first look at the bindings: a context of its own, with breakers of its own. */
const isolate = (): ReturnType<typeof withVars> => withVars({ BLOBS: primary.bucket });

beforeEach(async () => {
  primary = new FailingBucket(BLOBS);
  env = isolate();
  user = new User((await newUser()).signedIn, env);
  pipeline = new Pipeline({ BLOBS: primary.bucket });
});

const upload = (name: string, bytes: Bytes, who: Api = user) =>
  who.ask<File>("POST", `files/upload?name=${name}`, { body: bytes });
const uploaded = async (name: string, bytes: Bytes): Promise<File> => {
  const answer = await upload(name, bytes);
  expect(answer.status).toBe(201);
  return answer.json;
};
const download = async (file: File, who: Api = user): Promise<Bytes> => {
  const answer = await who.ask("GET", `files/${file.file_id}/download`);
  expect(answer.status).toBe(200);
  return answer.bytes;
};
const keysOf = async (bucket: R2Bucket): Promise<string[]> =>
  (await bucket.list({ prefix: `${tenantOf(user.id)}/` })).objects.map(({ key }) => key);
const marks = async (): Promise<string[]> =>
  (await BLOBS_REPLICA.list({ prefix: "unhealed/" })).objects.map(({ key }) => key);
/** What the consumers do of one message. */
const run = async (body: object): Promise<void> => {
  pipeline.waiting("REPLICA").push({ body, attempts: 1 });
  await pipeline.drain();
};
/** The packs of a user as a wake of their hub names them. */
const copyAll = async (): Promise<void> => {
  const packs = (await keysOf(BLOBS)).map((key) => key.split("/")[1]!);
  const wake = { tenant_id: tenantOf(user.id), drive_id: user.id, seq: 1, due: [], packs };
  await pipeline.deliver("FILE_EVENTS", [{ body: wake, attempts: 1 }]);
  await pipeline.drain();
};
const levels = async (): Promise<Record<string, number>> =>
  Object.fromEntries((await new D1StoreRecord(apiEnv.DIRECTORY).all()).map(({ name, value }) => [name, value]));

describe("RP9: copies", { timeout: 60_000 }, () => {
  it("a wake brings packs of any size to the replica, as they are", async () => {
    const files = [await uploaded("small", random(1000)), await uploaded("large", random(20 * MiB))];
    await copyAll();
    const keys = await keysOf(BLOBS);
    expect(await keysOf(BLOBS_REPLICA)).toEqual(keys);
    for (const key of keys) {
      const [original, copy] = [(await BLOBS.get(key))!, (await BLOBS_REPLICA.get(key))!];
      expect(copy.customMetadata).toEqual(original.customMetadata);
      expect(isEqual(new Uint8Array(await original.arrayBuffer()), new Uint8Array(await copy.arrayBuffer()))).toBe(
        true,
      );
    }
    expect(files.length).toBe(keys.length);
    expect((await levels()).copied).toBeGreaterThanOrEqual(2);
  });

  it("a copy that fails is tried again, and a comparison finds what no wake told of", async () => {
    await uploaded("lost", random(1000));
    const compare = { job: "compare", prefix: "", after: "", missing: 0, only_in_replica: 0 };
    primary.failing = "all";
    const batch = createMessageBatch("edgedrive-replica", [
      { id: "1", timestamp: new Date(), attempts: 1, body: { job: "copy", keys: await keysOf(BLOBS) } },
    ]);
    await consumers.queue(batch, pipeline.env);
    expect((await getQueueResult(batch, createExecutionContext())).retryMessages.map(({ msgId }) => msgId)).toEqual([
      "1",
    ]);
    primary.failing = "nothing";
    await run(compare);
    expect(await keysOf(BLOBS_REPLICA)).toEqual(await keysOf(BLOBS));
    expect((await levels()).missing).toBeGreaterThan(0);
    await run(compare);
    expect((await levels()).missing).toBe(0);
  });
});

describe("the store fails and comes back", { timeout: 60_000 }, () => {
  it("nothing acknowledged is lost, and downloads never stop", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    try {
      const contents = new Map<string, Bytes>();
      const files: File[] = [];
      const keep = async (name: string, bytes: Bytes): Promise<void> => {
        contents.set(name, bytes);
        files.push(await uploaded(name, bytes));
      };
      const readAll = async (who: Api = user): Promise<void> => {
        for (const file of files) expect(isEqual(await download(file, who), contents.get(file.name)!)).toBe(true);
      };
      await keep("before", random(300_000));
      await keep("large before", random(12 * MiB));
      await copyAll();

      // T+0: it answers nothing but errors; the fifth in a row opens the breaker.
      primary.failing = "all";
      for (let i = 0; i < 3; i++) await readAll();
      await keep("during", random(200_000));
      await keep("during, too", random(5000));
      await readAll();

      // Open: it is left alone.
      const calls = primary.calls;
      await readAll();
      await keep("while open", random(1000));
      expect(primary.calls).toBe(calls);

      // A large one that begins now goes to the replica in parts.
      await keep("large during", random(10 * MiB));
      // Whoever comes from another isolate reads the same.
      await readAll(new User(user.signedIn, isolate()));
      expect((await marks()).length).toBe(4);
      expect((await levels())["moved:reads:open"]).toBeGreaterThan(0);

      // T+30: it is back. Three probes each close the breakers, and what waits goes back.
      primary.failing = "nothing";
      vi.setSystemTime(Date.now() + 30_000);
      for (let i = 0; i < 3; i++) {
        await keep(`after ${i}`, random(1000));
        await readAll();
      }
      await run({ job: "heal" });
      expect(await marks()).toEqual([]);
      await copyAll();
      expect(await keysOf(BLOBS)).toEqual(await keysOf(BLOBS_REPLICA));
      // The primary alone has all of it.
      const alone = new User(user.signedIn, withVars({ BLOBS_REPLICA: undefined }));
      await readAll(alone);
      const found = await levels();
      expect(found).toMatchObject({ unhealed: 0, "open:reads": 0, "open:writes": 0 });
      expect(found.healed).toBeGreaterThanOrEqual(4);
    } finally {
      vi.useRealTimers();
    }
  });

  it("RP7: a large upload that is cut off is refused so that it can be sent again, and is then kept", async () => {
    const bytes = random(10 * MiB);
    let begun = 0;
    const cut = new Proxy(BLOBS, {
      get: (real, name) => {
        if (name === "createMultipartUpload") begun += 1;
        // It takes beginnings, and no bytes: the resumed upload is a bucket's that fails.
        if (name === "resumeMultipartUpload")
          return (key: string, id: string) => ({
            uploadPart: () => Promise.reject(new Error("uploadPart: Service Unavailable (10043)")),
            abort: () => real.resumeMultipartUpload(key, id).abort(),
          });
        const value: unknown = Reflect.get(real, name, real);
        return typeof value === "function" ? value.bind(real) : value;
      },
    });
    const who = new User(user.signedIn, withVars({ BLOBS: cut }));
    const statuses: number[] = [];
    for (let i = 0; i < 5 && statuses.at(-1) !== 201; i++) {
      const answer = await upload("cut off", bytes, who);
      statuses.push(answer.status);
      if (answer.status === 503) expect(answer.headers.get("retry-after")).toBe("1");
      else expect(isEqual(await download(answer.json, who), bytes)).toBe(true);
    }
    expect(statuses).toEqual([503, 503, 201]);
    expect(begun).toBe(2);
  });

  it.each(["writes", "all"] as const)(
    "RP15: the first upload of somebody new is kept while the primary fails (%s), its key too, which is healed",
    async (failing) => {
      const keys = `keys/${String(tenantOf(user.id)).padStart(10, "0")}/`;
      const keysIn = async (bucket: R2Bucket) =>
        (await bucket.list({ prefix: keys, include: ["customMetadata"] })).objects.map(({ key, customMetadata }) => ({
          key,
          customMetadata,
        }));
      const bytes = random(1000);
      primary.failing = failing;
      const file = await uploaded("first", bytes);
      expect(isEqual(await download(file, new User(user.signedIn, isolate())), bytes)).toBe(true);
      expect(await keysIn(BLOBS)).toEqual([]);
      const copies = await keysIn(BLOBS_REPLICA);
      expect(copies).toHaveLength(1);
      expect(await marks()).toContain(`unhealed/${copies[0]!.key}`);
      primary.failing = "nothing";
      await run({ job: "heal" });
      expect(await keysIn(BLOBS)).toEqual(copies);
      expect(await marks()).toEqual([]);
      const alone = new User(user.signedIn, withVars({ BLOBS_REPLICA: undefined }));
      expect(isEqual(await download(file, alone), bytes)).toBe(true);
    },
  );

  it.each([true, false])(
    "RP15: a first upload that no bucket takes is unavailable, never internal; a replica: %s",
    async (hasReplica) => {
      primary.failing = "all";
      const second = new FailingBucket(BLOBS_REPLICA);
      second.failing = "all";
      const BLOBS_REPLICA_ = hasReplica ? second.bucket : undefined;
      const who = new User(user.signedIn, withVars({ BLOBS: primary.bucket, BLOBS_REPLICA: BLOBS_REPLICA_ }));
      const answer = await upload("first", random(1000), who);
      expect(answer).toMatchObject({ status: 503, json: { code: "unavailable" } });
      expect(answer.headers.get("retry-after")).toBe("1");
    },
  );

  it("RP12: keys that were made or wrapped anew, and what is kept of masters, are in the replica within the hour", async () => {
    await uploaded("first", random(1000));
    const key = `keys/${String(tenantOf(user.id)).padStart(10, "0")}/000001`;
    const original = (await BLOBS.head(key))!;
    const hour = () => pipeline.tick(new Date("2026-11-20T10:23:00Z"));
    await BLOBS_REPLICA.delete("masters/v1");
    await hour();
    expect((await BLOBS_REPLICA.head(key))!.customMetadata).toEqual(original.customMetadata);
    expect((await BLOBS_REPLICA.head("masters/v1"))!.customMetadata).toEqual(
      (await BLOBS.head("masters/v1"))!.customMetadata,
    );
    const anew = { ...original.customMetadata, wrapped_key: "another" };
    // A millisecond later at least, as a rotation is.
    await waitFor(async () => {
      await BLOBS.put(key, new Uint8Array(), { customMetadata: anew });
      return (await BLOBS.head(key))!.uploaded > (await BLOBS_REPLICA.head(key))!.uploaded;
    });
    await hour();
    expect((await BLOBS_REPLICA.head(key))!.customMetadata).toEqual(anew);
  });

  it("RP15: the keys of an account that ends are gone from both buckets", async () => {
    await uploaded("first", random(1000));
    await pipeline.tick(new Date("2026-11-20T10:23:00Z"));
    const prefix = `keys/${String(tenantOf(user.id)).padStart(10, "0")}/`;
    expect((await BLOBS_REPLICA.list({ prefix })).objects).toHaveLength(1);
    await newUser();
    expect((await user.ask("DELETE", "me", { json: { password: PASSWORD } })).status).toBe(204);
    for (const bucket of [BLOBS, BLOBS_REPLICA]) expect((await bucket.list({ prefix })).objects).toEqual([]);
  });

  it("RP13: an isolate that finds the store failing learns from others that it is, and the operator from /metrics", async () => {
    await uploaded("before", random(1000));
    await new D1StoreRecord(apiEnv.DIRECTORY).save([["moved:writes:open", 1]], [["open:writes", 1]]);
    primary.failing = "writes";
    await uploaded("first", random(1000));
    const calls = primary.calls;
    await uploaded("second", random(1000));
    expect(primary.calls, "after one failed upload, not after five calls").toBe(calls);
    const { bytes } = await new Api().ask("GET", "/metrics", {
      headers: { authorization: `Bearer ${operatorToken}` },
    });
    const text = new TextDecoder().decode(bytes);
    expect(text).toMatch(/^edgedrive_breaker_transitions_total\{guarded="writes",to="open"\} [1-9]/m);
    primary.failing = "all";
    const blind = await new Api(operatorToken, env).ask("GET", "/metrics");
    expect(blind.status, "also while the store fails").toBe(200);
    expect(new TextDecoder().decode(blind.bytes)).toMatch(/^edgedrive_backup_age_seconds NaN$/m);
    expectProblem(await new Api(operatorToken, env).ask("GET", "/operator/keys"), 503, "unavailable");
    expect(text).toMatch(/^edgedrive_replica_fallbacks_total\{guarded="writes"\} [1-9]/m);
  });
});
