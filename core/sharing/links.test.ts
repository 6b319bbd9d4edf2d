import { expect, test } from "vitest";
import type { DriveError } from "../protocol/errors.ts";
import { isGuarded, keptUntil, type Link, requireOpen } from "./links.ts";

const link = (fields: Partial<Link> = {}): Link => ({
  tenant_id: 1,
  token: "token",
  permission_id: "p",
  permission: "view",
  password_hash: null,
  max_downloads: null,
  expires_at: null,
  revoked_at: null,
  trashed: false,
  file: {} as Link["file"],
  ...fields,
});

const state = (l: Link | null, now = 1000): string => {
  try {
    requireOpen(l, now);
    return "open";
  } catch (error) {
    return (error as DriveError).code;
  }
};

test("L2: the states of a link, the strongest reason first", () => {
  expect(state(null)).toBe("not_found");
  expect(state(link())).toBe("open");
  expect(state(link({ trashed: true }))).toBe("not_found");
  expect(state(link({ expires_at: 1001 }))).toBe("open");
  expect(state(link({ expires_at: 1000 }))).toBe("link_expired");
  expect(state(link({ revoked_at: 1, expires_at: 1, trashed: true }))).toBe("link_revoked");
});

test("L4: a reading is believed for 60 s, never past the expiry", () => {
  expect(keptUntil(link(), 5000)).toBe(65_000);
  expect(keptUntil(link({ expires_at: 7000 }), 5000)).toBe(7000);
  expect(keptUntil(link({ expires_at: 90_000 }), 5000)).toBe(65_000);
});

test("L11: a password or a limit guards", () => {
  expect(isGuarded(link())).toBe(false);
  expect(isGuarded(link({ password_hash: "x" }))).toBe(true);
  expect(isGuarded(link({ max_downloads: 1 }))).toBe(true);
});
