import fc from "fast-check";

/** A version and the one before it: made of each other's pieces, with repeats, and with bytes that are new. */
export interface Edit {
  before: Uint8Array;
  after: Uint8Array;
}

const randomBytes = fc.uint8Array({ maxLength: 1500 });
/** Few letters, so that hashes collide and runs overlap. */
const repetitive = fc.array(fc.constantFrom(0, 0, 0, 1, 65), { maxLength: 600 }).map((a) => Uint8Array.from(a));
const piece = fc.oneof(
  randomBytes,
  repetitive,
  fc.integer({ min: 1, max: 3000 }).map((n) => new Uint8Array(n).fill(7)),
);

export const join = (pieces: Uint8Array[]): Uint8Array => {
  const out = new Uint8Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const p of pieces) {
    out.set(p, at);
    at += p.length;
  }
  return out;
};

const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(200),
  from: fc.double({ min: 0, max: 1, noNaN: true }),
  move: fc.nat(2000),
  insert: fc.uint8Array({ maxLength: 100 }),
});

export const edits: fc.Arbitrary<Edit> = fc
  .tuple(fc.array(piece, { maxLength: 6 }), fc.array(change, { maxLength: 8 }))
  .map(([pieces, changes]) => {
    const before = join(pieces);
    let after = before;
    for (const c of changes) {
      const at = Math.floor(c.at * after.length);
      const from = Math.floor(c.from * before.length);
      after = join([
        after.subarray(0, at),
        c.insert,
        before.subarray(from, from + c.move),
        after.subarray(at + c.remove),
      ]);
    }
    return { before, after };
  });

/** The block cut into blocks of changing lengths. */
export function cutAt(bytes: Uint8Array, parts: number): Uint8Array[] {
  const size = Math.max(1, Math.ceil(bytes.length / Math.max(1, parts)));
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) out.push(bytes.subarray(at, at + size));
  return out;
}

/** Compared natively: deep equality of megabytes takes seconds. */
export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
