/** Who asks: turns steps into calls of the services, and remembers what was said. */
import type { FileRow } from "../../core/files/model.ts";
import { DriveError, type ErrorCode } from "../../core/protocol/errors.ts";
import { requireRight } from "../../core/sharing/rights.ts";
import { readContent } from "../../core/storage/read.ts";
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
import type { Attempt, Known, ReadBack } from "./attempt.ts";
import { bodyOf, sha256, streamOf } from "./bodies.ts";
import { type Base, borrow, type Chunk, encodeChunks, piecesOfSession, type Session } from "./sessions.ts";
import type { Step, TargetSpec } from "./steps.ts";
import { Injected } from "./turns.ts";
import { MINUTE, TENANT, type World } from "./world.ts";

/** Every eighth number picks from all that there ever was. */
const ANY = 8;

const wrap = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];

/** Refusals that say nothing of whether it was done. */
const isUnknown = (error: unknown): boolean =>
  error instanceof Injected || (error instanceof DriveError && error.code === "unavailable");

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
  begin(step: Step, known: Known, refusal: (place: Place, size: number) => ErrorCode | null): Attempt | null {
    const attempt = this.#attempt(step, known, refusal);
    if (attempt !== null) this.attempts.push(attempt);
    return attempt;
  }

  /** The same request again, under its key. */
  again(earlier: Attempt): Attempt {
    const attempt: Attempt = { ...earlier, sent: [], answer: { said: "nothing" } };
    this.attempts.push(attempt);
    return attempt;
  }

  async run(attempt: Attempt): Promise<void> {
    try {
      attempt.answer = { said: "ok", file_id: await attempt.call(attempt) };
    } catch (error) {
      if (isUnknown(error)) return;
      if (!(error instanceof DriveError) || error.code === "integrity_error" || error.code === "internal") throw error;
      attempt.answer = { said: "refused", code: error.code };
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

  #attempt(step: Step, known: Known, refusal: (place: Place, size: number) => ErrorCode | null): Attempt | null {
    const world = this.#world;
    const keyed = "keyed" in step ? step.keyed : false;
    const make = (call: Attempt["call"], more: Partial<Attempt> = {}): Attempt => ({
      step,
      op_id: `op-${++this.#ops}`,
      sent: [],
      answer: { said: "nothing" },
      bytes: null,
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
        return version === undefined ? null : make(() => this.#read(version, step));
      case "retry": {
        const earlier = wrap(
          this.attempts.filter((a) => a.keyed),
          step.attempt,
        );
        return earlier === undefined
          ? null
          : { ...earlier, sent: [], answer: { said: "nothing" }, must_succeed: false };
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

  #start(
    step: Extract<Step, { op: "start" }>,
    known: Known,
    make: (call: Attempt["call"], more: Partial<Attempt>) => Attempt,
    refusal: (place: Place, size: number) => ErrorCode | null,
  ): Attempt {
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
    const must_succeed = refusal(place, bytes.length) === null && this.#isReadable(base);
    return make(call, { bytes, must_succeed });
  }

  /** Whether a base that is referred to is there for who refers to it. */
  #isReadable(base: Base | null): boolean {
    if (base === null) return true;
    const { files, versions } = this.#world.drive.state;
    for (let at = files.get(base.file_id); at !== undefined; at = files.get(at.parent_id ?? ""))
      if (at.trashed_at !== null) return false;
    return [...versions.values()].some((v) => v.version_id === base.version_id);
  }

  #isOpen({ upload_id, place, base }: Session, refusal: (place: Place, size: number) => ErrorCode | null): boolean {
    const row = this.#world.drive.state.uploads.get(upload_id);
    const isOpen = row?.state === "open" && row.expires_at > this.#world.now;
    // Its own space is reserved.
    return isOpen && refusal(place, 0) === null && this.#isReadable(base);
  }

  #send(
    step: Extract<Step, { op: "send" }>,
    make: (call: Attempt["call"], more: Partial<Attempt>) => Attempt,
    refusal: (place: Place, size: number) => ErrorCode | null,
  ): Attempt | null {
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

  #complete(
    step: Extract<Step, { op: "complete" }>,
    make: (call: Attempt["call"], more: Partial<Attempt>) => Attempt,
    refusal: (place: Place, size: number) => ErrorCode | null,
  ): Attempt | null {
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

  async #read(version: Known["versions"][number], step: Extract<Step, { op: "read" }>): Promise<null> {
    const { turns, drive, rights, root } = this.#world;
    const { engine } = this.#world.process;
    const principal = { kind: "user", user_id: root } as const;
    const options = { allowTrashed: true };
    await requireRight(turns.port("rights", rights), principal, version.file_id, "view", options);
    // The row of a version and its manifest are one query.
    const found = await turns.call("files.bytes", async () => {
      const { versions, contents } = drive.state;
      const row = [...versions.values()].find((v) => v.version_id === version.version_id);
      return row === undefined ? null : { row, manifest: contents.get(row.content_id)?.manifest };
    });
    if (found === null) throw new DriveError("not_found", "There is no such version.");
    const { size } = found.row;
    const offset = Math.floor((size * step.from) / 100);
    const length = Math.floor(((size - offset) * step.part) / 100);
    const back: ReadBack = { version_id: version.version_id, offset, length, pieces: [], ended: false };
    this.reads.push(back);
    if (length === 0) return null;
    for await (const piece of await readContent(engine, TENANT, found.manifest as string, offset, length)) {
      back.pieces.push(piece.slice());
      if (step.stop) return null;
    }
    back.ended = true;
    return null;
  }
}
