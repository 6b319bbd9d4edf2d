import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { GOLDEN, goldenDigests } from "../../../test/support/deflate-golden.ts";
import { packerOf, unpack } from "../../../test/support/delta-codecs.ts";
import { join, same } from "../../../test/support/delta-edits.ts";
import { makeZip, type ZipMember } from "../../../test/support/make-zip.ts";
import { failure } from "../../../test/support/failure.ts";
import { CODEC, memorySource } from "../ports.ts";
import { ProgramWriter } from "../program.ts";
import { sha256 } from "../sha256.ts";
import { applyZipDelta } from "./apply.ts";
import { Deflater, inflateWhole } from "./deflate.ts";
import { readDirectory } from "./directory.ts";
import { encodeZipDelta } from "./encode.ts";
import { LOOK_BACK, METHOD, packZipDelta, type Recipe, type ZipDelta } from "./format.ts";

// Properties take seconds where other tests run beside them.
vi.setConfig({ testTimeout: 60_000 });

const zstd = packerOf(CODEC.zstd);
const ZLIB6: Recipe = { method: METHOD.zlib, level: 6, mem_level: 8 };

function deflate(recipe: Recipe, bytes: Uint8Array): Uint8Array {
  const out: Uint8Array[] = [];
  const deflater = new Deflater(recipe, (piece) => out.push(piece));
  deflater.write(bytes);
  deflater.end();
  return join(out);
}

/** Text that packs: numbered lines out of few words. */
function textOf(lines: number, seed: number): Uint8Array {
  let state = seed;
  let text = "";
  for (let i = 0; i < lines; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `<row id="${i}"><c>${state % 9973}</c><c>word${state % 31}</c></row>\n`;
  }
  return new TextEncoder().encode(text);
}

const member = (name: string, bytes: Uint8Array, recipe: Recipe | undefined): ZipMember => ({
  name,
  bytes,
  deflated: recipe && deflate(recipe, bytes),
});

async function rebuilt(frame: Parameters<typeof applyZipDelta>[0], base: Uint8Array): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of applyZipDelta(frame, memorySource(base), unpack)) pieces.push(piece);
  return join(pieces);
}

const edited = (text: Uint8Array): Uint8Array => {
  const out = text.slice();
  out.set(new TextEncoder().encode("edited"), out.length >> 1);
  return out;
};

describe("zip-aware deltas", () => {
  it("D13: deflated bytes are the published ones in this runtime", async () => {
    expect(await goldenDigests()).toEqual(GOLDEN);
  });

  it("D13: method 2 is what this Node makes", () => {
    const text = textOf(5000, 1);
    for (const level of [1, 6, 9])
      expect(
        same(deflate({ method: METHOD.chromium, level, mem_level: 8 }, text), deflateRawSync(text, { level })),
      ).toBe(true);
  });

  it("D13: how input is cut does not matter", () => {
    const text = textOf(12_000, 2);
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(METHOD)),
        fc.integer({ min: 1000, max: 200_000 }),
        (method, piece) => {
          const out: Uint8Array[] = [];
          const recipe: Recipe = { method, level: 6, mem_level: 8 };
          const deflater = new Deflater(recipe, (bytes) => out.push(bytes));
          for (let at = 0; at < text.length; at += piece) deflater.write(text.subarray(at, at + piece));
          deflater.end();
          expect(same(join(out), deflate(recipe, text))).toBe(true);
        },
      ),
      { numRuns: 12 },
    );
  });

  it.each(Object.entries(METHOD))("D14: an edit in a member made by %s costs bytes", async (_, method) => {
    const recipe: Recipe = { method, level: 6, mem_level: 8 };
    const sheet = textOf(9000, 3);
    const image = new Uint8Array(20_000);
    crypto.getRandomValues(image);
    const archive = (text: Uint8Array) =>
      makeZip([
        member("a.xml", textOf(30, 4), recipe),
        member("sheet.xml", text, recipe),
        member("i.png", image, undefined),
      ]);
    const before = archive(sheet);
    const after = archive(edited(sheet));
    const delta = await encodeZipDelta(before, after, zstd, unpack);
    expect(delta?.payload.length).toBeLessThan(250);
    expect(same(await rebuilt(delta!, before), after)).toBe(true);
  });

  it("D14: a member that nothing re-creates means a plain delta", async () => {
    const sheet = textOf(3000, 5);
    const odd = (bytes: Uint8Array): ZipMember => ({
      name: "s",
      bytes,
      deflated: deflateRawSync(bytes, { level: 6, windowBits: 9 }),
    });
    expect(await encodeZipDelta(makeZip([odd(sheet)]), makeZip([odd(edited(sheet))]), zstd, unpack)).toBeUndefined();
  });

  it("D14: members added, removed, renamed, moved and changed: never wrong", async () => {
    const contents = fc.record({
      lines: fc.integer({ min: 0, max: 400 }),
      seed: fc.constantFrom(1, 2, 3),
      recipe: fc.constantFrom<(Recipe | undefined)[]>(
        ZLIB6,
        ZLIB6,
        { method: METHOD.chromium, level: 9, mem_level: 9 },
        undefined,
      ),
      edit: fc.boolean(),
    });
    const archive = fc
      .uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c", "d"), contents), { selector: ([name]) => name })
      .map((list) =>
        makeZip(
          list.map(([name, { lines, seed, recipe, edit }]) => {
            const text = textOf(lines, seed);
            return member(name, edit && lines > 0 ? edited(text) : text, recipe);
          }),
        ),
      );
    let made = 0;
    await fc.assert(
      fc.asyncProperty(archive, archive, async (before, after) => {
        const delta = await encodeZipDelta(before, after, zstd, unpack);
        if (delta === undefined) return;
        made++;
        expect(same(await rebuilt(delta, before), after)).toBe(true);
      }),
      { numRuns: 60 },
    );
    expect(made).toBeGreaterThan(0);
  });

  it("D3, D16, D17: a damaged delta or base gives the right bytes or an error", async () => {
    const sheet = textOf(500, 6);
    const before = makeZip([member("s", sheet, ZLIB6), member("t", textOf(50, 7), ZLIB6)]);
    const after = makeZip([member("s", edited(sheet), ZLIB6), member("t", textOf(50, 7), ZLIB6)]);
    const delta = (await encodeZipDelta(before, after, packerOf(CODEC.none), unpack))!;
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(255), fc.boolean(), async (at, byte, of_base) => {
        const base = before.slice();
        const payload = delta.payload.slice();
        if (of_base) base[at % base.length] = byte;
        else payload[at % payload.length] = byte;
        try {
          expect(same(await rebuilt({ ...delta, payload }, base), after)).toBe(true);
        } catch (error) {
          expect(["base_mismatch", "invalid_request"]).toContain((error as { code?: string }).code);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("D15, D16: bounds of sections and of reaching back", async () => {
    const raw = new Uint8Array(100).fill(1);
    const craft = async (delta: Partial<ZipDelta>) => {
      const writer = new ProgramWriter();
      writer.copy(0, 100);
      const whole = {
        base_offset: 0,
        base_length: 100,
        base_sections: [],
        target_sections: [],
        program: writer.finish(),
        ...delta,
      };
      return { payload: await packZipDelta(whole, packerOf(CODEC.none)), raw_length: 100, hash: await sha256(raw) };
    };
    const apply = async (delta: Partial<ZipDelta>, base = raw) => failure(rebuilt(await craft(delta), base));
    const section = { gap: 0, deflated_length: 50, inflated_length: 50 };
    expect(await apply({})).toBe("accepted");
    expect(await apply({ base_length: 101 })).toBe("delta_outside_base");
    expect(await apply({ base_sections: [{ ...section, gap: 51 }] })).toBe("delta_members");
    expect(await apply({ base_sections: [{ ...section, inflated_length: 2 ** 27 }] })).toBe("delta_members");
    expect(await apply({ base_sections: [{ ...section, inflated_length: 2 ** 28 }] })).toBe("delta_members");
    expect(await apply({ base_sections: [section] })).toBe("base_mismatch");
    expect(await apply({ target_sections: [{ ...section, recipe: ZLIB6 }] })).toBe("delta_members");
    expect(await apply({ target_sections: [{ ...section, recipe: { ...ZLIB6, level: 0 } }] })).toBe("delta_recipe");
    expect(await apply({ target_sections: [{ ...section, recipe: { ...ZLIB6, method: 4 as 1 } }] })).toBe(
      "delta_recipe",
    );
    const far = LOOK_BACK + 200;
    const back = new ProgramWriter();
    back.copy(far, 50);
    back.copy(0, 50);
    expect(await apply({ base_length: far + 50, program: back.finish() }, new Uint8Array(far + 50))).toBe(
      "delta_look_back",
    );
  });

  it("D16: a base member that inflates without end stops at what it says", async () => {
    const bomb = deflateRawSync(new Uint8Array(50_000_000));
    expect(inflateWhole(bomb, 1000)).toBeUndefined();
    expect(inflateWhole(bomb.subarray(0, 100), 50_000_000)).toBeUndefined();
  });

  it("D18: archives that are damaged or unusual are no archives", () => {
    const archive = makeZip([member("a", textOf(50, 8), ZLIB6), member("b", textOf(50, 9), ZLIB6)]);
    expect(readDirectory(archive)?.map((m) => m.name)).toEqual(["a", "b"]);
    expect(readDirectory(new Uint8Array())).toBeUndefined();
    expect(readDirectory(textOf(100, 1))).toBeUndefined();
    for (let length = 0; length < archive.length; length += 7)
      expect(readDirectory(archive.slice(0, length))).toBeUndefined();
    fc.assert(
      fc.property(fc.nat(), fc.nat(255), (at, byte) => {
        const damaged = archive.slice();
        damaged[damaged.length - 1 - (at % 150)] = byte;
        for (const m of readDirectory(damaged) ?? []) expect(m.offset + m.length).toBeLessThanOrEqual(damaged.length);
      }),
      { numRuns: 1000 },
    );
  });
});
