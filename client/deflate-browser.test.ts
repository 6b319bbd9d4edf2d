import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { chromium } from "playwright-core";
import { expect } from "vitest";
import { browserTest, CHROMIUM } from "../test/support/chromium.ts";
import { GOLDEN } from "../test/support/deflate-golden.ts";

browserTest(
  "D13: deflated bytes are the published ones in a browser",
  async () => {
    const bundle = await build({
      entryPoints: [fileURLToPath(new URL("../test/support/deflate-golden.ts", import.meta.url))],
      bundle: true,
      format: "iife",
      globalName: "golden",
      write: false,
    });
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    try {
      const page = await browser.newPage();
      // WebCrypto wants a secure context: an address that is never asked for.
      await page.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: "<title>golden</title>" }));
      await page.goto("https://edgedrive.test/");
      await page.addScriptTag({ content: bundle.outputFiles[0]!.text });
      expect(await page.evaluate("golden.goldenDigests()")).toEqual(GOLDEN);
    } finally {
      await browser.close();
    }
  },
  120_000,
);
