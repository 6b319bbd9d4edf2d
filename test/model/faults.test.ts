/**
 * Every call that an operation makes of a port fails, loses its answer, hangs, or is done late, one after the other, and
 * the process ends at each. What was acknowledged stays, and the request sent again ends as it should have.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Part } from "./attempt.ts";
import { Play } from "./play.ts";
import { seededCrypto } from "./seeded-crypto.ts";
import type { Group, Step } from "./steps.ts";
import type { Fault } from "./turns.ts";
import { MINUTE } from "../../core/time.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const text = { kind: "text", seed: 1, size: 23_000 } as const;
const noise = { kind: "noise", seed: 1, size: 40_000 } as const;
const empty = { kind: "text", seed: 1, size: 0 } as const;
const edit = { kind: "edit", of: 0, at: 50, insert: 700 } as const;
const LARGE = { kind: "noise", seed: 9, size: 9 * 1024 * 1024 } as const;
type Name = Extract<Step, { op: "folder" }>["name"];
const file = (name: Name = "a", conflict: "fail" | "new_version" = "fail") =>
  ({ kind: "file", at: 0, name, conflict }) as const;
const whole = (name: Name = "a", body: typeof text | typeof noise | typeof LARGE = text): Step => ({
  op: "whole",
  target: file(name),
  body,
  known: true,
  keyed: true,
});
const start = (declared: "none" | "right", name: Name = "b"): Step => ({
  op: "start",
  target: file(name),
  body: noise,
  cuts: [30, 60],
  base: null,
  borrow: false,
  frames: false,
  declared,
  keyed: true,
});
const framed: Step = { ...start("none"), base: 0, borrow: true, frames: true } as Step;
const send: Step = { op: "send", session: 0, chunks: [0, 1, 2], again: true, index: "own", bytes: "right" };
const complete: Step = { op: "complete", session: 0, order: "right", keyed: true };
const version: Step = {
  op: "whole",
  target: { kind: "version", at: 0, if_version: "none" },
  body: noise,
  known: true,
  keyed: true,
};

type Puts = Extract<Step, { op: "batch" }>["puts"];
const put = (more: Partial<Puts[number]> = {}): Puts[number] => ({
  target: file(),
  body: text,
  twin: null,
  base: null,
  borrow: false,
  cuts: [0, 1],
  deltas: false,
  wrong: false,
  ...more,
});
const batch = (...puts: Puts): Step => ({ op: "batch", puts, damage: "none" });

/** Steps before, and the one in which things fail. */
const OPERATIONS: Record<string, [before: Step[], step: Step]> = {
  "upload of one request": [[], whole()],
  "upload of unknown length": [[], { ...whole(), known: false } as Step],
  "upload of many parts": [[], whole("a", LARGE)],
  "new version": [[whole()], version],
  "start of a session": [[], start("none")],
  "instant upload": [[whole("a", noise)], start("right")],
  chunks: [[start("none")], send],
  "chunks of frames, with deltas": [[whole("a", noise), framed], send],
  "completion with blocks of a version": [[whole("a", noise), framed, send], complete],
  completion: [[start("none"), send], complete],
  "batch of new files": [
    [],
    batch(put(), put({ target: file("b"), twin: 0 }), put({ target: file("d"), body: empty }), put({ body: noise })),
  ],
  "batch of versions": [
    [whole("a", noise), whole("b")],
    batch(
      put({ target: file("d"), body: noise, wrong: true }),
      put({ target: { kind: "version", at: 0, if_version: "right" }, body: edit, base: 0, deltas: true }),
      put({ target: { kind: "version", at: 1, if_version: "none" }, base: 0, borrow: true }),
      put({ target: { kind: "version", at: 1, if_version: "wrong" }, body: noise }),
    ),
  ],
  cancellation: [[start("none"), send], { op: "abort", session: 0 }],
  download: [[whole("a", noise)], { op: "read", version: 0, from: 10, part: 80, stop: false }],
  "copy of a file": [[whole()], { op: "copy", at: 0, to: 0 }],
  "copy of a tree": [
    [{ op: "folder", at: 0, name: "d", rename: false }, { ...whole(), target: { ...file(), at: 1 } } as Step],
    { op: "copy", at: 0, to: 0 },
  ],
  "restored version": [[whole(), version], { op: "restore", version: 0 }],
  "purged version": [[whole(), version], { op: "purge_version", version: 0 }],
  "purge from the trash": [[whole(), { op: "trash", at: 0 }], { op: "purge", at: 0 }],
};

const group = (step: Step, faults: Group["faults"] = [], crash: Group["crash"] = null): Group => ({
  steps: [step],
  hours: 0,
  retry: false,
  order: [],
  faults,
  crash,
});

async function prepared(before: Step[]): Promise<Play> {
  vi.stubGlobal("crypto", seededCrypto(1));
  const play = new Play(60_000_000);
  for (const step of before) await play.group(group(step));
  return play;
}

/** What is told of a change of a batch. */
const saidOf = ({ answer }: Part): string => (answer.said === "refused" ? answer.code : answer.said);

/** What a drive shows: names, sizes, numbers of versions. */
const shown = (play: Play): string[] =>
  [...play.world.drive.state.files.values()]
    .map((f) => `${f.name} ${f.size} ${f.version_count} ${f.trashed_at !== null}`)
    .toSorted();

const KINDS: readonly (Fault | "crash" | "crash, late")[] = ["fail", "lose", "hang", "late", "crash", "crash, late"];

describe.each(Object.entries(OPERATIONS))("%s", (_, [before, step]) => {
  it.each(KINDS)(
    "U2, U7, U12, H5, Q2: each call: %s",
    async (kind) => {
      const clean = await prepared(before);
      await clean.group(group(step));
      const calls = clean.world.turns.log.length;
      const wanted = shown(clean);
      expect(clean.client.attempts.at(-1)?.answer.said).toBe("ok");
      const said = clean.client.attempts.at(-1)?.parts.map(saidOf);
      for (let at = 0; at < calls; at++) {
        const play = await prepared(before);
        const isCrash = kind.startsWith("crash");
        const faults = isCrash ? [] : [{ at, kind: kind as Fault }];
        await play.group(group(step, faults, isCrash ? { at, late: kind === "crash, late" } : null));
        const attempt = play.client.attempts.at(-1)!;
        // Who had no answer asks again, a little later.
        await play.pass(MINUTE);
        const again = attempt.answer.said === "ok" ? attempt : await play.again(attempt);
        expect({ at, call: play.world.turns.log, said: again.answer }).toMatchObject({ said: { said: "ok" } });
        expect(shown(play), `call ${at}`).toEqual(wanted);
        expect(again.parts.map(saidOf), `call ${at}`).toEqual(said);
        await play.end();
      }
    },
    120_000,
  );
});
