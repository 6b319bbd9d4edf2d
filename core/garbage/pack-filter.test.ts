import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { newPackId } from "../packs/format.ts";
import { newId } from "../protocol/ids.ts";
import { FILTER_BYTES, PackFilter } from "./pack-filter.ts";

const packId = fc.uint8Array({ minLength: 24, maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString("hex"));
const round = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("hex"));

describe("G9: the filter of needed packs", () => {
  it("has all that was added, also when it was stored meanwhile", () => {
    fc.assert(
      fc.property(round, fc.array(packId, { maxLength: 50 }), (id, packs) => {
        const filter = new PackFilter(id);
        for (const pack_id of packs) filter.add(pack_id);
        const restored = new PackFilter(id, filter.bytes.slice());
        expect(packs.every((pack_id) => filter.has(pack_id) && restored.has(pack_id))).toBe(true);
        expect(filter.bytes.length).toBe(FILTER_BYTES);
      }),
      { numRuns: 30 },
    );
  });

  it("errs about few others, and in another round about other ones", () => {
    const [filter, other] = ["0123456789abcdef", "fedcba9876543210"].map((id) => new PackFilter(id));
    // As an upload of many packs names them: they differ in their last 8 bytes only.
    const upload = newPackId(newId(7, 1)).slice(0, 32);
    const names = (count: number): string[] => {
      const words = crypto.getRandomValues(new BigUint64Array(count));
      return Array.from(words, (word) => upload + word.toString(16).padStart(16, "0"));
    };
    for (let i = 0; i < 20; i++) for (const pack_id of names(8_192)) filter!.add(pack_id);
    expect(names(8_192).filter((pack_id) => filter!.has(pack_id)).length).toBeLessThan(3);
    const [pack_id] = names(1) as [string];
    const alone = new PackFilter("0123456789abcdef");
    for (const one of [alone, other!]) one.add(pack_id);
    expect(Buffer.compare(alone.bytes, other!.bytes)).not.toBe(0);
  });
});
