/** docs/spec/sync.md, SN4: many small versions in one answer. */
import { describe, expect, it } from "vitest";
import type { File } from "../../core/protocol/files.ts";
import { CONTENTS_MAX, NO_CONTENT } from "../../core/protocol/sync.ts";
import { expectProblem, newUser, text, type User } from "../support/workerd/api.ts";
import { give } from "../support/workerd/shares.ts";

type Item = { file_id: string; version_id: string };
const itemOf = ({ file_id, version_id }: File): Item => ({ file_id, version_id: version_id as string });

/** Text by index; null where it is marked as missing. */
async function contents(user: User, items: Item[]): Promise<(string | null)[]> {
  const { status, bytes } = await user.ask("POST", "sync/contents", { json: { items } });
  expect(status).toBe(200);
  const view = new DataView(bytes.buffer);
  const found = new Map<number, string | null>();
  for (let at = 0; at < bytes.length;) {
    const [index, length] = [view.getUint32(at), view.getUint32(at + 4)];
    at += 8;
    found.set(index, length === NO_CONTENT ? null : new TextDecoder().decode(bytes.subarray(at, at + length)));
    if (length !== NO_CONTENT) at += length;
  }
  expect(found.size).toBe(items.length);
  return items.map((_, index) => found.get(index)!);
}

describe("contents together", () => {
  it("SN4: versions old and new, empty ones, and those that others share", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const first = await user.file("a.txt", text("one"));
    const second = await user.ok<File>("PUT", `files/${first.file_id}`, { body: text("two") });
    const empty = await user.file("empty.txt", text(""));
    const shared = await other.file("b.txt", text("shared"));
    await give(other, shared, user, "view");
    expect(await contents(user, [first, second, empty, shared, second].map(itemOf))).toEqual([
      "one",
      "two",
      "",
      "shared",
      "two",
    ]);
  });

  it("SN4: what the caller cannot read, what was never there and what is larger are marked alike", async () => {
    const [user, other] = [await newUser(), await newUser()];
    const own = await user.file("a.txt", text("own"));
    const foreign = await other.file("b.txt", text("secret"));
    const trashed = await user.file("c.txt", text("trashed"));
    await user.ok("DELETE", `files/${trashed.file_id}`);
    const large = await user.file("large.bin", new Uint8Array(CONTENTS_MAX.file_bytes + 1));
    const mixed = { file_id: own.file_id, version_id: foreign.version_id as string };
    const never = { file_id: foreign.file_id.replace(/.$/, "0"), version_id: own.version_id as string };
    expect(await contents(user, [itemOf(foreign), itemOf(trashed), itemOf(large), mixed, never, itemOf(own)])).toEqual([
      null,
      null,
      null,
      null,
      null,
      "own",
    ]);
  });

  it("SN4: more than it takes, or none, is refused", async () => {
    const user = await newUser();
    const item = itemOf(await user.file("a.txt", text("own")));
    for (const count of [0, CONTENTS_MAX.files + 1])
      expectProblem(
        await user.ask("POST", "sync/contents", { json: { items: Array.from({ length: count }, () => item) } }),
        400,
        "invalid_request",
      );
  });
});
