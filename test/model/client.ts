/** Who asks: turns steps into calls of the services, and remembers what was said. */
import { applyBatch } from "../../core/batch/service.ts";
import type { FileRow } from "../../core/files/model.ts";
import { decodeFrames } from "../../core/frames/index.ts";
import { DriveError, type ErrorCode } from "../../core/protocol/errors.ts";
import type { Command } from "../../core/sync/commands.ts";
import type { Place } from "../support/memory/drive-model.ts";
import type { UploadTarget } from "../../core/uploads/model.ts";
import {
  abortUpload,
  type Caller,
  completeUpload,
  putChunk,
  startUpload,
  storeWhole,
} from "../../core/uploads/service.ts";
import { endHistory } from "../../core/versions/history.ts";
import {
  type Attempt,
  isUnknown,
  isWrong,
  type Known,
  type Part,
  type ReadBack,
  settlePart,
  unanswered,
} from "./attempt.ts";
import { type Batch, type BatchFile, disturbs, encodeBatch } from "./batches.ts";
import { bodyOf, sha256, streamOf } from "./bodies.ts";
import { readVersion } from "./reads.ts";
import { borrow, type Chunk, encodeChunks, isReadable, piecesOfSession, type Session } from "./sessions.ts";
import type { PutSpec, Step, TargetSpec } from "./steps.ts";
import { Injected } from "./turns.ts";
import { type World } from "./world.ts";
import { MINUTE } from "../../core/time.ts";

/** Every eighth number picks from all that there ever was. */
const ANY = 8;

const wrap = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];

/** Why the model would refuse an upload. */
type Refusal = (place: Place, size: number) => ErrorCode | null;
type Make = (call: Attempt["call"], more: Partial<Attempt>) => Attempt;

export class Client {
  readonly #world: World;
  readonly sessions: Session[] = [];
  readonly attempts: Attempt[] = [];
  readonly reads: ReadBack[] = [];
  #ops = 0;

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins a step. @param refusal why the model would refuse an upload there */
  begin(step: Step, known: Known, refusal: Refusal): Attempt | null {
    const attempt = this.#attempt(step, known, refusal);
    if (attempt !== null) this.attempts.push(attempt);
    return attempt;
  }

  /** The same request again, under its key. */
  again(earlier: Attempt): Attempt {
    const attempt = unanswered(earlier);
    this.attempts.push(attempt);
    return attempt;
  }

  async run(attempt: Attempt): Promise<void> {
    try {
      const file_id = await attempt.call(attempt);
      if (attempt.parts.every(({ answer }) => answer.said !== "nothing")) attempt.answer = { said: "ok", file_id };
    } catch (error) {
      if (error instanceof Injected) return;
      if (!(error instanceof DriveError) || isWrong(error.code)) throw error;
      if (isUnknown(error.code)) return;
      for (const one of [attempt, ...attempt.parts]) one.answer = { said: "refused", code: error.code };
    }
  }

  #caller({ op_id, keyed }: Attempt): Caller {
    const { root } = this.#world;
    const actor = { user_id: root, device_id: null };
    return { principal: { kind: "user", user_id: root }, actor, op_id, may_repeat: keyed };
  }

  /** Mostly what fits; now and then anything. */
  #pick(known: Known, at: number, fits: (file: FileRow) => boolean): string {
    const { files } = this.#world.drive.state;
    const fitting = known.ids.filter((id) => {
      const file = files.get(id);
      return file !== undefined && fits(file);
    });
    return wrap(at % ANY === ANY - 1 || fitting.length === 0 ? known.ids : fitting, at) as string;
  }

  #folder(known: Known, at: number): string {
    return this.#pick(known, at, (f) => f.is_folder && f.trashed_at === null);
  }

  #session(at: number, isWhole = false): Session | undefined {
    const { uploads } = this.#world.drive.state;
    const open = this.sessions.filter(
      ({ upload_id, chunks, arrived }) =>
        uploads.get(upload_id)?.state === "open" && (!isWhole || arrived.size === chunks.length),
    );
    return wrap(at % ANY === ANY - 1 || open.length === 0 ? this.sessions : open, at);
  }

  #target(spec: TargetSpec, known: Known): [UploadTarget, Place] {
    const common = { mime_type: null, modified_at: null };
    if (spec.kind === "file") {
      const id = this.#folder(known, spec.at);
      const { name, conflict } = spec;
      const place: Place = { parent: id, name, conflict };
      return [{ ...common, kind: "file", parent_id: id, name, on_name_conflict: conflict }, place];
    }
    const id = this.#pick(known, spec.at, (f) => !f.is_folder && f.trashed_at === null);
    const current = this.#world.drive.state.files.get(id)?.version_id ?? null;
    const if_version = { none: null, right: current, wrong: id }[spec.if_version];
    return [
      { ...common, kind: "version", file_id: id, if_version_id: if_version },
      { file: id, if_version },
    ];
  }

  #attempt(step: Step, known: Known, refusal: Refusal): Attempt | null {
    const world = this.#world;
    const keyed = "keyed" in step ? step.keyed : false;
    const make = (call: Attempt["call"], more: Partial<Attempt> = {}): Attempt => ({
      step,
      op_id: `op-${++this.#ops}`,
      sent: [],
      answer: { said: "nothing" },
      bytes: null,
      parts: [],
      keyed,
      must_succeed: false,
      call,
      ...more,
    });
    const run = (command: Command): Attempt =>
      make(async ({ op_id, sent }) => {
        const actor = { user_id: world.root, device_id: null };
        return (await world.run({ command, op_id, actor }, sent)).file?.file_id ?? null;
      });
    const version = "version" in step ? this.#version(known, step) : undefined;
    const item = (trashed: boolean): string => {
      const at = "at" in step ? step.at : 0;
      return this.#pick(known, at, (f) => f.parent_id !== null && (f.trashed_at !== null) === trashed);
    };
    switch (step.op) {
      case "whole": {
        const bytes = bodyOf(
          step.body,
          known.versions.map((v) => v.bytes),
        );
        const [target, place] = this.#target(step.target, known);
        const size = step.known ? bytes.length : null;
        return make(
          async (attempt) =>
            (await storeWhole(world.uploadDeps(attempt.sent), this.#caller(attempt), target, streamOf(bytes), size))
              .file_id,
          { bytes, must_succeed: refusal(place, bytes.length) === null },
        );
      }
      case "start":
        return this.#start(step, known, make, refusal);
      case "batch":
        return this.#batch(step, known, make, refusal);
      case "send":
        return this.#send(step, make, refusal);
      case "complete":
        return this.#complete(step, make, refusal);
      case "abort": {
        const session = this.#session(step.session);
        if (session === undefined) return null;
        return make(async (attempt) => {
          await abortUpload(world.uploadDeps(attempt.sent), this.#caller(attempt), session.upload_id);
          return null;
        });
      }
      case "folder": {
        const id = this.#folder(known, step.at);
        return run({
          op: "create_folder",
          parent_id: id,
          name: step.name,
          on_name_conflict: step.rename ? "rename" : "fail",
        });
      }
      case "rename":
        return run({ op: "update", file_id: item(false), name: step.name });
      case "move":
        return run({ op: "update", file_id: item(false), parent_id: this.#folder(known, step.to) });
      case "trash":
        return run({ op: step.op, file_id: item(false) });
      case "untrash":
      case "purge":
        return run({ op: step.op, file_id: item(true) });
      case "copy": {
        const id = item(false);
        const parent_id = this.#folder(known, step.to);
        const file = world.drive.state.files.get(id);
        if (file === undefined || file.parent_id === null) return null;
        const { name } = file;
        if (file.is_folder) return run({ op: "copy_tree", file_id: id, parent_id, name });
        const target = { kind: "file", parent_id, name, on_name_conflict: "rename" } as const;
        return run({
          op: "create_from",
          source_file_id: id,
          target: { ...target, mime_type: null, modified_at: null },
        });
      }
      case "restore":
        return version === undefined ? null : run({ op: "restore_version", ...version });
      case "purge_version":
        return version === undefined ? null : run({ op: "purge_version", ...version });
      case "purge_history": {
        const file = world.drive.state.files.get(version?.file_id ?? "");
        if (file === undefined) return null;
        return make(async ({ op_id, sent }) => {
          const actor = { user_id: world.root, device_id: null };
          const run = async (command: Command, op_id: string) =>
            (await world.run({ command, op_id, actor }, sent)).file;
          await endHistory(run, file, file.version_number - 1, op_id);
          return null;
        });
      }
      case "read":
        return version === undefined
          ? null
          : make(async () => {
              const back = (read: ReadBack): void => void this.reads.push(read);
              return readVersion(world, version, step, back);
            });
      case "retry": {
        const earlier = wrap(
          this.attempts.filter((a) => a.keyed),
          step.attempt,
        );
        return earlier === undefined ? null : unanswered(earlier);
      }
      case "expire":
        return make(async ({ sent }) => world.expire(sent).then(() => null));
      case "retain":
        return make(async ({ sent }) => world.retain(sent).then(() => null));
      case "tick":
        return make(async () => {
          world.now += step.minutes * MINUTE;
          return null;
        });
    }
  }

  #version(known: Known, step: { version: number }): Known["versions"][number] | undefined {
    const rows = [...this.#world.drive.state.versions.values()];
    const there = new Set(rows.map((row) => row.version_id));
    const living = known.versions.filter((v) => there.has(v.version_id));
    return wrap(step.version % ANY === ANY - 1 || living.length === 0 ? known.versions : living, step.version);
  }

  #start(step: Extract<Step, { op: "start" }>, known: Known, make: Make, refusal: Refusal): Attempt {
    const world = this.#world;
    const own = bodyOf(
      step.body,
      known.versions.map((v) => v.bytes),
    );
    const [target, place] = this.#target(step.target, known);
    const base = step.base === null ? null : (this.#version(known, { version: step.base }) ?? null);
    const borrowed = base === null || !step.borrow ? null : borrow(world, base, step.cuts[0] ?? 0, step.cuts[1] ?? 1);
    const cuts = [0, ...step.cuts.map((cut) => Math.floor((own.length * cut) / 100)), own.length].toSorted(
      (a, b) => a - b,
    );
    const chunks = cuts.slice(1).flatMap((to, i): Chunk[] => {
      const bytes = own.slice(cuts[i], to);
      const body = step.frames ? new Uint8Array(0) : bytes;
      return bytes.length === 0 ? [] : [{ bytes, body, is_frames: step.frames }];
    });
    const bytes = borrowed === null ? own : new Uint8Array(Buffer.concat([borrowed.bytes, own]));
    const declared = { none: null, right: sha256(bytes), wrong: sha256(new Uint8Array([1])) }[step.declared];
    const call = async (attempt: Attempt): Promise<string | null> => {
      const ref = base === null ? null : { file_id: base.file_id, version_id: base.version_id };
      const deps = world.uploadDeps(attempt.sent);
      const started = await startUpload(deps, this.#caller(attempt), target, bytes.length, declared, ref);
      if (started.instant) return started.file.file_id;
      const { upload_id } = started.upload;
      await encodeChunks({ chunks, base }, started.upload);
      if (!this.sessions.some((session) => session.upload_id === upload_id))
        this.sessions.push({ upload_id, place, base, borrowed, chunks, arrived: new Set() });
      return null;
    };
    const must_succeed = refusal(place, bytes.length) === null && isReadable(world, base);
    return make(call, { bytes, must_succeed });
  }

  /** Of a put; one that refers to no version has no base. */
  #file(put: PutSpec, known: Known, own: Uint8Array<ArrayBuffer>): BatchFile {
    const [target, place] = this.#target(put.target, known);
    const named = put.base === null ? null : (this.#version(known, { version: put.base }) ?? null);
    const borrowed = named === null || !put.borrow ? null : borrow(this.#world, named, ...put.cuts);
    const is_delta = named !== null && put.deltas;
    const base = is_delta || borrowed !== null ? named : null;
    const bytes = borrowed === null ? own : new Uint8Array(Buffer.concat([borrowed.bytes, own]));
    return { target, place, bytes, own, base, is_delta, borrowed, wrong: put.wrong };
  }

  #batch(step: Extract<Step, { op: "batch" }>, known: Known, make: Make, refusal: Refusal): Attempt {
    const world = this.#world;
    const bodies: Uint8Array<ArrayBuffer>[] = [];
    const files = step.puts.map((put) => {
      const old = known.versions.map((v) => v.bytes);
      const own = (put.twin === null ? undefined : wrap(bodies, put.twin)) ?? bodyOf(put.body, old);
      bodies.push(own);
      return this.#file(put, known, own);
    });
    const size = files.reduce((sum, { bytes }) => sum + bytes.length + 1, 0);
    const parts = files.map(({ place, bytes, base, wrong }, i): Part => {
      const isFree = refusal(place, size) === null && !files.slice(0, i).some((file) => disturbs(file.place, place));
      const must_succeed = step.damage === "none" && !wrong && isFree && isReadable(world, base);
      // The n-th op of this client, as `make` counts them.
      return { op_id: `${world.root}:op-${this.#ops + 1}.${i}`, answer: { said: "nothing" }, bytes, must_succeed };
    });
    const op_ids = parts.map(({ op_id }) => op_id.slice(world.root.length + 1));
    let encoded: Promise<Batch> | undefined;
    const call = async (attempt: Attempt): Promise<null> => {
      const { changes, body, needs } = await (encoded ??= encodeBatch(world, files, op_ids, step.damage));
      for (const [i, others] of needs.entries())
        if ([...others].some((other) => !parts[other]?.must_succeed)) (parts[i] as Part).must_succeed = false;
      const { principal, actor } = this.#caller(attempt);
      const answers = await applyBatch(world.batchDeps(attempt.sent), { principal, actor }, changes, {
        frames: () => decodeFrames(streamOf(body)),
        length: body.length,
        received: () => body.length,
      });
      for (const [i, answer] of answers.entries()) settlePart(attempt.parts[i] as Part, answer);
      return null;
    };
    return make(call, { keyed: true, parts });
  }

  #isOpen({ upload_id, place, base }: Session, refusal: Refusal): boolean {
    const row = this.#world.drive.state.uploads.get(upload_id);
    const isOpen = row?.state === "open" && row.expires_at > this.#world.now;
    // Its own space is reserved.
    return isOpen && refusal(place, 0) === null && isReadable(this.#world, base);
  }

  #send(step: Extract<Step, { op: "send" }>, make: Make, refusal: Refusal): Attempt | null {
    const session = this.#session(step.session);
    if (session === undefined || session.chunks.length === 0) return null;
    const wanted = [...new Set(step.chunks.map((at) => at % session.chunks.length))];
    const call = async (attempt: Attempt): Promise<null> => {
      const deps = this.#world.uploadDeps(attempt.sent);
      const one = async (index: number): Promise<void> => {
        const { body: right, is_frames } = session.chunks[index] as Chunk;
        const body = { right, wrong: right.map((byte) => byte ^ 1), short: right.subarray(0, -1) }[step.bytes];
        const at = { own: index, other: index + 7 }[step.index];
        const chunk = { upload_id: session.upload_id, index: at, chunk_id: sha256(right), is_frames };
        await putChunk(deps, this.#caller(attempt), chunk, streamOf(body), body.length);
        // One that arrived before is received again at once, whatever comes now.
        session.arrived.add(index);
      };
      const all = await Promise.allSettled([...wanted, ...(step.again ? wanted : [])].map(one));
      for (const result of all) if (result.status === "rejected") throw result.reason;
      return null;
    };
    return make(call, { must_succeed: step.bytes === "right" && this.#isOpen(session, refusal) });
  }

  #complete(step: Extract<Step, { op: "complete" }>, make: Make, refusal: Refusal): Attempt | null {
    const session = this.#session(step.session, true);
    if (session === undefined) return null;
    const world = this.#world;
    const all = piecesOfSession(session);
    const order = { right: all, swapped: all.toReversed(), short: all.slice(1) }[step.order];
    const bytes = new Uint8Array(Buffer.concat(order.map((piece) => piece.bytes)));
    const isWhole = order.length === all.length && session.arrived.size === session.chunks.length;
    const call = async (attempt: Attempt): Promise<string | null> => {
      const deps = world.uploadDeps(attempt.sent);
      const segments = order.map((piece) => piece.segment);
      return (await completeUpload(deps, this.#caller(attempt), session.upload_id, segments)).file_id;
    };
    return make(call, { bytes, must_succeed: isWhole && this.#isOpen(session, refusal) });
  }
}
