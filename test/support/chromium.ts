import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { test } from "vitest";

const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** Path of an installed Chromium: `CHROMIUM` in the environment, else what is on PATH. */
export function findChromium(): string | undefined {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const directories = (process.env.PATH ?? "").split(delimiter);
  return NAMES.flatMap((name) => directories.map((directory) => join(directory, name))).find((path) =>
    existsSync(path),
  );
}

export const CHROMIUM = findChromium();

if (!CHROMIUM && process.env.CI)
  throw new Error("CI needs Chromium: install the package chromium, or set CHROMIUM to its path.");
if (!CHROMIUM)
  console.warn("Chromium is not installed: browser tests are skipped. Install it, or set CHROMIUM to its path.");

/** A test that needs a browser: skipped, and said to be, where there is none; CI must have one. */
export const browserTest = test.skipIf(!CHROMIUM);
