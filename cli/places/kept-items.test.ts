import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { KeptItems } from "./kept-items.ts";

let above: string;
let directory: string;
const said: string[] = [];
const open = (): KeptItems => new KeptItems(directory, (message) => said.push(message));
const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

beforeEach(() => {
  above = mkdtempSync(join(tmpdir(), "edgedrive-items-"));
  directory = join(above, "state", "tokens");
  said.length = 0;
});
afterEach(() => rmSync(above, { recursive: true, force: true }));

test("CLI5: items lie in files of mode 0600 in a directory of 0700, whatever the umask", () => {
  const before = process.umask(0);
  try {
    open().setItem("edgedrive.refresh_token", "secret");
  } finally {
    process.umask(before);
  }
  expect(modeOf(directory)).toBe("700");
  const names = readdirSync(directory);
  expect(names.map((name) => modeOf(join(directory, name)))).toEqual(["600"]);
  expect(open().getItem("edgedrive.refresh_token")).toBe("secret");
  expect(said).toEqual([]);
});

test("CLI5: wider modes are narrowed, and it says so", () => {
  open().setItem("a", "1");
  const [name] = readdirSync(directory);
  chmodSync(join(directory, name!), 0o644);
  chmodSync(directory, 0o755);
  expect(open().getItem("a")).toBe("1");
  expect([modeOf(directory), modeOf(join(directory, name!))]).toEqual(["700", "600"]);
  expect(said).toHaveLength(2);
});

test("an item is replaced, seen by others at once, and removed", () => {
  const [one, other] = [open(), open()];
  one.setItem("a/../b", "1");
  one.setItem("a/../b", "2");
  expect(other.getItem("a/../b")).toBe("2");
  other.removeItem("a/../b");
  other.removeItem("a/../b");
  expect(one.getItem("a/../b")).toBeNull();
  expect(readdirSync(above)).toEqual(["state"]);
  expect(readdirSync(directory)).toEqual([]);
});
