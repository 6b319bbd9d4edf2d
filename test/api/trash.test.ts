/** F10: emptying the trash while others use it. */
import { beforeEach, describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { contextOf } from "../../workers/api/context.ts";
import { emptyTrash } from "../../workers/api/empty-trash.ts";
import { expectProblem, newUser, type User } from "../support/workerd/api.ts";

let user: User;
beforeEach(async () => {
  user = await newUser();
});

async function trash(count: number): Promise<string[]> {
  const ids = [];
  for (let i = 0; i < count; i++) {
    const { file_id } = await user.folder(crypto.randomUUID());
    await user.ok("DELETE", `files/${file_id}`);
    ids.push(file_id);
  }
  return ids;
}
const trashed = async (): Promise<string[]> =>
  (await user.ok<{ items: File[] }>("GET", "trash")).items.map((file) => file.file_id);
/** As a request that began at `until` does. */
const emptied = (until: number, max?: number): Promise<boolean> => {
  const caller = { actor: { user_id: user.id, device_id: null }, op_id: crypto.randomUUID() };
  return emptyTrash(contextOf(user.env), user.id, caller, until, max);
};

describe("DELETE /trash", () => {
  it("F10: what several tabs empty at the same time is no error for any of them", async () => {
    await trash(12);
    const tabs = await Promise.all([1, 2, 3].map(() => user.ask("DELETE", "trash")));
    expect(tabs.map((answer) => answer.status)).toEqual([204, 204, 204]);
    expect(await trashed()).toEqual([]);
  });

  it("F10: what another device purges or puts back meanwhile is no error", async () => {
    const ids = await trash(12);
    const [emptying] = await Promise.all([
      user.ask("DELETE", "trash"),
      ...ids.slice(0, 3).map((id) => user.ask("POST", `files/${id}/untrash`)),
      ...ids.slice(3, 6).map((id) => user.ask("DELETE", `trash/${id}`)),
    ]);
    expect(emptying!.status).toBe(204);
    expect(await trashed()).toEqual([]);
  });

  it("F10: what is put to trash after it began keeps its days", async () => {
    await trash(2);
    const rows = await user.ok<{ items: File[] }>("GET", "trash");
    const until = rows.items[0]!.trashed_at!;
    // Times are milliseconds: the next one is later.
    while (Date.now() <= Date.parse(until)) await user.ask("GET", "me");
    const later = await trash(1);
    expect((await user.ask("DELETE", `trash?until=${encodeURIComponent(until)}`)).status).toBe(204);
    expect(await trashed()).toEqual(later);
  });

  it("F10: one request does a bounded part, and whoever repeats it comes to the end", async () => {
    await trash(7);
    const until = Date.now();
    expect(await emptied(until, 3)).toBe(false);
    expect(await trashed()).toHaveLength(4);
    expect(await emptied(until, 3)).toBe(false);
    expect(await emptied(until, 3)).toBe(true);
    expect(await trashed()).toEqual([]);
    expect(await emptied(until, 3)).toBe(true);
  });

  it("F10: nothing that is yet to come is emptied", async () => {
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await trash(1);
    expect((await user.ask("DELETE", `trash?until=${until}`)).status).toBe(204);
    expectProblem(await user.ask("DELETE", "trash?until=soon"), 400, "invalid_request");
  });
});
