/** Hashes that stop and go on, and contents that become one, over memory. docs/spec/storage.md, S5 to S9. */
import { randomFillSync } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { same } from "../../test/support/memory/engine.ts";
import { sha256, StoredDrives } from "../../test/support/memory/stored-drives.ts";
import { ATTEMPTS_MAX, NEVER } from "../events/consume.ts";
import type { FileRow } from "../files/model.ts";
import { packKey } from "../packs/format.ts";
import { parseText } from "../manifests/root.ts";
import type { UploadTarget } from "../uploads/model.ts";
import type { VerifiedContent } from "./ports.ts";
import { Sha256State } from "./sha256-state.ts";
import { ReadBudget } from "./verify.ts";
import { DAY } from "../time.ts";

const KiB = 1024;
const random = (length: number): Uint8Array<ArrayBuffer> => randomFillSync(new Uint8Array(length));

it("S6: a hash that is saved and restored between any pieces is that of the whole", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (pieces) => {
      let hash = new Sha256State();
      for (const piece of pieces) hash = Sha256State.restore(hash.update(piece).save());
      expect(hash.hex()).toBe(sha256(Buffer.concat(pieces)));
    }),
  );
});

it("S6: a state of 640 GB is kept to the byte; what is none is refused", () => {
  const long = new Uint8Array(32 + 8 + 37).fill(0xa5);
  new DataView(long.buffer).setBigUint64(32, BigInt(640e9 + 37));
  const text = Buffer.from(long).toString("base64");
  expect(640e9 % 64).toBe(0);
  expect(Sha256State.restore(text).save()).toBe(text);
  for (const wrong of ["", "AAAA", Buffer.from(long.subarray(0, -1)).toString("base64"), "not base64!"])
    expect(() => Sha256State.restore(wrong)).toThrow(expect.objectContaining({ code: "integrity_error" }));
});

const file = (drives: StoredDrives, name: string, at = 0): UploadTarget => drives.drives[at]!.target(name);
const rowsOf = (drives: StoredDrives, at = 0) => [...drives.drives[at]!.store.state.verifications.values()];
const fileOf = (drives: StoredDrives, { file_id }: FileRow) => drives.drives[0]!.store.state.files.get(file_id)!;

describe("S6: slices", () => {
  it("each ends where its budget does, and the next one goes on there", async () => {
    const drives = new StoredDrives(1);
    const bytes = random(300 * KiB);
    const made = (await drives.upload(0, file(drives, "x"), bytes, { known: false }))!;
    const steps: number[] = [];
    while (await drives.verify(0, new ReadBudget(64 * KiB))) steps.push(rowsOf(drives)[0]!.hashed_bytes);
    expect(steps.length).toBeGreaterThan(2);
    expect(steps).toEqual(steps.toSorted((a, b) => a - b));
    expect(steps.every((hashed) => hashed < bytes.length)).toBe(true);
    expect(fileOf(drives, made)).toMatchObject({ content_hash: sha256(bytes), integrity: "ok" });
    expect(rowsOf(drives)).toEqual([]);
  });

  it("a block is as good as a read: many small ones end a slice as well", async () => {
    const drives = new StoredDrives(1);
    await drives.upload(0, file(drives, "x"), random(300 * KiB), { known: false });
    expect(await drives.verify(0, new ReadBudget(1024 ** 3, 3))).toBe(true);
    expect(rowsOf(drives)[0]!.hashed_bytes).toBeGreaterThan(0);
  });

  it("S15: after each MiB or so, what else there is has its turn", async () => {
    const drives = new StoredDrives(1);
    const bytes = random(5 * 1024 * KiB);
    await drives.upload(0, file(drives, "x"), bytes, { known: false });
    let turns = 0;
    await drives.verify(0, new ReadBudget(), { giveWay: async () => void turns++ });
    expect(turns).toBe(4);
  });

  it("a long content holds up nothing that came after it", async () => {
    const drives = new StoredDrives(1);
    const long = (await drives.upload(0, file(drives, "long"), random(300 * KiB), { known: false }))!;
    const short = (await drives.upload(0, file(drives, "short"), random(10), { known: false }))!;
    for (let i = 0; i < 3; i++) {
      drives.now += 1;
      await drives.verify(0, new ReadBudget(64 * KiB));
    }
    expect(fileOf(drives, short).integrity).toBe("ok");
    expect(fileOf(drives, long).integrity).toBe("pending");
  });

  it("of two runs at once one has the content; the other leaves it alone", async () => {
    const drives = new StoredDrives(1);
    await drives.upload(0, file(drives, "x"), random(100 * KiB), { known: false });
    const hashed: string[] = [];
    const settle = async (id: string) => void hashed.push(id);
    await Promise.all([0, 1].map(() => drives.verify(0, new ReadBudget(), { settle })));
    expect(hashed).toHaveLength(1);
  });

  it("what nobody has any more is not read", async () => {
    const drives = new StoredDrives(1);
    const { file_id } = (await drives.upload(0, file(drives, "x"), random(100 * KiB), { known: false }))!;
    await drives.purge(0, file_id);
    const [pack] = [...drives.drives[0]!.store.state.packs.keys()];
    await drives.engine.objects.delete([packKey(7, pack!)]);
    expect(await drives.verify(0, new ReadBudget())).toBe(false);
    expect([rowsOf(drives), drives.reported]).toEqual([[], []]);
  });

  it("a process that ends anywhere costs its slice at most: the row is due again, and the hash is right", async () => {
    // Each call of the store, the hub or the object store is where the process ends, once before it and once behind it.
    for (let end = 0, ended = true; ended; end++) {
      const drives = new StoredDrives(1);
      const bytes = random(100 * KiB);
      const made = (await drives.upload(0, file(drives, "x"), bytes, { known: false }))!;
      let calls = 0;
      ended = false;
      const stopped = Promise.withResolvers<void>();
      const stop = (): Promise<never> => {
        ended = true;
        stopped.resolve();
        return new Promise(() => undefined);
      };
      const mortal = <T extends object>(target: T): T =>
        new Proxy(target, {
          get(object, name) {
            const value = Reflect.get(object, name) as unknown;
            if (typeof value !== "function") return value;
            return async (...args: unknown[]) => {
              const at = (calls += 2) - 2;
              if (ended || at === end) return stop();
              const result: unknown = await value.apply(object, args);
              return at + 1 === end ? stop() : result;
            };
          },
        });
      const deps = drives.deps(0);
      const run = drives.verify(0, new ReadBudget(64 * KiB), {
        store: mortal(deps.store),
        equals: mortal(deps.equals),
        engine: { ...deps.engine, objects: mortal(deps.engine.objects) },
        settle: mortal({ settle: deps.settle }).settle,
      });
      // A process that ended never answers.
      await Promise.race([run, stopped.promise]);
      for (let i = 0; i < 5; i++) {
        drives.now += 10 * 60_000;
        while (await drives.verify(0, new ReadBudget(64 * KiB)));
      }
      expect(fileOf(drives, made), `end ${end}`).toMatchObject({ content_hash: sha256(bytes), integrity: "ok" });
      expect(rowsOf(drives), `end ${end}`).toEqual([]);
    }
  });
});

describe("S7: the result", () => {
  it("a hash that differs from the declared one is told, and is the bytes' own", async () => {
    const drives = new StoredDrives(1);
    const [right, wrong] = [random(10), random(10)];
    const said = { known: false, declared_hash: sha256(right) };
    const good = (await drives.upload(0, file(drives, "good"), right, said))!;
    const bad = (await drives.upload(0, file(drives, "bad"), wrong, said))!;
    await drives.verify(0, new ReadBudget());
    expect(fileOf(drives, good)).toMatchObject({ content_hash: sha256(right), integrity: "ok" });
    expect(fileOf(drives, bad)).toMatchObject({ content_hash: sha256(wrong), integrity: "declared_hash_mismatch" });
  });

  it("E15: damage is tried five times, told each time, and never a hash; then the row stays for an operator", async () => {
    const drives = new StoredDrives(1);
    const made = (await drives.upload(0, file(drives, "x"), random(100 * KiB), { known: false }))!;
    const [pack] = [...drives.drives[0]!.store.state.packs.keys()];
    const key = packKey(7, pack!);
    const kept = structuredClone(drives.engine.objects.objects.get(key)!);
    const { bytes } = drives.engine.objects.objects.get(key)!;
    bytes[50_000]! ^= 1;
    for (let i = 0; i < 10; i++) {
      await drives.verify(0, new ReadBudget());
      drives.now += DAY;
    }
    expect(drives.reported.map(({ isDead }) => isDead)).toEqual([false, false, false, false, true]);
    expect(rowsOf(drives)).toMatchObject([{ attempts: ATTEMPTS_MAX, next_at: NEVER, error: expect.any(String) }]);
    expect(fileOf(drives, made)).toMatchObject({ content_hash: null, integrity: "pending" });
    drives.engine.objects.objects.set(key, kept);
    drives.drives[0]!.store.interfere(({ verifications }) =>
      verifications.forEach((row, id) => verifications.set(id, { ...row, next_at: 0, attempts: 0 })),
    );
    await drives.verify(0, new ReadBudget());
    expect(fileOf(drives, made).integrity).toBe("ok");
  });
});

describe("S8, S9: equal contents", () => {
  const contentsOf = (drives: StoredDrives) =>
    drives.drives.flatMap(({ store }) => [...store.state.contents.values()]) as VerifiedContent[];

  it("the newer ones take the oldest one's blocks, across drives; nothing is deleted", async () => {
    const drives = new StoredDrives(2);
    const bytes = random(100 * KiB);
    for (const at of [0, 1]) await drives.upload(at, file(drives, "x", at), bytes, { known: true });
    const [first, second] = contentsOf(drives).toSorted((a, b) => (a.content_id < b.content_id ? -1 : 1));
    expect(first!.manifest).not.toBe(second!.manifest);
    const objects = drives.engine.objects.objects.size;
    expect(await drives.join(first!)).toBe(1);
    expect(contentsOf(drives).map(({ manifest }) => manifest)).toEqual([first!.manifest, first!.manifest]);
    expect(await drives.join(second!)).toBe(0);
    expect(drives.engine.objects.objects.size).toBe(objects);
    expect(same(await drives.read(second!.manifest, bytes.length), bytes), "who reads by the old manifest").toBe(true);
  });

  const oldestFirst = (drives: StoredDrives) =>
    contentsOf(drives).toSorted((a, b) => (a.content_id < b.content_id ? -1 : 1));

  it("S14: bytes that were cut otherwise stay as they are: the cuts would tell their owner that another one has them", async () => {
    const drives = new StoredDrives(3);
    const bytes = random(300 * KiB);
    for (const [at, bits] of [14, 16, 16].entries())
      await drives.upload(at, file(drives, "x", at), bytes, { known: true, bits: bits as 14 });
    const classOf = async (manifest: string) => (await parseText(manifest)).bits;
    const before = await Promise.all(oldestFirst(drives).map(({ manifest }) => classOf(manifest)));
    for (const content of oldestFirst(drives)) await drives.join(content);
    const after = oldestFirst(drives).map(({ manifest }) => manifest);
    expect(await Promise.all(after.map(classOf)), "each keeps its own").toEqual(before);
    expect(new Set(after).size, "the two that are alike are one").toBe(2);
  });

  it("S14: what was sent again because the older one's bytes are lost is not joined to them, but gives them back", async () => {
    for (const size of [100, 700]) {
      const drives = new StoredDrives(2);
      const bytes = random(size * KiB);
      for (const at of [0, 1]) await drives.upload(at, file(drives, "x", at), bytes, { known: true });
      const [lost, good] = oldestFirst(drives);
      const { packs } = await parseText(lost!.manifest);
      await drives.engine.objects.delete([packKey(7, packs.at(-1)!)]);
      await expect(drives.read(lost!.manifest, bytes.length)).rejects.toThrow();
      expect(await drives.join(good!)).toBe(1);
      for (const { manifest } of contentsOf(drives))
        expect(same(await drives.read(manifest, bytes.length), bytes)).toBe(true);
    }
  });

  it("not when a pack of the kept one is condemned, nor when a row changed since it was read", async () => {
    const drives = new StoredDrives(2);
    const bytes = random(100 * KiB);
    for (const at of [0, 1]) await drives.upload(at, file(drives, "x", at), bytes, { known: true });
    const [first, second] = contentsOf(drives).toSorted((a, b) => (a.content_id < b.content_id ? -1 : 1));
    const { packs } = await parseText(first!.manifest);
    const stale = { ...second!, manifest: first!.manifest.slice(4) };
    expect(await drives.equals.repoint(stale, first!, packs)).toBe(false);
    for (const { store } of drives.drives)
      store.interfere(({ packs }) => packs.forEach((pack, id) => packs.set(id, { ...pack, state: "condemned" })));
    expect(await drives.join(second!)).toBe(0);
  });

  it("S9: after any uploads, edits, copies, purges and jobs in any order every version reads back its exact bytes", async () => {
    const texts = [0, 1, 40, 100].map((size) => random(size * KiB));
    const pick = fc.nat({ max: 20 });
    const at = fc.nat({ max: 1 });
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ op: fc.constant("upload" as const), at, text: pick, known: fc.boolean() }) },
      { weight: 3, arbitrary: fc.record({ op: fc.constant("edit" as const), pick, text: pick, known: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("copy" as const), pick }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("known" as const), at, pick }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("purge" as const), pick }) },
      { weight: 1, arbitrary: fc.record({ op: fc.constant("forget" as const), pick }) },
      {
        weight: 3,
        arbitrary: fc.record({ op: fc.constant("verify" as const), at, kib: fc.constantFrom(1, 32, 1000) }),
      },
      { weight: 3, arbitrary: fc.record({ op: fc.constant("join" as const), pick }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
        const drives = new StoredDrives(2);
        const expected = new Map<string, Uint8Array>();
        const read = new Map<string, Uint8Array>();
        const files = () =>
          drives.drives.flatMap(({ store }, at) =>
            [...store.state.files.values()].filter((f) => !f.is_folder).map((row) => ({ row, at })),
          );
        const picked = (n: number) => files()[n % Math.max(1, files().length)];
        let serial = 0;
        const take = (made: FileRow | null, bytes: Uint8Array) => {
          const { manifest, content_id } = contentsOf(drives).find((c) => c.content_id === made!.content_id)!;
          expected.set(content_id, bytes);
          read.set(manifest, bytes);
        };
        for (const s of steps) {
          const found = "pick" in s ? picked(s.pick) : undefined;
          if ("pick" in s && found === undefined) continue;
          const name = `${(serial += 1)}`;
          const bytes = "text" in s ? texts[s.text % texts.length]! : new Uint8Array();
          if (s.op === "upload")
            take(
              await drives.upload(s.at, file(drives, name, s.at), bytes, {
                known: s.known,
                bits: serial % 2 ? 14 : 16,
              }),
              bytes,
            );
          else if (s.op === "edit") {
            const { file_id } = found!.row;
            const target = {
              kind: "version",
              file_id,
              if_version_id: null,
              mime_type: null,
              modified_at: null,
            } as const;
            take(await drives.upload(found!.at, target, bytes, { known: s.known }), bytes);
          } else if (s.op === "copy") {
            const source_file_id = found!.row.file_id;
            await drives.run(found!.at, { op: "create_from", source_file_id, target: file(drives, name, found!.at) });
          } else if (s.op === "known") {
            const { content_id, content_hash, size } = found!.row;
            if (content_hash === null || found!.at !== s.at) continue;
            const content = { content_id: content_id!, content_hash, size };
            await drives.run(s.at, { op: "create_known", content, target: file(drives, name, s.at) });
          } else if (s.op === "purge") await drives.purge(found!.at, found!.row.file_id);
          else if (s.op === "forget")
            await drives.run(found!.at, { op: "purge_versions", file_id: found!.row.file_id, through: 1000 });
          else if (s.op === "verify") await drives.verify(s.at, new ReadBudget(s.kib * KiB));
          else {
            const content = contentsOf(drives).find((c) => c.content_id === found!.row.content_id)!;
            if (content.content_hash !== null) await drives.join(content);
          }
          drives.now += 1000;
        }
        for (const at of [0, 1]) while (await drives.verify(at, new ReadBudget()));
        for (const content of contentsOf(drives)) if (content.content_hash !== null) await drives.join(content);

        const contents = new Map(contentsOf(drives).map((content) => [content.content_id, content]));
        for (const { store } of drives.drives)
          for (const { content_id, content_hash, size } of store.state.versions.values()) {
            const { manifest } = contents.get(content_id)!;
            expect(same(await drives.read(manifest, size), expected.get(content_id)!)).toBe(true);
            expect(content_hash).toBe(sha256(expected.get(content_id)!));
          }
        for (const [manifest, bytes] of read)
          expect(same(await drives.read(manifest, bytes.length), bytes), "who still reads by an old manifest").toBe(
            true,
          );
        const current = files().map(({ row }) => row);
        const cutsOf = ({ content_id }: FileRow): string => contents.get(content_id!)!.manifest.slice(0, 4);
        for (const [, equal] of Map.groupBy(current, (row) => `${row.content_hash} ${cutsOf(row)}`))
          if (equal[0]!.size > 0)
            expect(new Set(equal.map((row) => contents.get(row.content_id!)!.manifest)).size).toBe(1);
        expect(current.every((row) => row.integrity === "ok")).toBe(true);
        expect(drives.reported).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
