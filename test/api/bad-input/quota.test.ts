/** Whatever is malformed gets a 4xx problem with a stable code, and nothing anywhere has changed by it. */
import { describe, expect, it } from "vitest";
import { tenantOf } from "../../../core/protocol/ids.ts";
import { apiEnv, expectProblem, expectRefused, newUser, shardOf } from "../../support/workerd/api.ts";
import { endless, type Request } from "../../support/workerd/refusals.ts";

describe("quota", () => {
  const LIMIT = 100_000_000;
  const whole = (name: string, bytes: string | ReadableStream): Request => [
    "POST",
    `files/upload?name=${name}`,
    { body: bytes },
  ];

  it("is reserved at the start, never overrun by racing sessions, and freed by a cancelled one", async () => {
    const small = await newUser({ DEFAULT_PLAN: "trial" });
    expect((await small.quota()).limit_bytes).toBe(LIMIT);
    const start = (size: number, name = `${size}`): Request => [
      "POST",
      "files/upload",
      { json: { parent_id: "root", name, size } },
    ];
    await expectRefused(small, 413, "quota_exceeded", ...start(LIMIT + 1));

    const racing = await Promise.all(Array.from({ length: 5 }, (_, i) => small.ask(...start(LIMIT / 2, `race ${i}`))));
    const started = racing.filter(({ status }) => status === 200);
    expect(started).toHaveLength(2);
    for (const refused of racing.filter(({ status }) => status !== 200)) expectProblem(refused, 413, "quota_exceeded");
    expect((await small.quota()).reserved_bytes).toBe(LIMIT);

    const refused = await expectRefused(small, 413, "quota_exceeded", ...whole("one.txt", "1"));
    expect(refused.json).toMatchObject({ needed_bytes: 1, free_bytes: 0 });
    await expectRefused(small, 413, "quota_exceeded", ...whole("unknown length.txt", endless(10)));

    for (const { json } of started) await small.ok("DELETE", `uploads/${String(json.upload_id)}`);
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
    // Cancelled twice is cancelled once.
    await small.ok("DELETE", `uploads/${String(started[0]!.json.upload_id)}`);
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });

  it("Q2, Q3: of requests at once, those that no longer fit are refused by their commit and leave nothing", async () => {
    const small = await newUser({ DEFAULT_PLAN: "trial" });
    const shard = await shardOf(small.id);
    await shard.prepare("update drives set limit_bytes = 100 where drive_id = ?1").bind(small.id).run();
    const objects = async (): Promise<number> =>
      (await apiEnv.BLOBS.list({ prefix: `${tenantOf(small.id)}/` })).objects.length;
    const before = await objects();
    const sent = Array.from({ length: 5 }, (_, i) => small.ask(...whole(`at once ${i}`, "x".repeat(40))));
    const answers = await Promise.all(sent);
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(2);
    for (const refused of answers.filter(({ status }) => status !== 201)) expectProblem(refused, 413, "quota_exceeded");
    expect(await small.quota()).toMatchObject({ used_bytes: 80, reserved_bytes: 0 });
    expect(await objects()).toBe(before + 2);
  });

  it("counts what is there: new versions by their difference, copies in full, trash until it is emptied", async () => {
    const small = await newUser({ DEFAULT_PLAN: "trial" });
    const shard = await shardOf(small.id);
    await shard.prepare("update drives set limit_bytes = 100 where drive_id = ?1").bind(small.id).run();
    const made = await small.file("sixty.txt", "x".repeat(60));
    await expectRefused(small, 413, "quota_exceeded", "POST", `files/${made.file_id}/copy`, { json: {} });
    await expectRefused(small, 413, "quota_exceeded", ...whole("more", "x".repeat(41)));
    await expectRefused(small, 413, "quota_exceeded", "PUT", `files/${made.file_id}`, { body: "x".repeat(101) });
    await small.ok("PUT", `files/${made.file_id}`, { body: "x".repeat(40) });
    expect((await small.quota()).used_bytes).toBe(40);
    await small.ok("DELETE", `files/${made.file_id}`);
    expect((await small.quota()).used_bytes).toBe(40);
    await small.ok("DELETE", "trash");
    expect(await small.quota()).toMatchObject({ used_bytes: 0, reserved_bytes: 0 });
  });
});
