/** Edits against a server in memory: exact bytes always, and few of them sent. */
import { randomBytes } from "node:crypto";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { memorySource } from "../../core/delta/index.ts";
import { edits } from "../../test/support/delta-edits.ts";
import { type Answer, type Seen, TestServer } from "../../test/support/http-server.ts";
import { UploadServer } from "../../test/support/memory/upload-server.ts";
import { newId } from "../../core/protocol/ids.ts";
import { MemoryContentStates, parseState, serialiseState } from "../content-state.ts";
import { keepingState } from "../download-state.ts";
import { Gate } from "../gate.ts";
import { Http } from "../http.ts";
import { MemoryStorage } from "../storage.ts";
import { upload } from "../upload.ts";
import type { UploadRequest, UploadTools } from "../upload-request.ts";

const MIB = 1024 * 1024;
const device = newId(7, 0);
const server = new TestServer();
let drive: UploadServer;
let states: MemoryContentStates;
let tools: UploadTools;

type Bytes = Uint8Array<ArrayBuffer>;
const file = (bytes: Uint8Array): File => new File([bytes as Bytes], "film.bin", { lastModified: 1e12 });
const random = (length: number): Bytes => new Uint8Array(randomBytes(length));
const same = (file_id: string, bytes: Uint8Array): boolean => Buffer.compare(drive.bytesOf(file_id), bytes) === 0;
const sent = (): number => server.seen.reduce((sum, { body }) => sum + body.length, 0);
const steps = (): string[] =>
  server.seen.map(({ method, path }) => `${method} ${path.replace(/[0-9a-f]{8}-[-0-9a-f]{27}|[0-9a-f]{64}/, "*")}`);

function changedAt(bytes: Uint8Array, offset: number, length: number): Bytes {
  const changed = new Uint8Array(bytes);
  changed.set(randomBytes(length), offset);
  return changed;
}

const send = (bytes: Uint8Array, more: Partial<UploadRequest> = {}) =>
  upload(tools, { source: file(bytes), parent_id: "root", ...more });

/** A file whose state the client has. */
async function known(bytes: Uint8Array): Promise<string> {
  const { file_id } = await send(bytes);
  server.seen.length = 0;
  return file_id;
}

beforeEach(async () => {
  server.seen.length = 0;
  drive = new UploadServer();
  server.handler = drive.handler;
  states = new MemoryContentStates();
  const http = new Http({ origin: await server.start(), backoff_ms: 1, retries: 2 });
  tools = { http, storage: new MemoryStorage(), gate: new Gate(5), device_id: () => device, states };
});
afterEach(() => server.stop());

describe("an edit", { timeout: 120_000 }, () => {
  test.each([3 * MIB, 9 * MIB])("U21: 4 KB in %i bytes are one request, a few KB from old bytes", async (size) => {
    const before = random(size);
    const file_id = await known(before);
    const after = changedAt(before, size / 2, 4096);
    await send(after, { file_id, old: memorySource(before) });
    expect(same(file_id, after)).toBe(true);
    expect(steps()).toEqual(["POST /sync/delta"]);
    expect(sent()).toBeLessThan(8 * 1024);
  });

  test("D10: from the signature alone, and again from the state that the edit left", async () => {
    const before = random(9 * MIB);
    const file_id = await known(before);
    let now = before;
    for (const offset of [1_000_000, 8_000_000, 7_777_777]) {
      server.seen.length = 0;
      now = changedAt(now, offset, 4096);
      await send(now, { file_id });
      expect(same(file_id, now)).toBe(true);
      expect(steps()).toEqual(["POST /sync/delta"]);
      expect(sent()).toBeLessThan(16 * 1024);
    }
  });

  test("U17, U18: a large one goes by a session of frames, five at a time", async () => {
    const before = random(20 * MIB);
    const file_id = await known(before);
    const after = new Uint8Array(
      Buffer.concat([before.subarray(0, 5 * MIB), random(18 * MIB), before.subarray(6 * MIB)]),
    );
    await send(after, { file_id, old: memorySource(before) });
    expect(same(file_id, after)).toBe(true);
    expect(sent()).toBeLessThan(19 * MIB);
    expect(steps().at(0)).toBe("POST /files/upload");
    expect(steps().filter((step) => step === "PUT /chunks/*").length).toBeGreaterThanOrEqual(3);
  });

  test("truncated, appended, emptied, moved within: exact", async () => {
    const before = random(2 * MIB);
    const file_id = await known(before);
    const versions = [
      before.subarray(0, MIB),
      Buffer.concat([before, before]),
      new Uint8Array(),
      before,
      Buffer.concat([before.subarray(MIB), before.subarray(0, MIB)]),
      before.subarray(5),
    ];
    for (const bytes of versions) {
      await send(bytes, { file_id });
      expect(same(file_id, bytes)).toBe(true);
    }
  });

  test("412 is told, whatever the way", async () => {
    const before = random(9 * MIB);
    const file_id = await known(before);
    const if_version_id = newId(7, 0);
    const edits: Partial<UploadRequest>[] = [{ old: memorySource(before) }, {}];
    for (const edit of edits) {
      const refused = send(changedAt(before, 99, 50), { file_id, if_version_id, ...edit });
      await expect(refused).rejects.toMatchObject({ code: "precondition_failed", status: 412 });
    }
    await states.remove(file_id);
    await expect(send(random(9 * MIB), { file_id, if_version_id })).rejects.toMatchObject({ status: 412 });
    expect(same(file_id, before)).toBe(true);
  });

  test("any edit of any file ends with its bytes, from old bytes and from signatures", async () => {
    const larger = fc.integer({ min: 1, max: 40 });
    await fc.assert(
      fc.asyncProperty(edits, larger, fc.boolean(), async ({ before, after }, times, has_old) => {
        const grown = (bytes: Uint8Array): Bytes =>
          new Uint8Array(Buffer.concat([salt, bytes, ...Array(times).fill(bytes), bytes]));
        const salt = random(300_000);
        drive.files.clear();
        const file_id = await known(grown(before));
        const next = grown(after);
        await send(next, { file_id, old: has_old ? memorySource(grown(before)) : undefined });
        expect(same(file_id, next)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});

describe("a state", { timeout: 120_000 }, () => {
  test("D19: of damaged bytes is none, whichever byte", async () => {
    const bytes = random(400_000);
    const file_id = await known(bytes);
    const state = (await states.get(file_id))!;
    expect(await serialiseState((await parseState(state))!)).toEqual(state);
    for (let at = 0; at < state.length; at += 97) {
      const damaged = state.slice();
      damaged[at]! ^= 1 + (at % 255);
      expect(await parseState(damaged)).toBeNull();
    }
    expect(await parseState(state.subarray(0, -1))).toBeNull();
    expect(await parseState(new Uint8Array())).toBeNull();
  });

  test("D20: that is wrong costs more, never the bytes", async () => {
    const before = random(3 * MIB);
    const file_id = await known(before);
    const after = changedAt(before, MIB, 5000);
    const other = await parseState((await states.get(file_id))!);
    const kept = { ...other!, blocks: other!.blocks.map((block) => ({ ...block })) };
    const lies = [
      { ...kept, version_id: newId(7, 1) },
      { ...kept, blocks: kept.blocks.map((b, i) => ({ ...b, hash: kept.blocks[(i + 1) % kept.blocks.length]!.hash })) },
      { ...kept, block_bits: 20 as const },
      { ...kept, signature: { ...kept.signature, weak: kept.signature.weak.toReversed() } },
      {
        ...kept,
        signature: {
          ...kept.signature,
          strong: kept.signature.strong,
          weak: kept.signature.weak.map((_, i) => kept.signature.weak[(i + 1) % 1024]!),
        },
      },
    ];
    for (const lie of lies) {
      await states.set(file_id, await serialiseState(lie));
      await send(after, { file_id });
      expect(same(file_id, after)).toBe(true);
    }
  });

  test("D7, D20: old bytes of another version cost a second try, never the bytes", async () => {
    const before = random(3 * MIB);
    const file_id = await known(before);
    const after = changedAt(before, MIB, 50_000);
    await send(after, { file_id, old: memorySource(changedAt(before, MIB + 40_000, 100_000)) });
    expect(same(file_id, after)).toBe(true);
  });

  test("U16: of a version that was purged means that the server is asked", async () => {
    const before = random(9 * MIB);
    const file_id = await known(before);
    const current = changedAt(before, 5 * MIB, 10);
    const kept = (await states.get(file_id))!;
    await send(current, { file_id });
    const { version_id } = (await parseState(kept))!;
    drive.purge(file_id, version_id);
    await states.set(file_id, kept);
    server.seen.length = 0;
    const after = changedAt(current, 2 * MIB, 1000);
    await send(after, { file_id, old: memorySource(before) });
    expect(same(file_id, after)).toBe(true);
    expect(steps()).toContain("POST /uploads/*/negotiate");
    expect(sent()).toBeLessThan(MIB);
  });
});

test("a download leaves a state: what is edited then costs what changed", async () => {
  const before = random(3 * MIB);
  const file_id = await known(before);
  await states.remove(file_id);
  const { version_id } = drive.files.get(file_id)!.versions[0]!;
  const pieces: Uint8Array[] = [];
  const stored = { file_id, version_id, size: before.length };
  for await (const piece of keepingState(tools, stored, new Blob([before]).stream())) pieces.push(piece);
  expect(Buffer.compare(Buffer.concat(pieces), before)).toBe(0);
  const after = changedAt(before, MIB, 4096);
  await send(after, { file_id });
  expect(steps()).toEqual(["POST /sync/delta"]);
  expect(same(file_id, after)).toBe(true);
});

describe("without a state", { timeout: 120_000 }, () => {
  test("U20: only blocks that the server lacks are sent", async () => {
    const before = random(10 * MIB);
    const file_id = await known(before);
    await states.remove(file_id);
    const after = changedAt(before, 4 * MIB, 4096);
    await send(after, { file_id });
    expect(same(file_id, after)).toBe(true);
    expect(sent()).toBeLessThan(MIB);
    const again = changedAt(after, 6 * MIB, 4096);
    server.seen.length = 0;
    await send(again, { file_id });
    expect(steps()).toEqual(["POST /sync/delta"]);
    expect(same(file_id, again)).toBe(true);
  });
});

describe("faults", { timeout: 120_000 }, () => {
  /** Every request of an edit in turn: it fails before it is done, or its answer is lost for good. */
  test.each([
    ["fail", "one request"],
    ["lose", "one request"],
    ["fail", "a session"],
    ["lose", "a session"],
  ])("%s: any request of %s; the next call ends with the exact file", async (fault, way) => {
    const before = random(way === "a session" ? 6 * MIB : MIB);
    const fresh = random(way === "a session" ? 5 * MIB : 4096);
    const after = new Uint8Array(Buffer.concat([before.subarray(0, 500_000), fresh, before.subarray(600_000)]));
    for (let broken = 0; ; broken++) {
      drive.files.clear();
      server.handler = drive.handler;
      const file_id = await known(before);
      let count = 0;
      server.handler = async (seen: Seen): Promise<Answer> => {
        const mine = count++;
        if (mine < broken || mine > broken + 2) return drive.handler(seen);
        if (fault === "lose") await drive.handler(seen);
        return "drop";
      };
      const request = { file_id, op_id: `op ${broken}` };
      const sending = send(after, request);
      await Promise.allSettled([sending]);
      server.handler = drive.handler;
      await sending.catch(() => send(after, request));
      expect(same(file_id, after)).toBe(true);
      // Nothing was made twice.
      expect(drive.files.get(file_id)!.versions).toHaveLength(2);
      if (count <= broken) break;
    }
  });

  test("resumed: what arrived is not sent again", async () => {
    const before = random(12 * MIB);
    const file_id = await known(before);
    const after = new Uint8Array(Buffer.concat([random(17 * MIB), before.subarray(2 * MIB)]));
    server.handler = (seen) => (steps().filter((s) => s === "PUT /chunks/*").length > 2 ? "drop" : drive.handler(seen));
    await expect(send(after, { file_id })).rejects.toThrow();
    const arrived = [...drive.sessions.values()].at(-1)!.chunks.length;
    expect(arrived).toBeGreaterThan(0);
    server.handler = drive.handler;
    server.seen.length = 0;
    await send(after, { file_id });
    expect(same(file_id, after)).toBe(true);
    expect(steps()).not.toContain("POST /files/upload");
    expect(sent()).toBeLessThan((18 - 7 * arrived) * MIB);
  });

  test("the file changes while it is sent: what is committed is what it was at some moment, or it is sent anew", async () => {
    const before = random(6 * MIB);
    const file_id = await known(before);
    const after = changedAt(before, 3 * MIB, 300_000);
    const later = changedAt(after, 3 * MIB + 1000, 300_000);
    let reads = 0;
    const source = new File([after], "film.bin", { lastModified: 1e12 });
    const moving = new Proxy(source, {
      get: (target, key) => {
        const of = key === "slice" && ++reads > 1 ? new File([later], "film.bin") : target;
        const value = Reflect.get(of, key) as unknown;
        return typeof value === "function" ? (value as () => unknown).bind(of) : value;
      },
    });
    await upload(tools, { source: moving, parent_id: "root", file_id });
    expect([after, later].some((bytes) => same(file_id, bytes))).toBe(true);
  });
});
