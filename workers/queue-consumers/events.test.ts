/** The way from the journal to what is derived of it, through queues that lose, repeat and reorder. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import type { Candidate } from "../../core/search/ports.ts";
import type { SearchIndex } from "../../durable-objects/search-index.ts";
import { DerivedStore } from "../../platform/derived/derived-store.ts";
import { findDue, findLagging } from "../../platform/d1/shard/lagging-drives.ts";
import { movedClock } from "../../test/support/clock.ts";
import { DriveFixture } from "../../test/support/workerd/drive-fixture.ts";
import { fixtures } from "../../test/support/workerd/fixtures.ts";
import { Pipeline } from "../../test/support/workerd/pipeline.ts";

const { SEARCH_INDEX, DERIVED } = env as unknown as {
  SEARCH_INDEX: DurableObjectNamespace<SearchIndex>;
  DERIVED: R2Bucket;
};
const derived = new DerivedStore(DERIVED);

const { pass } = movedClock();

let drive: DriveFixture;
let pipeline: Pipeline;

beforeEach(async () => {
  drive = await DriveFixture.create();
  pipeline = new Pipeline();
});

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const picture = (name: string, bytes = fixtures["progressive.jpg"] as Uint8Array) =>
  drive.file(name, bytes, { mime_type: "image/jpeg" });

async function find(q: string): Promise<string[]> {
  const stub = SEARCH_INDEX.get(SEARCH_INDEX.idFromName(drive.root));
  return ((await stub.query({ q, now: Date.now() })) as Candidate[]).map((c) => c.file_id);
}

const hasPicture = (content_id: string | null): Promise<boolean> => derived.isMade(drive.tenant, content_id as string);

const failures = async (): Promise<Record<string, unknown>[]> =>
  (await drive.shard.prepare("select * from event_failures where tenant_id = ?1").bind(drive.tenant).all()).results;

/** Of consumers: the backup has one as well (BK6). */
const marks = async (): Promise<Record<string, number>> => {
  const { results } = await drive.shard
    .prepare("select consumer, seq from event_marks where tenant_id = ?1 and consumer <> 'backup'")
    .bind(drive.tenant)
    .all<{ consumer: string; seq: number }>();
  return Object.fromEntries(results.map((row) => [row.consumer, row.seq]));
};

describe("what comes of a commit", () => {
  it(
    "E1: one wake gives a picture its thumbnails and a text and a PDF their place in the index",
    { timeout: 20_000 },
    async () => {
      const photo = await picture("photo.jpg");
      const note = await drive.file("note.txt", text("the kestrels nested"));
      const letter = await drive.file("letter.pdf", fixtures["letter.pdf"], { mime_type: "application/pdf" });
      const folder = await drive.folder("Kestrel pictures");
      pipeline.wake(drive, 4);
      await pipeline.drain();
      expect(await hasPicture(photo.content_id)).toBe(true);
      expect((await find("kestrel")).toSorted()).toEqual([note.file_id, letter.file_id, folder.file_id].toSorted());
      expect(await find("zweiundvierzig")).toEqual([letter.file_id]);
      expect(await marks()).toEqual({ previews: 4, "search-index": 4, notifications: 4 });
      expect(await failures()).toEqual([]);
    },
  );

  it("E2: wakes that come twice, late and in any order change nothing", async () => {
    const note = await drive.file("note.txt", text("first"));
    await drive.file("note.txt", text("second words"), { file_id: note.file_id });
    for (const seq of [2, 1, 2, 1]) {
      pipeline.wake(drive, seq);
      await pipeline.drain();
    }
    expect(await find("first")).toEqual([]);
    expect(await find("second")).toEqual([note.file_id]);
    expect(await marks()).toEqual({ previews: 2, "search-index": 2, notifications: 2 });
  });

  it("E4: more entries than a slice are done by wakes of its own", async () => {
    for (let i = 0; i < 130; i++) await drive.folder(`folder ${i}`);
    pipeline.wake(drive, 130);
    await pipeline.drain();
    expect((await find("folder")).length).toBe(130);
  });

  it("E4: more pictures than one run makes are all made", async () => {
    const files = [];
    for (let i = 0; i < 11; i++) files.push(await picture(`${i}.jpg`));
    pipeline.wake(drive, 11);
    await pipeline.drain();
    for (const file of files) expect(await hasPicture(file.content_id)).toBe(true);
  });
});

it("P6: equal contents have one set of pictures, made once", async () => {
  const photo = await picture("photo.jpg");
  const objects = async (): Promise<string[]> => {
    const { objects } = await DERIVED.list({ prefix: `${drive.tenant}/` });
    return objects.map(({ key, version }) => `${key} ${version}`);
  };
  pipeline.wake(drive);
  await pipeline.drain();
  const made = await objects();
  expect(made.length).toBe(3);
  const copy = (await drive.run({ op: "copy_tree", file_id: photo.file_id, parent_id: drive.root, name: "copy.jpg" }))
    .file;
  expect(copy?.content_id).toBe(photo.content_id);
  pipeline.wake(drive);
  await pipeline.drain();
  expect(await objects(), "none was written again").toEqual(made);
  await picture("other.jpg", fixtures["upright-phone.jpg"]);
  pipeline.wake(drive);
  await pipeline.drain();
  expect((await objects()).length).toBe(6);
});

describe("the index", () => {
  it("X1: knows no rights and no trash: neither a share nor the trash changes what it has", async () => {
    const note = await drive.file("note.txt", text("kestrels"));
    const documents = async (): Promise<unknown> => {
      const stub = SEARCH_INDEX.get(SEARCH_INDEX.idFromName(drive.root));
      return runInDurableObject(stub, (_object, state) => [
        ...state.storage.sql.exec("select file_id, parent_id, name, metadata, type, removed_at from documents"),
      ]);
    };
    pipeline.wake(drive);
    await pipeline.drain();
    const before = await documents();
    expect(before).toMatchObject([{ file_id: note.file_id, removed_at: null }]);
    await drive.grant(note.file_id, { user_id: drive.id(), permission: "view" });
    await drive.run({ op: "trash", file_id: note.file_id });
    pipeline.wake(drive);
    await pipeline.drain();
    expect(await documents()).toEqual(before);
    expect(await find("kestrels"), "whoever asks is told by X6 what to hide").toEqual([note.file_id]);
  });

  /** Counts the calls of each method of the drives' indexes. */
  function counting(): { calls: Record<string, number>; SEARCH_INDEX: unknown } {
    const calls: Record<string, number> = {};
    const get = (id: DurableObjectId): unknown => {
      const stub = SEARCH_INDEX.get(id) as unknown as Record<string, (...args: unknown[]) => unknown>;
      const call =
        (method: string) =>
        (...args: unknown[]) => {
          calls[method] = (calls[method] ?? 0) + 1;
          return stub[method]!(...args);
        };
      return Object.fromEntries(["contents", "put", "below", "remove"].map((method) => [method, call(method)]));
    };
    return { calls, SEARCH_INDEX: { idFromName: (name: string) => SEARCH_INDEX.idFromName(name), get } };
  }

  it("X3: a new name that makes it a text brings its text, and one that ends that takes it", async () => {
    const { file_id } = await drive.file("notes", text("kestrels"), { mime_type: "application/octet-stream" });
    const steps: [string, string[]][] = [
      ["notes", []],
      ["notes.txt", [file_id]],
      ["other.md", [file_id]],
      ["notes.jpg", []],
    ];
    for (const [name, found] of steps) {
      if (name !== "notes") await drive.run({ op: "update", file_id, name });
      pipeline.wake(drive);
      await pipeline.drain();
      expect(await find("kestrels"), name).toEqual(found);
    }
  });

  it("X3: is called once a run, however many files there are", async () => {
    const { calls, SEARCH_INDEX } = counting();
    const folder = await drive.folder("folder");
    for (let i = 0; i < 12; i++) await drive.file(`${i}.txt`, text("kestrels"), { parent_id: folder.file_id });
    const counted = new Pipeline({ SEARCH_INDEX });
    counted.wake(drive);
    await counted.drain();
    expect((await find("kestrels")).length).toBe(12);
    expect(calls).toEqual({ contents: 1, put: 1 });
  });

  it("E4: large PDFs take their share of a run", { timeout: 30_000 }, async () => {
    const large = new Uint8Array(9 * 1024 * 1024);
    large.set(text("%PDF-1.7 nonsense"));
    for (let i = 0; i < 4; i++) await drive.file(`${i}.pdf`, large, { mime_type: "application/pdf" });
    pipeline.losing.add("SEARCH");
    await pipeline.deliver("SEARCH", [
      { body: { tenant_id: drive.tenant, drive_id: drive.root, seq: 4 }, attempts: 1 },
    ]);
    // Nine pieces each of the twenty: the third is begun with two left.
    expect((await marks())["search-index"]).toBe(3);
  });
});

describe("E8: events survive queues that lose them", () => {
  it("a wake that was never sent: the sweep finds the drive by its marks", async () => {
    const photo = await picture("photo.jpg");
    const note = await drive.file("note.txt", text("kestrels"));
    await pipeline.tick();
    expect(await hasPicture(photo.content_id), "not while the wake may be under way").toBe(false);
    pass(10_000);
    await pipeline.tick();
    expect(await hasPicture(photo.content_id)).toBe(true);
    expect(await find("kestrels")).toEqual([note.file_id]);
  });

  it("E16: who has nothing to do is not woken, neither by the hub's wake nor by the sweep, until entries pile up", async () => {
    await drive.file("note.txt", text("kestrels"));
    pass(10_000);
    await pipeline.tick();
    expect(await marks()).toEqual({ "search-index": 1 });
    pipeline.waiting("FILE_EVENTS").push({
      body: { tenant_id: drive.tenant, drive_id: drive.root, seq: 1, due: ["notifications"] },
      attempts: 1,
    });
    await pipeline.drain();
    expect(await marks()).toEqual({ "search-index": 1, notifications: 1 });
    for (let i = 0; i < 63; i++) await drive.folder(`folder ${i}`);
    pass(10_000);
    await pipeline.tick();
    expect(await marks()).toEqual({ previews: 64, "search-index": 64, notifications: 64 });
  });

  it("a queue that loses its messages between fan-out and consumer, as a restart does", async () => {
    const photo = await picture("photo.jpg");
    pipeline.losing.add("PREVIEWS");
    pipeline.wake(drive);
    await pipeline.drain();
    expect(await hasPicture(photo.content_id)).toBe(false);
    expect(await marks()).toEqual({ "search-index": 1, notifications: 1 });
    const restarted = new Pipeline();
    pass(10_000);
    await restarted.tick();
    expect(await hasPicture(photo.content_id)).toBe(true);
    expect(await marks()).toEqual({ previews: 1, "search-index": 1, notifications: 1 });
  });

  it("only who is behind is woken", async () => {
    await drive.folder("folder");
    pipeline.losing.add("SEARCH");
    pipeline.wake(drive);
    await pipeline.drain();
    pipeline.losing.clear();
    pass(10_000);
    pipeline.waiting("CLEANUP").push({ body: { job: "republish", shard: "SHARD_00" }, attempts: 1 });
    await pipeline.deliver("CLEANUP");
    const about = (name: "PREVIEWS" | "SEARCH") =>
      pipeline.waiting(name).filter(({ body }) => (body as { drive_id: string }).drive_id === drive.root).length;
    expect([about("PREVIEWS"), about("SEARCH")]).toEqual([0, 1]);
  });

  it("the cron only enqueues, one job of each kind for each shard", async () => {
    pipeline.losing.add("CLEANUP");
    await pipeline.tick();
    expect(pipeline.waiting("PREVIEWS")).toEqual([]);
  });
});

describe("E5 to E7: entries that fail", () => {
  it("do not block what is behind them, and are tried again when they are due", async () => {
    const bad = await picture("bad.jpg");
    const good = await picture("good.jpg", fixtures["upright-phone.jpg"]);
    const restore = await drive.loseBytes(bad.file_id);
    pipeline.wake(drive, 2);
    await pipeline.drain();
    expect(await hasPicture(good.content_id)).toBe(true);
    expect(await failures()).toMatchObject([{ consumer: "previews", seq: 1, attempts: 1, error: expect.any(String) }]);
    await restore();
    pass(31_000);
    await pipeline.tick();
    expect(await hasPicture(bad.content_id)).toBe(true);
    expect(await failures()).toEqual([]);
  });

  it("are dead after five attempts: a letter, a row that stays, and nobody waits for the picture", async () => {
    const bad = await picture("bad.jpg");
    await drive.loseBytes(bad.file_id);
    pipeline.wake(drive);
    await pipeline.drain();
    for (let i = 0; i < 6; i++) {
      pass(86_400_000);
      await pipeline.tick();
    }
    expect(await failures()).toMatchObject([{ consumer: "previews", attempts: 5 }]);
    expect(pipeline.waiting("PREVIEWS_DEAD").map((m) => m.body)).toMatchObject([{ seq: 1, consumer: "previews" }]);
    expect(await derived.hasNone(drive.tenant, bad.content_id as string)).toBe(true);
  });

  it("a dependency that is down fails the run, and the next delivery does it", async () => {
    const note = await drive.file("note.txt", text("kestrels"));
    let down = true;
    const flaky = {
      idFromName: (name: string) => SEARCH_INDEX.idFromName(name),
      get: (id: DurableObjectId) => {
        if (down) throw new Error("overloaded");
        return SEARCH_INDEX.get(id);
      },
    };
    pipeline = new Pipeline({ SEARCH_INDEX: flaky });
    pipeline.wake(drive);
    await pipeline.deliver("FILE_EVENTS");
    await pipeline.deliver("SEARCH");
    expect((await marks())["search-index"]).toBeUndefined();
    down = false;
    await pipeline.drain();
    expect(await find("kestrels")).toEqual([note.file_id]);
  });

  it("a message that is none is retried into the dead-letter queue and stops nothing", async () => {
    const note = await drive.file("note.txt", text("kestrels"));
    pipeline.waiting("FILE_EVENTS").push({ body: { drive_id: "nonsense" }, attempts: 1 });
    pipeline.wake(drive);
    await pipeline.deliver("FILE_EVENTS");
    expect(pipeline.waiting("FILE_EVENTS")).toMatchObject([{ attempts: 2 }]);
    await pipeline.drain();
    expect(await find("kestrels")).toEqual([note.file_id]);
  });
});

describe("P2: bombs and damage end in no preview", () => {
  function bomb(): Uint8Array {
    const bytes = fixtures["transparent.png"].slice();
    new DataView(bytes.buffer).setUint32(16, 60_000);
    new DataView(bytes.buffer).setUint32(20, 60_000);
    return bytes;
  }

  it.for([
    ["huge dimensions", bomb],
    ["a JPEG cut in its header", () => fixtures["upright-phone.jpg"].slice(0, 40)],
    ["pixels that are none", () => fixtures["transparent.png"].map((byte, i) => (i > 50 ? byte ^ 0x5a : byte))],
    ["a text that calls itself a picture", () => text("not a picture, whatever its name says")],
  ] as const)("%s", async ([, make]) => {
    const file = await picture("bad.png", make());
    pipeline.wake(drive);
    await pipeline.drain();
    expect(await derived.hasNone(drive.tenant, file.content_id as string)).toBe(true);
    expect(await failures()).toEqual([]);
    expect((await marks()).previews).toBe(1);
  });
});

describe("X3: the index follows the drive", () => {
  const settle = async (): Promise<void> => {
    pipeline.wake(drive);
    await pipeline.drain();
  };

  it("a rename and a move are one document; a move takes what is below along", async () => {
    const folder = await drive.folder("outer");
    const note = await drive.file("note.txt", text("kestrels"), { parent_id: folder.file_id });
    await settle();
    await drive.run({ op: "update", file_id: folder.file_id, name: "barn" });
    await settle();
    expect(await find("outer")).toEqual([]);
    expect(await find("barn")).toEqual([folder.file_id]);
    expect(await find("kestrels")).toEqual([note.file_id]);
  });

  it("a purged folder takes the text below it out, but not what waits in the trash by itself", async () => {
    const folder = await drive.folder("outer");
    const gone = await drive.file("gone.txt", text("kestrels"), { parent_id: folder.file_id });
    const kept = await drive.file("kept.txt", text("kestrels"), { parent_id: folder.file_id });
    await settle();
    expect((await find("kestrels")).toSorted()).toEqual([gone.file_id, kept.file_id].toSorted());
    await drive.run({ op: "trash", file_id: kept.file_id });
    await drive.run({ op: "trash", file_id: folder.file_id });
    await drive.run({ op: "purge", file_id: folder.file_id });
    await settle();
    expect(await find("kestrels")).toEqual([kept.file_id]);
  });
});

describe("E9: pointers to what is shared lie with the recipient", () => {
  const pointers = async (recipient: DriveFixture): Promise<Record<string, unknown>[]> => {
    const { results } = await recipient.shard
      .prepare("select file_id, drive_id, shared_by from incoming_shares where tenant_id = ?1 and user_id = ?2")
      .bind(recipient.tenant, recipient.root)
      .all();
    return results;
  };
  const settle = async (): Promise<void> => {
    pipeline.wake(drive);
    await pipeline.drain();
  };

  it("come with a share into another shard, once, and go with the last grant", async () => {
    const recipient = await DriveFixture.create("SHARD_01");
    const folder = await drive.folder("shared");
    const first = await drive.grant(folder.file_id, { user_id: recipient.root });
    await settle();
    await settle();
    const pointer = { file_id: folder.file_id, drive_id: drive.root, shared_by: drive.root };
    expect(await pointers(recipient)).toEqual([pointer]);
    await drive.revoke(first);
    const second = await drive.grant(folder.file_id, { user_id: recipient.root });
    await settle();
    expect(await pointers(recipient), "what is held now decides, not the entry").toEqual([pointer]);
    await drive.revoke(second);
    await settle();
    expect(await pointers(recipient)).toEqual([]);
  });

  it("links have none", async () => {
    const folder = await drive.folder("linked");
    await drive.grant(folder.file_id);
    await settle();
    expect((await marks()).notifications).toBe(2);
    expect(await failures()).toEqual([]);
  });
});

it("E8: of a tenant that is not active here nothing lags and nothing is due, or it would for ever", async () => {
  await drive.file("note.txt", text("words"));
  await drive.shard
    .prepare("insert into event_failures values (?1, ?2, 'previews', 1, 1, 'Error', 0)")
    .bind(drive.tenant, drive.root)
    .run();
  pass(10_000);
  const woken = async (): Promise<string[]> => {
    const { lagging } = await findLagging(drive.shard, { tenant_id: drive.tenant, drive_id: "" }, Date.now());
    const rows = [...lagging, ...(await findDue(drive.shard, Date.now()))];
    return rows.filter(({ tenant_id }) => tenant_id === drive.tenant).map(({ consumer }) => consumer);
  };
  expect(await woken()).toEqual(["search-index", "previews"]);
  for (const state of ["moving", "deleted"]) {
    await drive.shard.prepare("update tenants set state = ?2 where tenant_id = ?1").bind(drive.tenant, state).run();
    expect(await woken()).toEqual([]);
  }
});
