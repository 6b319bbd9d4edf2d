import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Product, startProduct } from "../../scripts/lib/start-product.ts";
import { launchBrowser } from "../support/browser.ts";
import { browserTest } from "../support/chromium.ts";
import { temporaryData } from "../support/spawn-product.ts";

const data = temporaryData();
let product: Product;

beforeAll(async () => {
  product = await startProduct({ port: 0, data: data.path, crons: false });
});

afterAll(async () => {
  await product?.stop();
  data[Symbol.dispose]();
});

it("the API document that the product serves is valid OpenAPI 3.1", async () => {
  const document = (await (await fetch(`${product.url}/api/v1/openapi.json`)).json()) as Record<string, unknown>;
  const { valid, errors } = await new Validator().validate(document);
  expect(errors ?? []).toEqual([]);
  expect(valid).toBe(true);
  expect(document.openapi).toBe("3.1.0");
});

browserTest("the reference page shows the API, from scripts of our own", async () => {
  const browser = await launchBrowser();
  try {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
    page.on("request", (request) => {
      if (!request.url().startsWith(product.url) && !request.url().startsWith("data:")) faults.push(request.url());
    });
    await page.goto(`${product.url}/api/docs`);
    await page.getByText("/files/{id}/download").first().waitFor();
    expect(faults).toEqual([]);
  } finally {
    await browser.close();
  }
});
