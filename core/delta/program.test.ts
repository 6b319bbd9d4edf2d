import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ByteReader, ByteWriter } from "./bytes.ts";
import { decodeSteps, ProgramWriter, type Program } from "./program.ts";

const reasonOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return (error as { extra?: { reason?: unknown } }).extra?.reason;
  }
  return undefined;
};

/** A program from plain numbers: insert, copy, jump. */
function programOf(rows: [number, number, number][], literals: number): Program {
  const steps = new ByteWriter();
  for (const [insert] of rows) steps.varint(insert);
  for (const [, copy] of rows) steps.varint(copy);
  for (const [, copy, jump] of rows) if (copy > 0) steps.signed(jump);
  return { steps: steps.view(), step_count: rows.length, literals: new Uint8Array(literals) };
}

describe("varints", () => {
  it("D1: any number up to 2^53 - 1 comes back, signed ones as well", () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.maxSafeInteger(), (plain, signed) => {
        const half = Math.trunc(signed / 2);
        const writer = new ByteWriter();
        writer.varint(plain);
        writer.signed(half);
        const reader = new ByteReader(writer.view(), "delta");
        expect(reader.varint()).toBe(plain);
        expect(reader.signed()).toBe(half === 0 ? 0 : half);
        expect(reader.left).toBe(0);
      }),
    );
  });

  it.each([
    ["cut short", [0x80], "delta_truncated"],
    ["with a needless zero", [0x80, 0x00], "delta_varint"],
    ["of more than 53 bits", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "delta_varint"],
    ["of nine bytes", [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01], "delta_varint"],
  ])("D3: a varint %s is refused", (_, bytes, reason) => {
    expect(reasonOf(() => new ByteReader(Uint8Array.from(bytes), "delta").varint())).toBe(reason);
  });
});

describe("programs", () => {
  it("D1: adjoining copies are one step, an edit in place has jump 0", () => {
    const writer = new ProgramWriter();
    writer.copy(10, 5);
    writer.copy(15, 5);
    writer.insert(Uint8Array.of(1, 2, 3));
    writer.copy(23, 7);
    const program = writer.finish();
    expect([...program.steps]).toEqual([0, 3, 10, 7, 20, 0]);
    expect([...decodeSteps(program, 20, 30)]).toEqual([0, 10, 10, 3, 7, 23]);
  });

  it.each<[string, Program, number, number, string]>([
    ["copies from before its base", programOf([[0, 5, -1]], 0), 5, 100, "delta_outside_base"],
    ["copies past the end of its base", programOf([[0, 5, 96]], 0), 5, 100, "delta_outside_base"],
    ["copies from an overflowing position", programOf([[0, 5, 2 ** 51]], 0), 5, 100, "delta_outside_base"],
    ["makes more than it says", programOf([[0, 6, 0]], 0), 5, 100, "delta_length"],
    ["makes less than it says", programOf([[0, 4, 0]], 0), 5, 100, "delta_length"],
    ["makes a huge length", programOf([[0, 2 ** 53 - 1, 0]], 0), 5, 100, "delta_length"],
    ["inserts more than it brings", programOf([[5, 0, 0]], 4), 5, 100, "delta_literals"],
    ["brings more than it inserts", programOf([[5, 0, 0]], 6), 5, 100, "delta_literals"],
    [
      "has a step of nothing",
      programOf(
        [
          [0, 0, 0],
          [5, 0, 0],
        ],
        5,
      ),
      5,
      100,
      "delta_empty_step",
    ],
    [
      "has an empty copy before its end",
      programOf(
        [
          [2, 0, 0],
          [3, 0, 0],
        ],
        5,
      ),
      5,
      100,
      "delta_empty_copy",
    ],
    ["ends within its steps", { ...programOf([[0, 5, 0]], 0), steps: Uint8Array.of(0, 5) }, 5, 100, "delta_truncated"],
    [
      "goes on after its steps",
      { ...programOf([[0, 5, 0]], 0), steps: Uint8Array.of(0, 5, 0, 0) },
      5,
      100,
      "delta_trailing",
    ],
  ])("D2, D3: a program that %s is refused", (_, program, raw_length, base_length, reason) => {
    expect(reasonOf(() => decodeSteps(program, raw_length, base_length))).toBe(reason);
  });

  it("D3: no bytes make a decoder do anything but refuse or stay within the base", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 40 }),
        fc.nat(12),
        fc.nat(20),
        fc.nat(50),
        (steps, step_count, literals, raw_length) => {
          let decoded: Float64Array;
          try {
            decoded = decodeSteps({ steps, step_count, literals: new Uint8Array(literals) }, raw_length, 64);
          } catch (error) {
            expect((error as { code?: string }).code).toBe("invalid_request");
            return;
          }
          let sum = 0;
          for (let i = 0; i < decoded.length; i += 3) {
            sum += decoded[i]! + decoded[i + 1]!;
            expect(decoded[i + 2]).toBeGreaterThanOrEqual(0);
            expect(decoded[i + 2]! + decoded[i + 1]!).toBeLessThanOrEqual(64);
          }
          expect(sum).toBe(raw_length);
        },
      ),
      { numRuns: 5000 },
    );
  });
});
