/** docs/spec/tiers.md, TI14. */
import { describe, expect, it } from "vitest";
import { memoryEngine } from "../../test/support/memory/engine.ts";
import { archiveSettingsSchema, openSettings, placeOf, sealSettings } from "./archive-settings.ts";

const SETTINGS = {
  endpoint: "https://s3.example.org",
  bucket: "drive-archive",
  region: "eu-central-1",
  access_key_id: "KEY",
  secret_access_key: "a secret that nobody sees".replaceAll(" ", "-"),
};

describe("TI14: the settings of an archive", () => {
  it("are sealed for their tenant, each time under another key, and show all but the secret", async () => {
    const { keys } = memoryEngine();
    const rows = [await sealSettings(keys, 7, SETTINGS), await sealSettings(keys, 7, SETTINGS)];
    for (const row of rows) {
      expect(row).not.toContain(SETTINGS.secret_access_key);
      expect(await openSettings(keys, 7, row)).toEqual(SETTINGS);
      const { secret_access_key: _, ...place } = SETTINGS;
      expect(placeOf(row)).toEqual(place);
    }
    expect(JSON.parse(rows[0]!).secret).not.toBe(JSON.parse(rows[1]!).secret);
  });

  it("do not open for another tenant, nor when they were changed", async () => {
    const { keys } = memoryEngine();
    const row = await sealSettings(keys, 7, SETTINGS);
    await sealSettings(keys, 8, SETTINGS);
    await expect(openSettings(memoryEngine().keys, 7, row)).rejects.toThrow();
    const changed = JSON.parse(row) as { secret: string };
    const secret = `${changed.secret.startsWith("A") ? "B" : "A"}${changed.secret.slice(1)}`;
    await expect(openSettings(keys, 7, JSON.stringify({ ...changed, secret }))).rejects.toThrow();
  });

  it.each([
    "x",
    "",
    "http://example.org",
    "https://example.org/a",
    "https://a:b@example.org",
    "https://example.org?x",
    "file:///a",
  ])("refuse the endpoint %j", (endpoint) => {
    expect(archiveSettingsSchema.safeParse({ ...SETTINGS, endpoint }).success).toBe(false);
  });

  it("take a host, and this machine in the clear", () => {
    for (const endpoint of ["https://s3.example.org", "https://s3.example.org/", "http://127.0.0.1:9000"])
      expect(archiveSettingsSchema.safeParse({ ...SETTINGS, endpoint }).success).toBe(true);
  });
});
