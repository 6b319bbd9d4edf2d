/** The payload of a delta frame, to the byte: docs/spec/delta.md, "Delta of blocks", D4 and D5. */
import { ByteReader, ByteWriter } from "./bytes.ts";
import { CODEC, type Codec, type Packer, type Unpack } from "./ports.ts";
import { MAX_STEPS, type Program } from "./program.ts";
import { refusal } from "./refusal.ts";

const VERSION = 1;
export const MAX_BLOCK_BYTES = 8 * 1024 * 1024;
export const MAX_DELTA_RAW_BYTES = 8 * 1024 * 1024;
export const MAX_BLOCKS = 4096;
/** A program may be longer than what it makes by this much; anything longer is sent whole. */
const SLACK = 64;

export interface Delta {
  base_offset: number;
  base_length: number;
  block_lengths: number[];
  program: Program;
}

export async function packDelta(delta: Delta, packer: Packer): Promise<Uint8Array> {
  const head = new ByteWriter();
  head.varint(delta.base_offset);
  head.varint(delta.base_length);
  head.varint(delta.block_lengths.length);
  for (const length of delta.block_lengths) head.varint(length);
  return packProgram(head.view(), delta.program, packer);
}

export async function unpackDelta(
  payload: Uint8Array,
  raw_length: number,
  base_size: number,
  unpack: Unpack,
): Promise<Delta> {
  const reader = new ByteReader(payload, "delta");
  const codec = readCodec(reader);
  const base_offset = reader.bounded(0, base_size, "outside_base");
  const base_length = reader.bounded(0, base_size - base_offset, "outside_base");
  const count = reader.bounded(1, MAX_BLOCKS, "blocks");
  const block_lengths: number[] = [];
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const length = reader.bounded(1, MAX_BLOCK_BYTES, "blocks");
    sum += length;
    if (sum > raw_length) break;
    block_lengths.push(length);
  }
  if (sum !== raw_length) throw refusal("delta_length", "The delta's blocks are not as long as its frame says.");
  const program = await readProgram(reader, codec, raw_length + SLACK, unpack);
  return { base_offset, base_length, block_lengths, program };
}

/** Version, codec, `head`, the program's lengths and the body, packed when that is shorter. */
export async function packProgram(head: Uint8Array, program: Program, packer: Packer): Promise<Uint8Array> {
  const body = new ByteWriter();
  body.bytes(program.steps);
  body.bytes(program.literals);
  const packed = packer.codec === CODEC.none ? body.view() : await packer.pack(body.view());
  const shorter = packed.length < body.length;
  const out = new ByteWriter();
  out.byte(VERSION);
  out.byte(shorter ? packer.codec : CODEC.none);
  out.bytes(head);
  out.varint(program.step_count);
  out.varint(program.steps.length);
  out.varint(program.literals.length);
  out.bytes(shorter ? packed : body.view());
  return out.view();
}

export function readCodec(reader: ByteReader): Codec {
  if (reader.byte() !== VERSION) throw refusal("delta_version", "The delta has a version that is not known here.");
  const codec = reader.byte();
  if (codec !== CODEC.none && codec !== CODEC.deflate && codec !== CODEC.zstd)
    throw refusal("delta_codec", "The delta is packed in a way that is not known here.");
  return codec;
}

export async function readProgram(
  reader: ByteReader,
  codec: Codec,
  max_length: number,
  unpack: Unpack,
): Promise<Program> {
  const step_count = reader.bounded(0, MAX_STEPS, "steps");
  const steps_length = reader.bounded(0, max_length, "too_long");
  if (step_count > steps_length / 2) throw refusal("delta_steps", "The delta says to have more steps than it holds.");
  const literals_length = reader.bounded(0, max_length - steps_length, "too_long");
  const length = steps_length + literals_length;
  const packed = reader.rest();
  const body = codec === CODEC.none ? packed : await unpackBody(codec, packed, length, unpack);
  if (body.length !== length) throw refusal("delta_body", "The delta's body is not as long as it says.");
  return { steps: body.subarray(0, steps_length), step_count, literals: body.subarray(steps_length) };
}

async function unpackBody(codec: Exclude<Codec, 0>, packed: Uint8Array, length: number, unpack: Unpack) {
  try {
    return await unpack(codec, packed, length);
  } catch {
    throw refusal("delta_body", "The delta's body cannot be unpacked.");
  }
}
