/** Steps that rebuild bytes from a base: docs/spec/delta.md, D1 to D3. */
import { ByteReader, ByteWriter } from "./bytes.ts";
import { refusal } from "./refusal.ts";

export interface Program {
  /** Steps as on the wire: all inserts, all copies, all jumps. */
  steps: Uint8Array;
  step_count: number;
  literals: Uint8Array;
}

/** More than any delta that pays has; bounds the memory of a decoder (12 MiB). */
export const MAX_STEPS = 2 ** 19;

/** Decoded steps, three numbers each: insert, copy, where the copy begins in the base range (0 when copy is 0). */
export type Steps = Float64Array;

/** Writes a program; neighbouring inserts and adjoining copies become one step. */
export class ProgramWriter {
  readonly #inserts = new ByteWriter();
  readonly #copies = new ByteWriter();
  readonly #jumps = new ByteWriter();
  readonly #literals = new ByteWriter();
  #insert = 0;
  #copy = 0;
  #offset = 0;
  #expected = 0;
  #count = 0;

  insert(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#copy > 0) this.#flush();
    this.#literals.bytes(bytes);
    this.#insert += bytes.length;
  }

  copy(offset: number, length: number): void {
    if (length === 0) return;
    if (this.#copy > 0 && this.#offset + this.#copy === offset) {
      this.#copy += length;
      return;
    }
    if (this.#copy > 0) this.#flush();
    this.#offset = offset;
    this.#copy = length;
  }

  #flush(): void {
    if (this.#insert === 0 && this.#copy === 0) return;
    this.#count++;
    this.#inserts.varint(this.#insert);
    this.#copies.varint(this.#copy);
    if (this.#copy > 0) {
      this.#jumps.signed(this.#offset - this.#expected - this.#insert);
      this.#expected = this.#offset + this.#copy;
    }
    this.#insert = 0;
    this.#copy = 0;
  }

  finish(): Program {
    this.#flush();
    this.#inserts.bytes(this.#copies.view());
    this.#inserts.bytes(this.#jumps.view());
    return { steps: this.#inserts.view(), step_count: this.#count, literals: this.#literals.view() };
  }
}

/** All steps, checked. Throws a refusal (D3). */
export function decodeSteps(program: Program, raw_length: number, base_length: number): Steps {
  const { step_count, literals } = program;
  const reader = new ByteReader(program.steps, "delta");
  const steps = new Float64Array(step_count * 3);
  for (let i = 0; i < steps.length; i += 3) steps[i] = reader.varint();
  for (let i = 1; i < steps.length; i += 3) steps[i] = reader.varint();
  let made = 0;
  let inserted = 0;
  let expected = 0;
  for (let i = 0; i < steps.length; i += 3) {
    const insert = steps[i]!;
    const copy = steps[i + 1]!;
    if (insert === 0 && copy === 0) throw refusal("delta_empty_step", "A step of the delta makes nothing.");
    inserted += insert;
    made += insert + copy;
    if (inserted > literals.length) throw refusal("delta_literals", "The delta inserts more bytes than it brings.");
    if (made > raw_length) throw refusal("delta_length", "The delta makes more bytes than it says.");
    if (copy > 0) {
      const offset = expected + insert + reader.signed();
      if (offset < 0 || offset + copy > base_length)
        throw refusal("delta_outside_base", "The delta copies from outside its base.");
      expected = offset + copy;
      steps[i + 2] = offset;
    } else if (i + 3 < steps.length) throw refusal("delta_empty_copy", "A step of the delta copies nothing.");
  }
  if (made !== raw_length) throw refusal("delta_length", "The delta makes fewer bytes than it says.");
  if (inserted !== literals.length) throw refusal("delta_literals", "The delta brings bytes that it does not insert.");
  if (reader.left > 0) throw refusal("delta_trailing", "Bytes follow the last step of the delta.");
  return steps;
}
