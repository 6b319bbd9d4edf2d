/** The payload of a zip-aware delta, to the byte: docs/spec/delta.md, "Zip-aware delta". */
import { ByteReader, ByteWriter } from "../bytes.ts";
import { packProgram, readCodec, readProgram } from "../payload.ts";
import type { Packer, Unpack } from "../ports.ts";
import type { Program } from "../program.ts";
import { refusal } from "../refusal.ts";

const MIB = 1024 * 1024;
export const MAX_ARCHIVE_BYTES = 64 * MIB;
export const MAX_VIRTUAL_BYTES = 128 * MIB;
export const MAX_PROGRAM_BYTES = 16 * MIB;
/** Of the payload: a frame's bound (docs/spec/frames.md, FR3). */
export const MAX_PAYLOAD_BYTES = 8 * MIB;
export const MAX_MEMBERS = 4096;
/** How far before the furthest byte read a copy may begin (D15). */
export const LOOK_BACK = 16 * MIB;

/** zlib as published; with Chromium's hash, as in Node; as published in blocks of 128 KiB, as in LibreOffice. */
export const METHOD = { zlib: 1, chromium: 2, blocks: 3 } as const;

/** How a member was deflated. */
export interface Recipe {
  method: (typeof METHOD)[keyof typeof METHOD];
  level: number;
  mem_level: number;
}

/** A deflated member, as a part of a run of bytes. */
export interface Section {
  /** Plain bytes since the section before. */
  gap: number;
  deflated_length: number;
  inflated_length: number;
}

export interface TargetSection extends Section {
  recipe: Recipe;
}

export interface ZipDelta {
  base_offset: number;
  base_length: number;
  base_sections: Section[];
  target_sections: TargetSection[];
  program: Program;
}

const plainLength = (sections: Section[], length: number): number =>
  sections.reduce((left, section) => left - section.gap - section.deflated_length, length);

/** Length of a run of `length` bytes when its sections are inflated; -1 when they do not fit in it. */
export function virtualLength(sections: Section[], length: number): number {
  const tail = plainLength(sections, length);
  if (tail < 0) return -1;
  return sections.reduce((sum, section) => sum + section.gap + section.inflated_length, tail);
}

export async function packZipDelta(delta: ZipDelta, packer: Packer): Promise<Uint8Array> {
  const head = new ByteWriter();
  head.varint(delta.base_offset);
  head.varint(delta.base_length);
  head.varint(delta.base_sections.length);
  for (const section of delta.base_sections) {
    head.varint(section.gap);
    head.varint(section.deflated_length);
    head.varint(section.inflated_length);
  }
  head.varint(delta.target_sections.length);
  for (const { gap, inflated_length, deflated_length, recipe } of delta.target_sections) {
    head.varint(gap);
    head.varint(inflated_length);
    head.varint(deflated_length);
    head.byte(recipe.method);
    head.byte(recipe.level + 16 * recipe.mem_level);
  }
  return packProgram(head.view(), delta.program, packer);
}

/** Checked as far as can be without the base. Throws a refusal (D3, D16). */
export async function unpackZipDelta(
  payload: Uint8Array,
  raw_length: number,
  base_size: number,
  unpack: Unpack,
): Promise<ZipDelta> {
  const reader = new ByteReader(payload, "delta");
  const codec = readCodec(reader);
  const base_offset = reader.bounded(0, base_size, "outside_base");
  const base_length = reader.bounded(0, Math.min(base_size - base_offset, MAX_ARCHIVE_BYTES), "outside_base");
  const base_sections: Section[] = [];
  for (let left = reader.bounded(0, MAX_MEMBERS, "members"); left > 0; left--) {
    const gap = reader.bounded(0, MAX_ARCHIVE_BYTES, "members");
    const deflated_length = reader.bounded(1, MAX_ARCHIVE_BYTES, "members");
    base_sections.push({ gap, deflated_length, inflated_length: reader.bounded(0, MAX_VIRTUAL_BYTES, "members") });
  }
  checkLength(virtualLength(base_sections, base_length));
  const target_sections: TargetSection[] = [];
  for (let left = reader.bounded(0, MAX_MEMBERS, "members"); left > 0; left--) {
    const gap = reader.bounded(0, MAX_ARCHIVE_BYTES, "members");
    const inflated_length = reader.bounded(0, MAX_VIRTUAL_BYTES, "members");
    const deflated_length = reader.bounded(1, MAX_ARCHIVE_BYTES, "members");
    target_sections.push({ gap, inflated_length, deflated_length, recipe: readRecipe(reader) });
  }
  const target_length = virtualLength(target_sections, raw_length);
  checkLength(target_length);
  const program = await readProgram(reader, codec, Math.min(target_length + 64, MAX_PROGRAM_BYTES), unpack);
  return { base_offset, base_length, base_sections, target_sections, program };
}

function checkLength(length: number): void {
  if (length < 0) throw refusal("delta_members", "The delta's members do not fit into their archive.");
  if (length > MAX_VIRTUAL_BYTES) throw refusal("delta_members", "The delta's members inflate to more than may be.");
}

function readRecipe(reader: ByteReader): Recipe {
  const method = reader.byte();
  const levels = reader.byte();
  const level = levels % 16;
  const mem_level = Math.floor(levels / 16);
  if (method !== METHOD.zlib && method !== METHOD.chromium && method !== METHOD.blocks) throw unknownRecipe();
  if (level < 1 || level > 9 || mem_level < 1 || mem_level > 9) throw unknownRecipe();
  return { method, level, mem_level };
}

const unknownRecipe = () => refusal("delta_recipe", "The delta names a way to deflate that is not known here.");
