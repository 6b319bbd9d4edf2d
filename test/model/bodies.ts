/** Contents that a number names, few enough that the same come again, and edits of them. */
import { createHash } from "node:crypto";
import fc from "fast-check";
import { numbers } from "./seeded-crypto.ts";

const SIZES = [0, 1, 700, 5_000, 9_000, 23_000, 40_000] as const;
/** Of so many blocks that a part among others has leaves. */
const LONG = 800_000;
/** What an edit keeps of a version at most: else the long ones would come again and again. */
const EDIT_MAX = 40_000;
/** More than one `put` holds. */
const LARGE = 9 * 1024 * 1024;

export type BodySpec =
  | { kind: "noise" | "text"; seed: number; size: number }
  | { kind: "edit"; of: number; at: number; insert: number };

export const bodySpec: fc.Arbitrary<BodySpec> = fc.oneof(
  {
    weight: 90,
    arbitrary: fc.record({
      kind: fc.constantFrom("noise" as const, "text" as const),
      seed: fc.nat(3),
      size: fc.constantFrom(...SIZES),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("noise" as const), seed: fc.nat(1), size: fc.constant(LONG) }),
  },
  {
    weight: 50,
    arbitrary: fc.record({ kind: fc.constant("edit" as const), of: fc.nat(20), at: fc.nat(99), insert: fc.nat(3_000) }),
  },
);

export const largeSpec: fc.Arbitrary<BodySpec> = fc.record({
  kind: fc.constant("noise" as const),
  seed: fc.constant(9),
  size: fc.constant(LARGE),
});

const made = new Map<string, Uint8Array<ArrayBuffer>>();

function make(kind: "noise" | "text", seed: number, size: number): Uint8Array<ArrayBuffer> {
  const next = numbers(seed * 7919 + size);
  const bytes = new Uint8Array(size);
  if (kind === "noise") for (let i = 0; i < size; i++) bytes[i] = next() >>> 11;
  else for (let i = 0; i < size; i++) bytes[i] = 97 + (i % 16 === 0 ? next() % 26 : i % 13);
  return bytes;
}

/** @param versions what an edit may begin with */
export function bodyOf(spec: BodySpec, versions: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  if (spec.kind === "edit") {
    const old = (versions[spec.of % Math.max(1, versions.length)] ?? new Uint8Array(0)).subarray(0, EDIT_MAX);
    const at = Math.floor((old.length * spec.at) / 100);
    const middle = make("noise", spec.at, spec.insert);
    return new Uint8Array(Buffer.concat([old.subarray(0, at), middle, old.subarray(at + (spec.insert >> 1))]));
  }
  const name = `${spec.kind} ${spec.seed} ${spec.size}`;
  const known = made.get(name) ?? make(spec.kind, spec.seed, spec.size);
  made.set(name, known);
  return known;
}

export const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/** A body as it arrives, in pieces. */
export function streamOf(bytes: Uint8Array, piece = 50_000): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (at >= bytes.length) return controller.close();
      controller.enqueue(bytes.slice(at, at + piece));
      at += piece;
    },
  });
}
