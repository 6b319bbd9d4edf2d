import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseMasterKeys } from "../../core/keys/masters.ts";
import { localSecrets } from "./secrets.ts";

let directory: string;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), "edgedrive-secrets-"))));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("localSecrets", () => {
  it("makes 256 random bits for each name, readable by the owner only", () => {
    const secrets = localSecrets(directory, ["A", "B"]);
    expect(Object.keys(secrets)).toEqual(["A", "B"]);
    expect(Buffer.from(secrets.A!, "base64url")).toHaveLength(32);
    expect(secrets.A).not.toBe(secrets.B);
    expect(statSync(join(directory, "secrets.json")).mode & 0o777).toBe(0o600);
  });

  it("makes master keys in their own form", () => {
    const { keys, newest } = parseMasterKeys(localSecrets(directory, ["MASTER_KEYS"]).MASTER_KEYS!);
    expect([[...keys.keys()], newest]).toEqual([["v1"], "v1"]);
  });

  it("keeps what is there and adds a name that is new", () => {
    const first = localSecrets(directory, ["A"]);
    const second = localSecrets(directory, ["A", "B"]);
    expect(second.A).toBe(first.A);
    expect(second.B).toBeDefined();
  });

  it.each(["", "{", "[]", '{"A":""}'])("refuses a damaged file (%j) rather than to lock everybody out", (text) => {
    writeFileSync(join(directory, "secrets.json"), text);
    expect(() => localSecrets(directory, ["A"])).toThrow("is damaged");
  });
});
