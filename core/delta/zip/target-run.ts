import { refusal } from "../refusal.ts";
import { Deflater } from "./deflate.ts";
import type { TargetSection } from "./format.ts";

/** Turns the virtual target into the archive's bytes: plain bytes pass, sections are deflated by their recipes. */
export class TargetRun {
  readonly #sections: TargetSection[];
  #section = 0;
  /** Bytes until the next boundary: the end of a gap, of a section's inflated bytes, or of the run. */
  #left: number;
  #deflater: Deflater | undefined;
  #deflated = 0;
  #out: Uint8Array[] = [];
  readonly #tail: number;

  constructor(sections: TargetSection[], raw_length: number) {
    this.#sections = sections;
    this.#tail = sections.reduce((left, section) => left - section.gap - section.deflated_length, raw_length);
    this.#left = sections[0]?.gap ?? this.#tail;
    this.#passBoundaries();
  }

  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const take = Math.min(this.#left, bytes.length - at);
      const piece = bytes.subarray(at, at + take);
      if (this.#deflater === undefined) this.#out.push(piece);
      else this.#deflater.write(piece);
      this.#left -= take;
      at += take;
      this.#passBoundaries();
    }
  }

  /** What came out since the last call. */
  take(): Uint8Array[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  end(): void {
    if (this.#section < this.#sections.length || this.#left > 0)
      throw refusal("delta_length", "The delta makes fewer bytes than it says.");
  }

  #passBoundaries(): void {
    while (this.#left === 0 && this.#section < this.#sections.length) {
      const section = this.#sections[this.#section]!;
      if (this.#deflater === undefined) {
        this.#left = section.inflated_length;
        this.#deflated = 0;
        this.#deflater = new Deflater(section.recipe, (bytes) => this.#add(bytes, section));
      } else {
        this.#deflater.end();
        this.#deflater = undefined;
        if (this.#deflated !== section.deflated_length) throw differs();
        this.#section++;
        this.#left = this.#sections[this.#section]?.gap ?? this.#tail;
      }
    }
  }

  #add(bytes: Uint8Array, section: TargetSection): void {
    this.#deflated += bytes.length;
    if (this.#deflated > section.deflated_length) throw differs();
    this.#out.push(bytes);
  }
}

const differs = () => refusal("delta_members", "A member deflates to another length than the delta says.");
