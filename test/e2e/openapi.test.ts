import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { startProduct } from "../../scripts/lib/start-product.ts";
import { temporaryData } from "../support/spawn-product.ts";

it("the API document that the product serves is valid OpenAPI 3.1", async () => {
  using data = temporaryData();
  const product = await startProduct({ port: 0, data: data.path, crons: false });
  try {
    const document = (await (await fetch(`${product.url}/api/v1/openapi.json`)).json()) as Record<string, unknown>;
    const { valid, errors } = await new Validator().validate(document);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
    expect(document.openapi).toBe("3.1.0");
  } finally {
    await product.stop();
  }
});
