/** Zip-aware deltas from old bytes: docs/spec/delta.md, D14 to D18. */
import type { EncodedDelta } from "../encode.ts";
import { writeSteps } from "../encode.ts";
import { findMatches, indexBase } from "../match.ts";
import { memorySource, type Packer, type Unpack } from "../ports.ts";
import { MAX_STEPS, ProgramWriter } from "../program.ts";
import { sameBytes, sha256 } from "../sha256.ts";
import { applyZipDelta } from "./apply.ts";
import { inflateWhole } from "./deflate.ts";
import { readDirectory, type Member } from "./directory.ts";
import {
  LOOK_BACK,
  MAX_ARCHIVE_BYTES,
  MAX_MEMBERS,
  MAX_PAYLOAD_BYTES,
  MAX_PROGRAM_BYTES,
  MAX_VIRTUAL_BYTES,
  packZipDelta,
  type Recipe,
  type Section,
} from "./format.ts";
import { RecipeFinder } from "./recipe.ts";

/** Shorter members are not worth a section. */
const MIN_MEMBER_BYTES = 64;

/** A member and what it inflates to. */
interface Inflated {
  member: Member;
  bytes: Uint8Array;
}

/**
 * A delta of the whole new archive against the whole old one, applied and compared before it is returned. Undefined when a plain
 * delta does as well or nothing can be re-created. Holds both archives inflated: up to 256 MiB, and as much again for the index.
 */
export async function encodeZipDelta(
  before: Uint8Array,
  after: Uint8Array,
  packer: Packer,
  unpack: Unpack,
): Promise<EncodedDelta | undefined> {
  if (Math.max(before.length, after.length) > MAX_ARCHIVE_BYTES) return undefined;
  const old_members = readDirectory(before);
  const new_members = readDirectory(after);
  if (old_members === undefined || new_members === undefined) return undefined;
  const { base, target, recipes } = pair(before, old_members, after, new_members);
  if (recipes.length === 0) return undefined;

  const virtual_target = inflatedRun(after, target);
  const matches = findMatches(virtual_target, indexBase(inflatedRun(before, base)), 0, LOOK_BACK);
  const writer = new ProgramWriter();
  writeSteps(writer, virtual_target, matches, 0);
  const program = writer.finish();
  if (program.step_count > MAX_STEPS || program.steps.length + program.literals.length > MAX_PROGRAM_BYTES)
    return undefined;
  const payload = await packZipDelta(
    {
      base_offset: 0,
      base_length: before.length,
      base_sections: sectionsOf(base),
      target_sections: sectionsOf(target).map((section, i) => Object.assign(section, { recipe: recipes[i]! })),
      program,
    },
    packer,
  );
  const encoded = { payload, raw_length: after.length, hash: await sha256(after) };
  const pays = payload.length < Math.min(after.length, MAX_PAYLOAD_BYTES + 1);
  return pays && (await rebuilds(encoded, before, after, unpack)) ? encoded : undefined;
}

/** Deflated members of one name that changed and that a recipe re-creates. */
function pair(before: Uint8Array, old_members: Member[], after: Uint8Array, new_members: Member[]) {
  const by_name = new Map(old_members.map((member) => [member.name, member]));
  const finder = new RecipeFinder();
  const base: Inflated[] = [];
  const target: Inflated[] = [];
  const recipes: Recipe[] = [];
  let room = { before: MAX_VIRTUAL_BYTES - before.length, after: MAX_VIRTUAL_BYTES - after.length };
  for (const member of new_members) {
    const old = by_name.get(member.name);
    if (old === undefined || !old.deflated || !member.deflated || member.length < MIN_MEMBER_BYTES) continue;
    if (recipes.length === MAX_MEMBERS || old.inflated_length > room.before || member.inflated_length > room.after)
      continue;
    const deflated = dataOf(after, member);
    if (sameBytes(deflated, dataOf(before, old))) continue;
    const old_bytes = inflateWhole(dataOf(before, old), old.inflated_length);
    const bytes = inflateWhole(deflated, member.inflated_length);
    const recipe = old_bytes && bytes && finder.find(bytes, deflated);
    if (!recipe) continue;
    base.push({ member: old, bytes: old_bytes });
    target.push({ member, bytes });
    recipes.push(recipe);
    by_name.delete(member.name);
    room = { before: room.before - old.inflated_length, after: room.after - member.inflated_length };
  }
  return { base: base.toSorted((a, b) => a.member.offset - b.member.offset), target, recipes };
}

const dataOf = (archive: Uint8Array, member: Member): Uint8Array =>
  archive.subarray(member.offset, member.offset + member.length);

function sectionsOf(members: Inflated[]): Section[] {
  let at = 0;
  return members.map(({ member, bytes }) => {
    const gap = member.offset - at;
    at = member.offset + member.length;
    return { gap, deflated_length: member.length, inflated_length: bytes.length };
  });
}

/** The archive with `members` inflated in their place. */
function inflatedRun(archive: Uint8Array, members: Inflated[]): Uint8Array {
  const length = members.reduce((sum, { member, bytes }) => sum + bytes.length - member.length, archive.length);
  const out = new Uint8Array(length);
  let from = 0;
  let at = 0;
  for (const { member, bytes } of members) {
    out.set(archive.subarray(from, member.offset), at);
    at += member.offset - from;
    out.set(bytes, at);
    at += bytes.length;
    from = member.offset + member.length;
  }
  out.set(archive.subarray(from), at);
  return out;
}

async function rebuilds(
  encoded: EncodedDelta,
  before: Uint8Array,
  after: Uint8Array,
  unpack: Unpack,
): Promise<boolean> {
  let at = 0;
  try {
    for await (const piece of applyZipDelta(encoded, memorySource(before), unpack)) {
      if (!sameBytes(piece, after.subarray(at, at + piece.length))) return false;
      at += piece.length;
    }
  } catch {
    return false;
  }
  return at === after.length;
}
