import { describe, expect, test } from "vitest";
import type { PermissionWord } from "../protocol/common.ts";
import type { DriveError } from "../protocol/errors.ts";
import { type Access, decide, permissionOf, type Principal } from "./rights.ts";

const OWNER = "owner-id";
const someone: Principal = { kind: "user", user_id: "someone" };
const link: Principal = { kind: "link", permission_id: "link-id" };

const access = (grants: PermissionWord[], trashed = false): Access => ({
  file: { file_id: "file", drive_id: OWNER } as Access["file"],
  chain: [
    { file_id: "file", name: "f", trashed_at: null },
    { file_id: "folder", name: "d", trashed_at: trashed ? 1 : null },
  ],
  grants: grants.map((permission, i) => ({ file_id: i === 0 ? "file" : "folder", permission, expires_at: null })),
});

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return "allowed";
  } catch (error) {
    return (error as DriveError).code;
  }
};

describe("rights", () => {
  test("A1: the highest of owner, own grant, grant above", () => {
    expect(permissionOf({ kind: "user", user_id: OWNER }, access([]))).toBe("owner");
    expect(permissionOf({ kind: "user", user_id: OWNER }, access(["view"]))).toBe("owner");
    expect(permissionOf(someone, access(["view", "edit"]))).toBe("edit");
    expect(permissionOf(someone, access(["edit", "view"]))).toBe("edit");
    expect(permissionOf(someone, access([]))).toBeNull();
    expect(permissionOf(link, access(["comment"]))).toBe("comment");
  });

  test("A1: a link is never the owner, whatever its id", () => {
    expect(permissionOf({ kind: "link", permission_id: OWNER }, access([]))).toBeNull();
  });

  test("A3: every permission against every wish", () => {
    const words = ["view", "comment", "edit", "owner"] as const;
    for (const [i, held] of words.entries())
      for (const [j, wanted] of words.entries())
        expect(codeOf(() => decide(access([held]), someone, wanted))).toBe(i >= j ? "allowed" : "forbidden");
    for (const wanted of words) {
      expect(codeOf(() => decide(access([]), someone, wanted))).toBe("not_found");
      expect(codeOf(() => decide(null, someone, wanted))).toBe("not_found");
    }
  });

  test("A4: trashed, by itself or by a folder above", () => {
    expect(codeOf(() => decide(access(["view"], true), someone, "view"))).toBe("trashed");
    expect(codeOf(() => decide(access(["view"], true), someone, "view", { allowTrashed: true }))).toBe("allowed");
    expect(codeOf(() => decide(access(["view"], true), link, "view", { allowTrashed: true }))).toBe("not_found");
    expect(codeOf(() => decide(access([], true), someone, "view"))).toBe("not_found");
  });
});
