/** What may be asked of a drive, and what may happen meanwhile. Numbers are places in lists of what there is, wrapped. */
import fc from "fast-check";
import { bodySpec, largeSpec } from "./bodies.ts";
import type { Fault } from "./turns.ts";

const pick = fc.nat(30);
const name = fc.constantFrom("a", "A", "b", "c.txt", "d", "é");
const conflict = fc.constantFrom("fail" as const, "rename" as const, "new_version" as const);

/** A new file in a folder, or a version of a file; `if_version` as `If-Match` says it. */
const target = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("file" as const), at: pick, name, conflict }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("version" as const),
      at: pick,
      if_version: fc.constantFrom("none" as const, "none" as const, "right" as const, "wrong" as const),
    }),
  },
);
export type TargetSpec = typeof target extends fc.Arbitrary<infer T> ? T : never;

/** The client chose an idempotency key. */
const keyed = fc.constantFrom(true, true, false);
/** A file of a batch. */
const put = fc.record({
  target,
  body: bodySpec,
  /** The bytes of an earlier one of the batch. */
  twin: fc.option(fc.nat(5), { freq: 4 }),
  base: fc.option(pick, { freq: 2 }),
  borrow: fc.boolean(),
  cuts: fc.tuple(fc.nat(99), fc.nat(99)),
  deltas: fc.boolean(),
  /** Of another size than is said: refused alone. */
  wrong: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});
export type PutSpec = typeof put extends fc.Arbitrary<infer T> ? T : never;

const op = <T extends string>(name: T): fc.Arbitrary<T> => fc.constant(name);

export const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ op: op("whole"), target, body: bodySpec, known: fc.boolean(), keyed }) },
  {
    weight: 8,
    arbitrary: fc.record({
      op: op("start"),
      target,
      body: bodySpec,
      cuts: fc.array(fc.nat(99), { maxLength: 4 }),
      base: fc.option(pick, { freq: 2 }),
      borrow: fc.boolean(),
      frames: fc.boolean(),
      declared: fc.constantFrom("none" as const, "right" as const, "right" as const, "wrong" as const),
      keyed,
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      op: op("send"),
      session: pick,
      chunks: fc.oneof(
        fc.constant<number[]>([0, 1, 2, 3, 4]),
        fc.uniqueArray(fc.nat(4), { minLength: 1, maxLength: 4 }),
      ),
      again: fc.boolean(),
      index: fc.constantFrom("own" as const, "own" as const, "other" as const),
      bytes: fc.oneof(
        { weight: 8, arbitrary: fc.constant("right" as const) },
        { weight: 1, arbitrary: fc.constantFrom("wrong" as const, "short" as const) },
      ),
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      op: op("complete"),
      session: pick,
      order: fc.constantFrom(
        "right" as const,
        "right" as const,
        "right" as const,
        "swapped" as const,
        "short" as const,
      ),
      keyed,
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: op("batch"),
      puts: fc.array(put, { minLength: 1, maxLength: 6 }),
      damage: fc.oneof(
        { weight: 12, arbitrary: fc.constant("none" as const) },
        { weight: 1, arbitrary: fc.constantFrom("wrong" as const, "short" as const) },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: op("abort"), session: pick }) },
  { weight: 3, arbitrary: fc.record({ op: op("folder"), at: pick, name, rename: fc.boolean() }) },
  { weight: 2, arbitrary: fc.record({ op: op("rename"), at: pick, name }) },
  { weight: 2, arbitrary: fc.record({ op: op("move"), at: pick, to: pick }) },
  { weight: 3, arbitrary: fc.record({ op: op("trash"), at: pick }) },
  { weight: 2, arbitrary: fc.record({ op: op("untrash"), at: pick }) },
  { weight: 2, arbitrary: fc.record({ op: op("purge"), at: pick }) },
  { weight: 3, arbitrary: fc.record({ op: op("copy"), at: pick, to: pick }) },
  { weight: 4, arbitrary: fc.record({ op: op("restore"), version: pick }) },
  { weight: 3, arbitrary: fc.record({ op: op("purge_version"), version: pick }) },
  { weight: 2, arbitrary: fc.record({ op: op("purge_history"), version: pick }) },
  {
    weight: 8,
    arbitrary: fc.record({ op: op("read"), version: pick, from: fc.nat(100), part: fc.nat(100), stop: fc.boolean() }),
  },
  { weight: 3, arbitrary: fc.record({ op: op("retry"), attempt: pick }) },
  { weight: 2, arbitrary: fc.record({ op: op("expire") }) },
  { weight: 1, arbitrary: fc.record({ op: op("retain") }) },
  { weight: 1, arbitrary: fc.record({ op: op("tick"), minutes: fc.integer({ min: 1, max: 8 }) }) },
);
export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const largeStep: fc.Arbitrary<Step> = fc.record({
  op: op("whole"),
  target: fc.record({ kind: fc.constant("file" as const), at: fc.constant(0), name, conflict }),
  body: largeSpec,
  known: fc.boolean(),
  keyed,
});

const fault = fc.record({
  at: fc.nat(40),
  kind: fc.constantFrom<Fault>("fail", "lose", "hang", "late"),
});

const steps = fc.oneof(
  { weight: 6, arbitrary: fc.array(step, { minLength: 1, maxLength: 1 }) },
  { weight: 3, arbitrary: fc.array(step, { minLength: 2, maxLength: 6 }) },
);

const quiet = {
  order: fc.constant<number[]>([]),
  faults: fc.constant<(typeof fault extends fc.Arbitrary<infer T> ? T : never)[]>([]),
  crash: fc.constant(null),
};
const troubled = {
  order: fc.array(fc.nat(5), { maxLength: 12 }),
  faults: fc.array(fault, { maxLength: 3 }),
  crash: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.record({ at: fc.nat(40), late: fc.boolean() }) },
  ),
};
const common = {
  steps,
  /** Hours that pass before. */
  hours: fc.oneof({ weight: 24, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(1, 23, 25, 60) }),
  /** What had no answer is sent again at once, under its key. */
  retry: fc.boolean(),
};

/** Steps that are under way together, and what happens to the calls that they make. */
export const group = fc.oneof(
  { weight: 250, arbitrary: fc.record({ ...common, ...quiet }) },
  { weight: 250, arbitrary: fc.record({ ...common, ...troubled }) },
  { weight: 1, arbitrary: fc.record({ ...common, ...quiet, steps: fc.tuple(largeStep) }) },
);
export type Group = typeof group extends fc.Arbitrary<infer T> ? T : never;
