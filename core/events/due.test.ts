import { describe, expect, it } from "vitest";
import type { FileRow, JournalRow } from "../files/model.ts";
import type { JournalOp } from "../protocol/sync.ts";
import { type Due, dueAfter, newlyDue } from "./due.ts";

const file = (name: string, mime_type: string): FileRow =>
  ({ file_id: name, name, mime_type, is_folder: false, content_id: "c", size: 1000 }) as FileRow;
const files = [file("photo.jpg", "image/jpeg"), file("notes.txt", "text/plain")];

const after = (before: Due, seq: number, ...ops: [JournalOp, string][]): Due =>
  dueAfter(
    before,
    ops.map(([op, file_id]) => ({ op, file_id }) as JournalRow),
    seq,
    (file_id) => files.find((f) => f.file_id === file_id) ?? null,
  );

describe("E16: who has something to do", () => {
  it.each([
    ["created", "photo.jpg", { previews: 1, "search-index": 1 }],
    ["modified", "photo.jpg", { previews: 1, "search-index": 1 }],
    ["created", "notes.txt", { "search-index": 1 }],
    ["updated", "photo.jpg", { "search-index": 1 }],
    ["purged", "gone", { "search-index": 1 }],
    ["shared", "photo.jpg", { notifications: 1 }],
    ["unshared", "gone", { notifications: 1 }],
  ] as const)("%s of %s", (op, file_id, due) => {
    expect(after({}, 1, [op, file_id])).toEqual(due);
  });

  it("of a group, whoever has something to do with one of its entries", () => {
    expect(after({}, 3, ["updated", "notes.txt"], ["shared", "notes.txt"], ["created", "photo.jpg"])).toEqual({
      previews: 3,
      "search-index": 3,
      notifications: 3,
    });
  });

  it("what means nothing to a consumer does not pile up without end", () => {
    let due: Due = {};
    const woken: number[] = [];
    for (let seq = 1; seq <= 200; seq++) {
      const next = after(due, seq, ["created", "notes.txt"]);
      if (newlyDue(due, next).includes("notifications")) woken.push(seq);
      due = next;
    }
    expect(woken).toEqual([64, 128, 192]);
  });
});
