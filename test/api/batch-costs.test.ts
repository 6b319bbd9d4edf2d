/** What batches and one-request edits cost, counted at the bindings. docs/spec/uploads.md, U21 and U22. */
import { expect, it } from "vitest";
import { newUser, sha256 } from "../support/workerd/api.ts";
import { download, sendBatch, sendSmall, small, statuses } from "../support/workerd/batch.ts";
import { CountedUser } from "../support/workerd/counted.ts";
import { blocksOf, deltaFrame, noise } from "../support/workerd/frames.ts";

const FILES = 1000;
const MiB = 1024 * 1024;

it(
  "U22: 1,000 files of 1 KB: few puts, few rows, few calls of D1; sent again nearly nothing",
  { timeout: 60_000 },
  async () => {
    const counted = await CountedUser.of(await newUser());
    // A tenant's first byte makes its key.
    await sendSmall(counted.user, [await small("first", "first")]);
    const files = await Promise.all(
      Array.from({ length: FILES }, (_, i) => small(`${i}.txt`, `${i} `.padEnd(1024, "x"))),
    );
    let results: Awaited<ReturnType<typeof sendSmall>> = [];
    const first = await counted.count(async (user) => (results = await sendSmall(user, files)));
    expect(new Set(statuses(results))).toEqual(new Set(["applied"]));
    expect(first.class_a).toBe(1);
    expect(first.class_b).toBe(0);
    expect(first.rows_written / FILES).toBeLessThanOrEqual(9);
    expect(first.d1_calls).toBeLessThanOrEqual(10);
    expect(await download(counted.user, results[999]!.file!.file_id)).toEqual(files[999]!.bytes);
    const again = await counted.count(async (user) => expect(await sendSmall(user, files)).toEqual(results));
    expect(again).toMatchObject({ class_a: 0, class_b: 0, rows_written: 0 });
    expect(again.d1_calls).toBeLessThanOrEqual(4);
  },
);

it("J5: 1,000 changes without bytes", { timeout: 60_000 }, async () => {
  const counted = await CountedUser.of(await newUser());
  const changes = Array.from({ length: FILES }, (_, i) => ({
    op: "create_folder",
    op_id: `${i}`,
    parent_id: "root",
    name: `${i}`,
  }));
  const counts = await counted.count(async (user) => {
    const results = await sendBatch(user, changes, []);
    expect(new Set(statuses(results))).toEqual(new Set(["applied"]));
  });
  expect(counts).toMatchObject({ class_a: 0 });
  expect(counts.d1_calls).toBeLessThanOrEqual(6);
});

it("U21: an edit is one request: one pack, one commit, few reads", { timeout: 60_000 }, async () => {
  const counted = await CountedUser.of(await newUser());
  const before = noise(5 * MiB, 3);
  const file = await counted.user.file("large", before);
  const after = before.slice();
  after.set(noise(4096, 9), 3 * MiB);
  const [old, now] = [await blocksOf(before, 16), await blocksOf(after, 16)];
  const known = new Set(old.map(({ hash }) => hash));
  const changed = now.filter(({ hash }) => !known.has(hash));
  const [head, tail] = [changed[0]!, changed.at(-1)!];
  const end = tail.offset + tail.length;
  const length = end - head.offset;
  const version_id = file.version_id as string;
  const change = {
    op: "put",
    op_id: "edit",
    file_id: file.file_id,
    if_version_id: version_id,
    base_version_id: version_id,
    size: after.length,
    frames: 1,
    segments: [
      { version_id, offset: 0, length: head.offset },
      { offset: 0, length },
      { version_id, offset: end, length: after.length - end },
    ],
  };
  const frame = await deltaFrame(
    changed.map(({ bytes }) => bytes),
    before,
  );
  let results: Awaited<ReturnType<typeof sendBatch>> = [];
  const counts = await counted.count(async (user) => (results = await sendBatch(user, [change], [frame])));
  expect(statuses(results)).toEqual(["applied"]);
  expect(counts.class_a).toBe(1);
  expect(counts.class_b).toBeLessThanOrEqual(3);
  expect(counts.d1_calls).toBeLessThanOrEqual(8);
  // Eleven of any version, its verification (S5) and a few hooks (M10).
  expect(counts.rows_written).toBeLessThanOrEqual(16);
  expect(results[0]!.file).toMatchObject({ version_number: 2, integrity: "pending", size: after.length });
  expect(await sha256(await download(counted.user, file.file_id))).toBe(await sha256(after));
  expect(await counted.count((user) => sendBatch(user, [change], [frame]))).toMatchObject({
    class_a: 0,
    rows_written: 0,
  });
});
