import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from "playwright-core";
import { CHROMIUM } from "./chromium.ts";

/** Without the network flags Chromium asks its maker's servers at every start. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** For what should be there at once, on a machine that does other things as well. */
const WAIT_MS = 30_000;

export const launchBrowser = (): Promise<Browser> =>
  chromium.launch({ ...(CHROMIUM && { executablePath: CHROMIUM }), args: FLAGS });

/** A device of its own: cookies, storage and all. Failures of the page's scripts fail the test that asks for them. */
export async function openDevice(browser: Browser, url: string): Promise<Device> {
  const context = await browser.newContext({ baseURL: url, viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  context.setDefaultTimeout(WAIT_MS);
  const page = await context.newPage();
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => /Content Security Policy/.test(message.text()) && faults.push(message.text()));
  return { context, page, faults };
}

export interface Device {
  context: BrowserContext;
  page: Page;
  faults: string[];
}

/** Writes a file, with the folders above it. @returns its path */
export function writeTree(root: string, path: string, content: string | Uint8Array): string {
  const full = join(root, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, content);
  return full;
}

/** Drops files and folders of the disk as a hand would: through the browser's own drag and drop, so that folders are folders. */
export async function dropOn(page: Page, target: Locator, paths: string[]): Promise<void> {
  const box = await target.boundingBox();
  if (!box) throw new Error("the target of the drop is not in view");
  const cdp = await page.context().newCDPSession(page);
  const at = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const)
    await cdp.send("Input.dispatchDragEvent", { type, ...at, data });
  await cdp.detach();
}
