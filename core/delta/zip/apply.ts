/** Rebuilds a run of an archive from its inflated members: docs/spec/delta.md, D15 to D17. */
import { sha256 } from "@noble/hashes/sha2.js";
import type { DeltaFrame } from "../apply.ts";
import type { ByteSource, Unpack } from "../ports.ts";
import { decodeSteps, type Steps } from "../program.ts";
import { baseMismatch, refusal } from "../refusal.ts";
import { sameBytes } from "../sha256.ts";
import { LOOK_BACK, unpackZipDelta, virtualLength } from "./format.ts";
import { TargetRun } from "./target-run.ts";
import { VirtualBase } from "./virtual-base.ts";

/**
 * The bytes of a zip-aware frame, piece by piece. The last step compares their hash: nothing counts before the pieces ended
 * without an error. Throws `base_mismatch` (send the bytes whole) and `invalid_request` (malformed delta).
 */
export async function* applyZipDelta(frame: DeltaFrame, base: ByteSource, unpack: Unpack): AsyncGenerator<Uint8Array> {
  const delta = await unpackZipDelta(frame.payload, frame.raw_length, base.size, unpack);
  const base_length = virtualLength(delta.base_sections, delta.base_length);
  const steps = decodeSteps(delta.program, virtualLength(delta.target_sections, frame.raw_length), base_length);
  checkLookBack(steps);
  const virtual_base = new VirtualBase(base, delta);
  const target = new TargetRun(delta.target_sections, frame.raw_length);
  const hash = sha256.create();
  let literal = 0;
  for (let i = 0; i < steps.length; i += 3) {
    const insert = steps[i]!;
    target.write(delta.program.literals.subarray(literal, literal + insert));
    literal += insert;
    for await (const piece of virtual_base.read(steps[i + 2]!, steps[i + 1]!)) {
      target.write(piece);
      for (const bytes of target.take()) {
        hash.update(bytes);
        yield bytes;
      }
    }
  }
  target.end();
  for (const bytes of target.take()) {
    hash.update(bytes);
    yield bytes;
  }
  if (!sameBytes(hash.digest(), frame.hash))
    throw baseMismatch("The delta does not rebuild the archive: the base differs from the one it was made for.");
}

function checkLookBack(steps: Steps): void {
  let furthest = 0;
  for (let i = 0; i < steps.length; i += 3) {
    if (steps[i + 1] === 0) continue;
    const offset = steps[i + 2]!;
    if (offset < furthest - LOOK_BACK) throw refusal("delta_look_back", "The delta goes back too far in its base.");
    furthest = Math.max(furthest, offset + steps[i + 1]!);
  }
}
