/** A share link in the product as `npm start` runs it: the page in a browser, the bytes, the cache, the revocation. */
import { readFileSync } from "node:fs";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Traces } from "../../bench/operations/traces.ts";
import { inRoot } from "../../scripts/lib/project.ts";
import { startProduct, type Product } from "../../scripts/lib/start-product.ts";
import { launchBrowser, openDevice } from "../support/browser.ts";
import { browserTest, CHROMIUM } from "../support/chromium.ts";
import { temporaryData } from "../support/spawn-product.ts";

const data = temporaryData();
let product: Product;
let browser: Browser | undefined;
let token: string;

const picture = new Uint8Array(readFileSync(inRoot("test/fixtures/upright-phone.jpg")));

async function ask<T>(method: string, path: string, body?: BodyInit): Promise<T> {
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (typeof body === "string") headers["content-type"] = "application/json";
  const answer = await fetch(`${product.url}/api/v1${path}`, { method, headers, body });
  const text = await answer.text();
  expect(answer.ok, `${method} ${path}: ${text}`).toBe(true);
  return (text === "" ? {} : JSON.parse(text)) as T;
}

interface Shared {
  permission_id: string;
  share_link: string;
}

const upload = (name: string, bytes: BodyInit, parent_id = "root"): Promise<{ file_id: string }> =>
  ask("POST", `/files/upload?${new URLSearchParams({ parent_id, name })}`, bytes);
const share = (file_id: string, more: object = {}): Promise<Shared> =>
  ask("POST", `/files/${file_id}/share`, JSON.stringify({ link: true, permission: "view", ...more }));

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false, observability: true });
  const account = { email: "ada@example.org", password: "correct horse battery", name: "Ada" };
  ({ access_token: token } = await ask<{ access_token: string }>("POST", "/auth/register", JSON.stringify(account)));
  if (CHROMIUM) browser = await launchBrowser();
});

afterAll(async () => {
  await browser?.close();
  await product?.stop();
  data[Symbol.dispose]();
});

test("step 6: the second hit comes from the cache and touches neither D1 nor R2", async () => {
  const { file_id } = await upload("photo.jpg", picture);
  const { share_link } = await share(file_id);
  const visit = async (): Promise<void> => {
    const page = await fetch(share_link);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain("photo.jpg");
    const bytes = await fetch(`${share_link}/download`);
    expect(Buffer.from(await bytes.arrayBuffer()).equals(picture)).toBe(true);
  };
  const traces = new Traces(product.url);
  const first = (await traces.count(visit)).all;
  expect(first.d1_rows_read).toBeGreaterThan(0);
  expect(first.r2_class_b).toBe(1);
  const { d1_rows_read, d1_rows_written, r2_class_a, r2_class_b, object_requests } = (await traces.count(visit)).all;
  expect({ d1_rows_read, d1_rows_written, r2_class_a, r2_class_b, object_requests }).toEqual({
    d1_rows_read: 0,
    d1_rows_written: 0,
    r2_class_a: 0,
    r2_class_b: 0,
    object_requests: 0,
  });
});

test("step 6: a link that many have seen is dead in the moment its revocation is answered", async () => {
  const { file_id } = await upload("seen.txt", new Blob(["seen"]));
  const { share_link, permission_id } = await share(file_id);
  for (let i = 0; i < 3; i++) expect((await fetch(`${share_link}/download`)).status).toBe(200);
  await ask("DELETE", `/files/${file_id}/permissions/${permission_id}`);
  expect((await fetch(`${share_link}/download`)).status).toBe(410);
  expect((await fetch(share_link)).status).toBe(410);
});

test("L9: 24 parallel downloads of a link that allows one: one gets the file", async () => {
  const { file_id } = await upload("once.jpg", picture);
  const { share_link } = await share(file_id, { max_downloads: 1 });
  const tries = Array.from({ length: 24 }, async () => {
    const answer = await fetch(`${share_link}/download`);
    await answer.arrayBuffer();
    return answer.status;
  });
  const statuses = (await Promise.all(tries)).toSorted();
  expect(statuses).toEqual([200, ...Array.from({ length: 23 }, () => 410)]);
});

browserTest("step 6: someone without an account opens a folder on a phone and takes a file along", async () => {
  const { file_id: folder_id } = await ask<{ file_id: string }>(
    "POST",
    "/folders",
    JSON.stringify({ parent_id: "root", name: "Holiday" }),
  );
  await upload("lake.jpg", picture, folder_id);
  const { share_link } = await share(folder_id, { password: "edelweiss" });
  const { context, page, faults } = await openDevice(browser as Browser, product.url);
  await page.setViewportSize({ width: 390, height: 780 });
  await page.goto(share_link);
  await page.getByLabel("Password").fill("enzian");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByText("That is not the password of this link.").waitFor();
  await page.getByLabel("Password").fill("edelweiss");
  await page.getByRole("button", { name: "Open" }).click();
  await page.getByRole("heading", { name: "Holiday" }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "lake.jpg" }).click({ modifiers: ["Alt"] }),
  ]);
  expect(readFileSync(await download.path()).equals(picture)).toBe(true);
  expect(faults).toEqual([]);
  await context.close();
});
