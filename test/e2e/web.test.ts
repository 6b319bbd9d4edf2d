/** The web app in a real browser, against the product as `npm start` runs it. Steps are those of the main job. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { startProduct, type Product } from "../../scripts/lib/start-product.ts";
import { dropOn, launchBrowser, openDevice, writeTree, type Device } from "../support/browser.ts";
import { browserTest, CHROMIUM } from "../support/chromium.ts";
import { temporaryData } from "../support/spawn-product.ts";

const MB = 1_000_000;
const ADA = { name: "Ada Lovelace", email: "ada@example.org", password: "correct horse battery" };
const WORD = "heliotrope";

const data = temporaryData();
const disk = temporaryData();
let product: Product;
let browser: Browser;
let laptop: Device;
let phone: Device;

const row = (page: Page, name: string) => page.getByRole("row", { name }).filter({ visible: true });
const tray = (page: Page) => page.getByRole("region", { name: "Uploads" });
const choose = (page: Page, paths: string[]) => page.setInputFiles("input[type=file][multiple]", paths);
const sha256 = async (path: string): Promise<string> => {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
};
/** Bytes that no two parts of have in common. */
const bytes = (size: number): Uint8Array => {
  const words = new Uint32Array(size / 4);
  for (let i = 0; i < words.length; i++) words[i] = Math.imul(i, 2654435761);
  return new Uint8Array(words.buffer);
};

/** A JPEG as a camera would make it, painted by the browser. */
const picture = async (page: Page): Promise<Uint8Array> => {
  const url = await page.evaluate(() => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 640, height: 480 });
    const brush = canvas.getContext("2d");
    brush?.fillRect(80, 80, 200, 200);
    return canvas.toDataURL("image/jpeg");
  });
  return Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
};

async function menu(page: Page, name: string, action: string): Promise<void> {
  await row(page, name)
    .getByRole("button", { name: `Actions for ${name}` })
    .click();
  await page.getByRole("menuitem", { name: action }).click();
}

async function uploaded(page: Page, title: string): Promise<void> {
  await tray(page).getByText(title).waitFor({ timeout: 60_000 });
  await tray(page).getByRole("button", { name: "Clear" }).click();
  await tray(page).waitFor({ state: "detached" });
}

beforeAll(async () => {
  if (!CHROMIUM) return;
  product = await startProduct({ port: 0, data: data.path });
  browser = await launchBrowser();
  laptop = await openDevice(browser, product.url);
  phone = await openDevice(browser, product.url);
});
afterEach(() => expect([...(laptop?.faults ?? []), ...(phone?.faults ?? [])]).toEqual([]));
afterAll(async () => {
  await browser?.close();
  await product?.stop();
  data[Symbol.dispose]();
  disk[Symbol.dispose]();
});

browserTest("step 1: someone registers, and signs in on a second device", async () => {
  const { page } = laptop;
  await page.goto("/");
  await page.getByRole("link", { name: "Create account" }).click();
  await page.getByLabel("Your name").fill(ADA.name);
  await page.getByLabel("E-mail address").fill(ADA.email);
  await page.getByLabel("Password").fill(ADA.password);
  await page.getByRole("button", { name: "Create account" }).click();
  await page.getByText("Nothing here yet").waitFor();

  await phone.page.goto("/trash");
  await phone.page.getByLabel("E-mail address").fill(ADA.email);
  await phone.page.getByLabel("Password").fill("not the password");
  await phone.page.getByRole("button", { name: "Sign in" }).click();
  await phone.page.getByText("The address or the password is not right.").waitFor();
  await phone.page.getByLabel("Password").fill(ADA.password);
  await phone.page.getByRole("button", { name: "Sign in" }).click();
  // Where the person wanted to go before they were asked to sign in.
  await phone.page.getByRole("heading", { name: "Trash" }).waitFor();
  await phone.page.getByRole("link", { name: "My files" }).click();
  await phone.page.getByText("Nothing here yet").waitFor();
});

browserTest(
  "steps 2 and 4: chosen files arrive, large ones in parts, and the other device sees them without a reload",
  async () => {
    const { page } = laptop;
    const parts: string[] = [];
    page.on("request", (request) => request.url().includes("/chunks/") && parts.push(request.url()));
    await choose(page, [
      writeTree(disk.path, "letter.txt", `Dear Charles, the ${WORD} is in flower. Yours, Ada`),
      writeTree(disk.path, "film.mp4", bytes(20 * MB)),
      writeTree(disk.path, "lake.jpg", await picture(page)),
    ]);
    await uploaded(page, "3 files uploaded");
    expect(parts).toHaveLength(3);
    for (const name of ["letter.txt", "film.mp4", "lake.jpg"]) await row(phone.page, name).waitFor();
    await row(phone.page, "film.mp4").getByText("20 MB").waitFor();
  },
);

browserTest("step 2: a dropped folder arrives as a tree, and files dropped on a folder's row land in it", async () => {
  const { page } = laptop;
  writeTree(disk.path, "Holiday/beach.txt", "sand");
  writeTree(disk.path, "Holiday/Day two/museum.txt", "art");
  await dropOn(page, page.getByRole("main"), [`${disk.path}/Holiday`]);
  await uploaded(page, "2 files uploaded");
  await dropOn(page, row(page, "Holiday"), [writeTree(disk.path, "ticket.txt", "seat 12")]);
  await uploaded(page, "1 file uploaded");

  await row(page, "Holiday").dblclick();
  await page.getByRole("heading", { name: "Holiday" }).waitFor();
  for (const name of ["beach.txt", "ticket.txt", "Day two"]) await row(page, name).waitFor();
  await row(page, "Day two").dblclick();
  await row(page, "museum.txt").waitFor();
  await page.getByRole("navigation", { name: "Path" }).getByRole("link", { name: "My files" }).click();
  await row(page, "letter.txt").waitFor();
});

browserTest(
  "step 2: an upload that a reload cut off goes on where it stopped when the same file is chosen again",
  async () => {
    const { page } = laptop;
    const path = writeTree(disk.path, "archive.zip", bytes(42 * MB));
    let let_through = 2;
    await page.route("**/chunks/**", (route) => (let_through-- > 0 ? route.continue() : route.abort()));
    const indexOf = (url: string) => new URL(url).searchParams.get("index");
    const kept: unknown[] = [];
    page.on("response", (r) => {
      if (r.url().includes("/chunks/") && r.ok()) kept.push(indexOf(r.url()));
    });
    await choose(page, [path]);
    await tray(page).getByText("Waiting for the connection").waitFor({ timeout: 60_000 });
    expect(kept).toHaveLength(2);
    const before = new Set(kept);
    await page.reload();
    await page.unroute("**/chunks/**");
    // A part may be tried again on a busy machine, but never one that had arrived.
    const sent: unknown[] = [];
    page.on("request", (r) => r.url().includes("/chunks/") && sent.push(indexOf(r.url())));
    await choose(page, [path]);
    await uploaded(page, "1 file uploaded");
    expect(sent.length).toBeGreaterThan(0);
    expect(sent.filter((index) => before.has(index))).toEqual([]);
    await row(phone.page, "archive.zip").getByText("42 MB").waitFor();
  },
);

browserTest("a name that is taken asks what to do", async () => {
  const { page } = laptop;
  await choose(page, [`${disk.path}/letter.txt`]);
  await tray(page).getByRole("button", { name: "Keep both" }).click();
  await uploaded(page, "1 file uploaded");
  await row(page, "letter (2).txt").waitFor();
});

browserTest(
  "step 4: a download has the same bytes, streamed by the browser, with no token in its address",
  async () => {
    const { page } = laptop;
    const download = page.waitForEvent("download");
    await menu(page, "archive.zip", "Download");
    const file = await download;
    expect(file.url()).toMatch(/\/api\/v1\/files\/[0-9a-f-]+\/download$/);
    expect(await sha256(await file.path())).toBe(await sha256(`${disk.path}/archive.zip`));
  },
);

browserTest(
  "step 5: within ten seconds a picture has its thumbnail, and a search by content finds the text",
  async () => {
    const { page } = laptop;
    const thumbnail = row(page, "lake.jpg").locator("img");
    await thumbnail.waitFor({ timeout: 10_000 });
    await expect
      .poll(() => thumbnail.evaluate((img: HTMLImageElement) => img.naturalWidth), { timeout: 10_000 })
      .toBeGreaterThan(0);

    const mark = page.locator("mark").first();
    await page.keyboard.press("/");
    await page.keyboard.type(WORD);
    await page.getByRole("heading", { name: `Results for “${WORD}”` }).waitFor();
    await mark.waitFor({ timeout: 10_000 });
    expect(await mark.textContent()).toBe(WORD);
    await row(page, "letter.txt").dblclick();
    await page.getByRole("dialog", { name: "letter.txt" }).getByText("Dear Charles").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "My files" }).click();
  },
);

browserTest("step 6: a share link opens for someone without an account, until it is taken back", async () => {
  const { page } = laptop;
  await menu(page, "letter.txt", "Share…");
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Make a link" }).click();
  const link = await dialog.getByLabel("Address of the link").inputValue();

  const stranger = await openDevice(browser, product.url);
  await stranger.page.goto(link);
  await stranger.page.getByText("letter.txt").first().waitFor();
  const bytes = await stranger.page.request.get(`${link}/download`);
  expect(await bytes.text()).toContain(WORD);

  await dialog.getByRole("button", { name: "Take access away: Anyone with the link" }).click();
  await dialog.getByText("Only you, so far.").waitFor();
  await expect.poll(async () => (await stranger.page.request.get(link)).status(), { timeout: 60_000 }).toBe(410);
  await stranger.context.close();
  await page.keyboard.press("Escape");
});

browserTest("step 7: what is deleted goes to trash and comes back, by Undo and from the trash", async () => {
  const { page } = laptop;
  await menu(page, "letter (2).txt", "Move to trash");
  await row(phone.page, "letter (2).txt").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Undo" }).click();
  await row(page, "letter (2).txt").waitFor();
  await row(phone.page, "letter (2).txt").waitFor();

  await menu(page, "letter (2).txt", "Move to trash");
  await page.getByRole("link", { name: "Trash" }).click();
  await menu(page, "letter (2).txt", "Restore");
  await row(phone.page, "letter (2).txt").waitFor();
  await page.getByText("The trash is empty.").waitFor();
  await page.getByRole("link", { name: "My files" }).click();
});

browserTest("everything can be done with the keyboard alone", async () => {
  const { page } = laptop;
  const press = (...keys: string[]) =>
    keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  await row(page, "letter.txt").waitFor();
  await press("Alt+n");
  await page.keyboard.type("Attic");
  await press("Enter");
  await row(page, "Attic").waitFor();
  await page.getByRole("grid", { name: "Files" }).focus();
  await press("Home", "ArrowDown", "ArrowUp");
  await expect.poll(() => row(page, "archive.zip").getAttribute("aria-selected")).toBe("true");
  await press("ArrowDown", "F2");
  await page.getByRole("dialog", { name: "Rename" }).waitFor();
  await page.keyboard.type("Loft");
  await press("Enter");
  await row(page, "Loft").waitFor();
  await row(phone.page, "Loft").waitFor();
  await page.getByRole("grid", { name: "Files" }).focus();
  await press("End", "ArrowUp", "ArrowDown");
  await expect.poll(() => row(page, "Loft").getAttribute("aria-selected")).toBe("true");
  await press("Enter");
  await page.getByRole("heading", { name: "Loft" }).waitFor();
  await press("Backspace");
  await row(page, "Loft").waitFor();
  await press("?");
  await page.getByRole("dialog", { name: "Keyboard" }).waitFor();
  await press("Escape");
  await page.getByRole("grid", { name: "Files" }).focus();
  await press("End", "ArrowUp", "ArrowDown", "Delete");
  await page.getByText("“Loft” moved to trash").waitFor();
  await row(page, "Loft").waitFor({ state: "detached" });
});

browserTest("without a connection the page says so, and what waited goes on when it is back", async () => {
  const { page, context } = phone;
  await context.setOffline(true);
  await page.getByText("No connection.").waitFor();
  await choose(page, [writeTree(disk.path, "later.txt", "patience")]);
  await tray(page).getByText("Waiting for the connection").waitFor({ timeout: 30_000 });
  await context.setOffline(false);
  await uploaded(page, "1 file uploaded");
  await row(laptop.page, "later.txt").waitFor();
});

browserTest("signing out on one device leaves nothing behind on it", async () => {
  const { page } = phone;
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  const kept = await page.evaluate(() =>
    Object.keys(localStorage).filter((key) => !key.startsWith("edgedrive.device_id:")),
  );
  expect(kept).toEqual([]);
  expect((await page.request.get("/api/v1/me")).status()).toBe(401);
});
