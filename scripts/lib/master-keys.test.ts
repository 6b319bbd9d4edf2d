import { describe, expect, it } from "vitest";
import { MasterCheck } from "../../core/keys/master-check.ts";
import { parseMasterKeys } from "../../core/keys/masters.ts";
import { R2MasterChecks } from "../../platform/r2/master-checks.ts";
import { MasterKeysError, requireMasterKeys, skippedVersions } from "./master-keys.ts";

const key = (version: string, letter: string): string => `${version}:${btoa(letter.repeat(32))}`;

describe("master keys", () => {
  it("K7: a start with another key, or without one that is in use, is refused in plain words", async () => {
    const sealed: { key: string; uploaded: Date; customMetadata?: Record<string, string> }[] = [];
    const bucket = {
      head: async () => null,
      put: async (name: string, _: Uint8Array, { customMetadata }: { customMetadata: Record<string, string> }) =>
        sealed.push({ key: name, uploaded: new Date(0), customMetadata }),
      list: async () => ({ objects: sealed }),
      delete: async () => undefined,
    };
    await requireMasterKeys(bucket, key("v1", "a"));
    await new MasterCheck(parseMasterKeys(key("v1", "a")), new R2MasterChecks(bucket), Date.now).admit("v1");
    await requireMasterKeys(bucket, `${key("v1", "a")},${key("v2", "b")}`);
    const refused = requireMasterKeys(bucket, key("v1", "x"));
    await expect(refused).rejects.toThrow("another key under the name v1");
    await expect(refused).rejects.toBeInstanceOf(MasterKeysError);
    await expect(requireMasterKeys(bucket, key("v2", "b"))).rejects.toThrow("MASTER_KEYS lacks v1");
  });

  it("K7: a deployment asks for the masters that its list leaves out", () => {
    expect(skippedVersions(`${key("v2", "a")},${key("v4", "b")}`)).toEqual(["v1", "v3"]);
    expect(skippedVersions(key("v1", "a"))).toEqual([]);
  });
});
