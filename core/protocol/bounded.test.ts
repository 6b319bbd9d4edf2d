import { describe, expect, it } from "vitest";
import { z } from "zod";
import { listOf, recordOf } from "./bounded.ts";
import { deltaSchema } from "./sync.ts";
import { completeUploadSchema, negotiateSchema } from "./uploads.ts";

const many = (item: string, count: number): string => Array.from({ length: count }, () => item).join(",");

describe("lists and records of requests", () => {
  it.each([
    ["negotiate", negotiateSchema, `{"blocks":[${many("{}", 300_000)}]}`],
    ["complete", completeUploadSchema, `{"segments":[${many("0", 500_000)}]}`],
    ["a batch", deltaSchema, `{"device_id":"x","changes":[${many("0", 500_000)}]}`],
    [
      "segments of a batch",
      deltaSchema,
      `{"device_id":"x","changes":[{"op":"put","op_id":"a","size":1,"segments":[${many("0", 500_000)}]}]}`,
    ],
    [
      "a vector of a batch",
      deltaSchema,
      `{"device_id":"x","changes":[{"op":"trash","op_id":"a","base":{${Array.from({ length: 100_000 }, (_, i) => `"${i}":""`).join(",")}}}]}`,
    ],
  ])("of a million wrong items the first is told: %s", (_name, schema, body) => {
    const { error } = schema.safeParse(JSON.parse(body));
    expect(error?.issues.length).toBeGreaterThan(0);
    expect(error?.issues.length).toBeLessThan(10);
  });

  it("what is right passes as it is; what is wrong is told with its place; bounds hold", () => {
    const list = listOf(z.object({ n: z.number().default(7) }), 3, 1);
    expect(list.parse([{}, { n: 1 }])).toEqual([{ n: 7 }, { n: 1 }]);
    expect(list.safeParse([{}, { n: "x" }]).error?.issues[0]?.path).toEqual([1, "n"]);
    expect([list.parse([{}, {}, {}]).length, list.safeParse([]).success]).toEqual([3, false]);
    expect(list.safeParse([{}, {}, {}, {}]).success).toBe(false);
    expect(list.safeParse("abc").success).toBe(false);
    const record = recordOf(z.number(), 2);
    expect(record.parse({ a: 1, __proto__x: 2 })).toEqual({ a: 1, __proto__x: 2 });
    expect(record.safeParse({ a: 1, b: "x" }).error?.issues[0]?.path).toEqual(["b"]);
    for (const wrong of [{ a: 1, b: 2, c: 3 }, [], null, "a"]) expect(record.safeParse(wrong).success).toBe(false);
  });
});
