/** What must be true: the model, moved by the journal, with the bytes of every version. */
import { expect } from "vitest";
import type { JournalRow } from "../../core/files/model.ts";
import type { Command } from "../../core/sync/commands.ts";
import type { UploadTarget } from "../../core/uploads/model.ts";
import { DriveModel, type Place, Refused, type Version } from "../support/memory/drive-model.ts";
import type { Attempt, Known, Part } from "./attempt.ts";
import { POLICY, type Sent, type World } from "./world.ts";
import { DAY } from "../../core/time.ts";

type Made = Map<string, { id: string; version: string }>;
/** A command over the model: refused by a throw, else what is to be done with the ids that it made. */
type Step = () => void | ((id: string, version: string) => void) | ((made: Made) => void);

const placeOf = (target: UploadTarget): Place =>
  target.kind === "file"
    ? { parent: target.parent_id, name: target.name, conflict: target.on_name_conflict }
    : { file: target.file_id, if_version: target.if_version_id };

interface Record {
  sent: Sent;
  attempt: Attempt;
}

export class Ledger {
  readonly #world: World;
  readonly model: DriveModel;
  readonly known: Known;
  /** Bytes of each version that was ever made. */
  readonly bytes = new Map<string, Uint8Array>();
  /** What the journal said of each operation, as far as it was read. */
  readonly done = new Map<string, JournalRow>();
  readonly #sent = new Map<string, Record[]>();
  /** How much of what an attempt sent is in `#sent`. */
  readonly #taken = new Map<Attempt, number>();
  readonly #bornAt = new Map<string, number>();
  readonly #trashedAt = new Map<string, number>();
  #read = 0;

  constructor(world: World, limit_bytes: number) {
    this.#world = world;
    this.model = new DriveModel(world.root, limit_bytes);
    this.known = { ids: [world.root], versions: [] };
  }

  /**
   * Takes what a group of attempts did. @param isClean one attempt, with ports that answered: then the model must say
   * the same of each command, in order
   */
  settle(attempts: readonly Attempt[], isClean: boolean): void {
    const before = new Set(this.done.keys());
    for (const attempt of attempts) this.#taken.set(attempt, this.#taken.get(attempt) ?? 0);
    // What was done late may have been asked long ago.
    for (const [attempt, taken] of this.#taken) {
      for (const sent of attempt.sent.slice(taken))
        this.#sent.set(sent.op_id, [...(this.#sent.get(sent.op_id) ?? []), { sent, attempt }]);
      this.#taken.set(attempt, attempt.sent.length);
    }
    const entries = this.#world.drive.state.journal.slice(this.#read);
    this.#read += entries.length;
    if (isClean) for (const attempt of attempts) this.#inOrder(attempt, entries);
    else this.#byJournal(entries);
    for (const attempt of attempts) {
      const { step, keyed, parts } = attempt;
      this.#checkAnswer(attempt, before, isClean);
      for (const part of parts) this.#checkAnswer({ ...part, step, keyed }, before, isClean);
    }
  }

  #inOrder({ sent }: Attempt, entries: readonly JournalRow[]): void {
    let at = 0;
    for (const one of sent) {
      const { command, op_id, result } = one;
      if (this.done.has(op_id)) continue;
      const said = result === undefined ? "nothing" : result.ok ? "ok" : result.failure.code;
      try {
        const step = this.#step(command)();
        expect({ command, said }).toEqual({ command, said: "ok" });
        const next = entries[at];
        if (next?.op_id === op_id) at = this.#made(one, step, entries, at);
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        expect({ command, said }).toEqual({ command, said: error.code });
      }
    }
    expect(at, "changes that nobody asked for").toBe(entries.length);
  }

  #byJournal(entries: readonly JournalRow[]): void {
    const { uploads } = this.#world.drive.state;
    this.model.hasSpace = true;
    for (const records of this.#sent.values())
      for (const { sent } of records)
        if (
          (sent.command.op === "reserve_upload" || sent.command.op === "stage") &&
          uploads.has(sent.command.upload.upload_id)
        )
          this.#step(sent.command)();
    for (let at = 0; at < entries.length;) {
      const { op_id } = entries[at] as JournalRow;
      const sent = this.#committed(op_id);
      at = this.#made(sent, this.#step(sent.command)(), entries, at);
    }
    for (const [upload_id, upload] of this.model.uploads) {
      if (upload.state !== "open" || uploads.get(upload_id)?.state === "open") continue;
      const released = [...this.#sent.values()]
        .flat()
        .some(
          ({ sent: { command } }) =>
            (command.op === "release_upload" || command.op === "close_upload") && command.upload_id === upload_id,
        );
      expect(released, "a session that nobody ended").toBe(true);
      this.model.release(upload_id);
    }
    this.model.hasSpace = false;
  }

  /** Of the tries under one key, the one that was committed. */
  #committed(op_id: string): Sent {
    const tries = (this.#sent.get(op_id) ?? []).map(({ sent }) => sent);
    const { uploads, contents } = this.#world.drive.state;
    const isIt = ({ command }: Sent): boolean => {
      // A session that was committed keeps its row for a day.
      if (command.op === "commit_upload") return uploads.get(command.upload_id)?.state === "committed";
      return command.op !== "commit_content" || contents.has(command.content.content_id);
    };
    // Of a version that was purged meanwhile nobody can tell which try made it; they are the same but for the session.
    const isOpen = ({ command }: Sent): boolean =>
      command.op === "commit_content" && this.model.uploads.get(command.upload_id)?.state === "open";
    const found = tries.find(isIt) ?? tries.find(isOpen);
    if (found === undefined) throw new Error(`a change that nobody asked for: ${op_id}`);
    return found;
  }

  /** Takes the ids that a command made. @returns where its entries end */
  #made({ command, op_id }: Sent, step: ReturnType<Step>, entries: readonly JournalRow[], at: number): number {
    const entry = entries[at] as JournalRow;
    this.done.set(op_id, entry);
    const { file_id, version_id } = entry;
    if (command.op === "copy_tree") {
      const below = entries.slice(at + 1).filter((e) => e.op_id.startsWith(`${op_id}/`));
      const made = this.#copies(command.file_id, entry, below);
      (step as (made: Made) => void)(made);
      for (const [from, { id, version }] of made) this.#born(id, version, this.#current(from), entry.at);
      return at + 1 + below.length;
    }
    const bytes = this.#bytesOf(command, op_id);
    if (step !== undefined) (step as (id: string, version: string) => void)(file_id, version_id ?? "");
    if (command.op === "trash") this.#trashedAt.set(file_id, entry.at);
    if (!this.known.ids.includes(file_id)) this.known.ids.push(file_id);
    if (bytes !== null) this.#born(file_id, version_id as string, bytes, entry.at);
    return at + 1;
  }

  #born(file_id: string, version_id: string, bytes: Uint8Array | null, at: number): void {
    if (!this.known.ids.includes(file_id)) this.known.ids.push(file_id);
    if (bytes === null) return;
    this.bytes.set(version_id, bytes);
    this.#bornAt.set(version_id, at);
    this.known.versions.push({ file_id, version_id, bytes });
  }

  #current(file_id: string): Uint8Array | null {
    const version = this.model.nodes.get(file_id)?.versions.at(-1);
    return version === undefined ? null : (this.bytes.get(version.id) as Uint8Array);
  }

  /** Bytes of the version that a command makes; null when it makes none. */
  #bytesOf(command: Sent["command"], op_id: string): Uint8Array | null {
    switch (command.op) {
      case "commit_upload": {
        const own = (this.#sent.get(op_id) ?? []).find(({ sent }) => sent.command === command) as Record;
        return own.attempt.bytes;
      }
      case "commit_content": {
        const [first] = this.#sent.get(op_id) as [Record];
        return first.attempt.parts.find((part) => part.op_id === op_id)!.bytes;
      }
      case "create_known": {
        const [first] = this.#sent.get(op_id) as [Record];
        return first.attempt.bytes;
      }
      case "create_from":
        return this.#current(command.source_file_id);
      case "restore_version":
        return this.bytes.get(command.version_id) as Uint8Array;
      default:
        return null;
    }
  }

  /** Which copy belongs to which item: by its name in its folder. */
  #copies(source: string, root: JournalRow, below: readonly JournalRow[]): Made {
    const { files } = this.#world.drive.state;
    const made: Made = new Map([[source, { id: root.file_id, version: "" }]]);
    const left = [...below];
    for (const id of this.model.livingBelow(source)) {
      const { parent, name } = this.model.nodes.get(id)!;
      const folder = made.get(parent as string)?.id;
      const isIt = ({ file_id }: JournalRow): boolean => {
        const row = files.get(file_id);
        return row !== undefined && row.parent_id === folder && row.name === name.normalize("NFC");
      };
      // What was purged meanwhile can be told no more, and need not be.
      const at = Math.max(0, left.findIndex(isIt));
      const [{ file_id, version_id }] = left.splice(at, 1) as [JournalRow];
      made.set(id, { id: file_id, version: version_id ?? "" });
    }
    expect(left).toEqual([]);
    return made;
  }

  #step(command: Sent["command"]): Step {
    const { model } = this;
    switch (command.op) {
      case "reserve_upload":
      case "stage": {
        const { upload_id, target, reserved_bytes } = command.upload;
        return () => model.reserve(upload_id, target === null ? null : placeOf(target), reserved_bytes);
      }
      case "release_upload":
        return () => model.release(command.upload_id);
      case "commit_upload":
        return () => model.commit(command.upload_id, command.content.size);
      case "commit_content":
        return () => model.commitContent(command.upload_id, placeOf(command.target), command.content.size);
      case "close_upload":
        return () => model.close(command.upload_id);
      case "create_from":
        return () => model.createFrom(command.source_file_id, placeOf(command.target));
      case "create_known":
        return () => model.createKnown(command.content.size, placeOf(command.target));
      case "copy_tree":
        return () => model.copyTree(command.file_id, command.parent_id, command.name);
      case "create_folder":
        return () => model.createFolder(command.parent_id, command.name, command.on_name_conflict === "rename");
      case "update":
        return () => model.update(command.file_id, { name: command.name, parent: command.parent_id });
      case "trash":
      case "untrash":
        return () => model[command.op as "trash"](command.file_id);
      case "purge":
        return () => {
          const at = this.#trashedAt.get(command.file_id) ?? 0;
          if (command.trashed_before !== undefined)
            expect(at, "V7").toBeLessThanOrEqual(this.#world.now - POLICY.trash_days * DAY);
          model.purge(command.file_id);
        };
      case "restore_version":
        return () => model.restoreVersion(command.file_id, command.version_id);
      case "purge_version":
        return () => model.purgeVersion(command.file_id, command.version_id);
      case "purge_versions":
        return () => this.#endVersions(command);
      default:
        throw new Error(`the model knows no ${command.op}`);
    }
  }

  #endVersions({ file_id, through }: Extract<Command, { op: "purge_versions" }>): void {
    const versions = this.model.nodes.get(file_id)?.versions ?? [];
    const ended = versions.slice(0, -1).filter((v) => v.number <= through);
    const bySweep = [...this.#sent.values()]
      .flat()
      .some(
        ({ sent, attempt }) =>
          attempt.step.op === "retain" && sent.command.op === "purge_versions" && sent.command.file_id === file_id,
      );
    const byHand = [...this.#sent.values()]
      .flat()
      .some(
        ({ sent, attempt }) =>
          attempt.step.op === "purge_history" &&
          sent.command.op === "purge_versions" &&
          sent.command.file_id === file_id,
      );
    if (bySweep && !byHand) for (const v of ended) expect(this.isKept(versions, v), "V6").toBe(false);
    this.model.purgeVersions(
      file_id,
      ended.map((v) => v.id),
    );
  }

  /** V6. */
  isKept(versions: readonly Version[], version: Version): boolean {
    const at = versions.indexOf(version);
    const next = versions[at + 1];
    if (next === undefined || versions.length - at <= POLICY.version_count) return true;
    return (this.#bornAt.get(next.id) as number) >= this.#world.now - POLICY.version_days * DAY;
  }

  /** What is in the trash for longer than V7 says. */
  get overdue(): string[] {
    const before = this.#world.now - POLICY.trash_days * DAY;
    return [...this.model.nodes]
      .filter(([id, n]) => n.trashed && (this.#trashedAt.get(id) ?? 0) <= before)
      .map(([id]) => id);
  }

  #checkAnswer(
    { step, op_id, answer, must_succeed, keyed }: Omit<Part, "bytes"> & Pick<Attempt, "step" | "keyed">,
    before: Set<string>,
    isClean: boolean,
  ): void {
    const entry = this.done.get(op_id);
    const about = { step, answer };
    if (isClean) expect(about.answer.said, "an answer, when nothing fails").not.toBe("nothing");
    if (isClean && must_succeed) expect(about).toMatchObject({ answer: { said: "ok" } });
    if (answer.said === "ok" && answer.file_id !== null)
      expect({ ...about, file_id: entry?.file_id }).toMatchObject({ file_id: answer.file_id });
    if (answer.said === "ok" && answer.version_id !== undefined)
      expect(answer.version_id, "U23").toBe(entry?.version_id);
    // What is sent again is always the same request.
    if (answer.said === "refused") expect(about).not.toMatchObject({ answer: { code: "idempotency_key_reused" } });
    if (answer.said === "refused" && !before.has(op_id))
      expect({ ...about, done: entry?.op ?? null }).toMatchObject({ done: null });
    if (keyed && entry !== undefined && answer.said === "ok" && answer.file_id !== null)
      expect(answer.file_id, "one key, one file").toBe(entry.file_id);
  }
}
