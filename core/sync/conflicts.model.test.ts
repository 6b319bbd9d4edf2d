/**
 * Devices that know of each other only now and then, over the hub. Command by command: nothing is lost that the command
 * did not know of. And in groups: the outcome is that of the order alone (CF13).
 */
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryDrive } from "../../test/support/memory/drive.ts";
import { type Fault, FaultyStore } from "../../test/support/memory/faulty-store.ts";
import type { FileRow, Vector } from "../files/model.ts";
import type { UploadTarget } from "../uploads/model.ts";
import type { Actor, Command, Outcome, Result, Submission } from "./commands.ts";
import { hasSeen } from "./conflicts.ts";
import type { Hub } from "./hub.ts";
import { madeBy } from "./commands.ts";

const DEVICES = ["Laptop", "Phone", "Desk"].map((device_name, i) => ({
  device_id: `d${i}`,
  device_name,
}));

const who = fc.nat({ max: 2 });
const pick = fc.nat({ max: 15 });
const name = fc.constantFrom("a.txt", "A.txt", "b", "c");
/** Few, so that two devices write the same now and then. */
const text = fc.nat({ max: 5 }).map((n) => "x".repeat(n));

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("look" as const), who }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("edit" as const), who, at: pick, text }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("put" as const), who, at: pick, name, text }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("mkdir" as const), who, at: pick, name }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("move" as const), who, at: pick, to: pick }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("rename" as const), who, at: pick, name }) },
  { weight: 5, arbitrary: fc.record({ op: fc.constant("trash" as const), who, at: pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("untrash" as const), who, at: pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("policy" as const), who, at: pick, last: fc.boolean() }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Sent {
  actor: Actor;
  command: Command;
  op_id: string;
  status: string;
}

type Files = ReadonlyMap<string, FileRow>;

/** What a device believes the drive to be. */
interface View {
  files: Map<string, FileRow>;
  seq: number;
}

const wrap = <T>(list: readonly T[], at: number): T | undefined => list[at % Math.max(1, list.length)];
const chainOf = (files: Files, file: FileRow): FileRow[] => {
  const above = files.get(file.parent_id ?? "");
  return [file, ...(above === undefined ? [] : chainOf(files, above))];
};
const lives = (files: Files, file: FileRow): boolean => chainOf(files, file).every((f) => f.trashed_at === null);
const baseOf = (command: Command): Vector =>
  ("target" in command ? command.target.base : undefined) ?? ("base" in command ? command.base : undefined) ?? {};
const byteCount = (files: Files): number => [...files.values()].reduce((sum, f) => sum + f.size, 0);

class Play {
  readonly drive = new MemoryDrive(1_000_000);
  readonly hub: Hub = this.drive.hub();
  readonly sent: Sent[] = [];
  readonly views: View[] = DEVICES.map(() => this.#look());

  #look(): View {
    const { files, drive } = this.drive.store.state;
    return { files: new Map(files), seq: drive.seq };
  }

  #commit(target: UploadTarget, bytes: string): Command {
    const content = { ...this.drive.content(bytes.length), content_hash: `hash of ${bytes}`, integrity: "ok" as const };
    return { op: "commit_content", upload_id: this.drive.batch(), target, content };
  }

  /** A change that the device makes to what it believes; nothing where it knows of nothing to change. */
  #command(s: Exclude<Step, { op: "look" }>): Command | null {
    const view = this.views[s.who] as View;
    const living = [...view.files.values()].filter((f) => f.parent_id !== null && lives(view.files, f));
    const folders = [...view.files.values()].filter((f) => f.is_folder && lives(view.files, f));
    const into = (at: number): string => wrap(folders, at)?.file_id ?? this.drive.root;
    const rest = { mime_type: null, modified_at: null };
    switch (s.op) {
      case "put": {
        const target = { kind: "file", parent_id: into(s.at), name: s.name, on_name_conflict: "fail" } as const;
        return this.#commit({ ...target, base: {}, ...rest }, s.text);
      }
      case "mkdir":
        return { op: "create_folder", parent_id: into(s.at), name: s.name, on_name_conflict: "fail", base: {} };
      case "edit": {
        const files = living.filter((f) => !f.is_folder);
        const file = wrap(files, s.at);
        if (file === undefined) return null;
        const { file_id, vector: base } = file;
        return this.#commit({ kind: "version", file_id, if_version_id: null, base, ...rest }, s.text);
      }
      case "policy": {
        const conflict_policy = s.last ? "last_writer_wins" : null;
        return { op: "update", file_id: into(s.at), conflict_policy };
      }
      case "untrash": {
        const file = wrap(
          [...view.files.values()].filter((f) => f.trashed_at !== null),
          s.at,
        );
        return file === undefined ? null : { op: "untrash", file_id: file.file_id, base: file.vector };
      }
      default: {
        const file = wrap(living, s.at);
        if (file === undefined) return null;
        const { file_id, vector: base } = file;
        if (s.op === "trash") return { op: "trash", file_id, base, seen: view.seq };
        if (s.op === "rename") return { op: "update", file_id, name: s.name, base };
        return { op: "update", file_id, parent_id: into(s.to), base };
      }
    }
  }

  async take(s: Step): Promise<void> {
    if (s.op === "look") {
      this.views[s.who] = this.#look();
      return;
    }
    const command = this.#command(s);
    if (command === null) return;
    const actor: Actor = { user_id: this.drive.root, ...(DEVICES[s.who] as (typeof DEVICES)[number]) };
    const op_id = `op ${this.sent.length}`;
    const before = this.drive.store.state;
    const result = await this.hub.submit({ command, actor, op_id });
    const after = this.drive.store.state;
    this.sent.push({ actor, command, op_id, status: statusOf(result) });
    expect(this.drive.reported).toEqual([]);
    this.#checkOrder();
    if (!result.ok) {
      expect(["cannot_move_into_itself", "trashed", "not_trashed"]).toContain(result.failure.code);
      expect(after.files).toEqual(before.files);
      return;
    }
    this.#check(command, actor, before, result.outcome);
    await this.#checkRepeat(command, actor, op_id, result.outcome);
    // What was answered is known; the rest of the drive is not.
    const view = this.views[s.who] as View;
    for (const file of [result.outcome.file, result.outcome.copy])
      if (file !== null) for (const f of chainOf(after.files, file)) view.files.set(f.file_id, f);
  }

  #checkOrder(): void {
    const { journal, drive, files } = this.drive.store.state;
    expect(journal.map((e) => e.seq)).toEqual(journal.map((_, i) => i + 1));
    expect(drive.seq).toBe(journal.length);
    expect(drive.used_bytes).toBe(byteCount(files));
    for (const file of files.values()) {
      expect(chainOf(files, file).at(-1)?.file_id, "all hang from the root").toBe(this.drive.root);
      const labels = file.name.match(/\((Laptop|Phone|Desk)\)/gu) ?? [];
      expect(labels.length, "CF10").toBeLessThanOrEqual(1);
    }
  }

  #check(command: Command, actor: Actor, before: MemoryDrive["store"]["state"], outcome: Outcome): void {
    const { files, journal } = this.drive.store.state;
    const base = baseOf(command);
    const last = journal.at(-1);
    if ("content" in command) {
      const made = files.get(madeBy(outcome)?.file_id ?? "") as FileRow;
      expect([made.content_hash, lives(files, made)], "what was sent is there").toEqual([
        command.content.content_hash,
        true,
      ]);
    }
    for (const was of before.files.values()) {
      const is = files.get(was.file_id) as FileRow;
      expect(is, "nothing is gone").toBeDefined();
      for (const [device, counter] of Object.entries(was.vector))
        expect(is.vector[device], "vectors grow").toBeGreaterThanOrEqual(counter);
      if (is.version_id !== was.version_id) {
        const copies = [...files.values()].filter((f) => f.conflict_of === was.file_id && !before.files.has(f.file_id));
        const isKept = copies.some((f) => f.trashed_at !== null && f.content_hash === was.content_hash);
        const isKnown = hasSeen(base, was.content_dot) || !lives(before.files, was) || isKept;
        expect(isKnown, "what took its place knew of it").toBe(true);
        expect(hasSeen(was.vector, is.content_dot), "CF1: a dot is new").toBe(false);
      }
      if (is.parent_id !== was.parent_id || is.name !== was.name || is.trashed_at !== was.trashed_at)
        expect(hasSeen(was.vector, is.place_dot), "CF1: a dot is new").toBe(false);
      if (lives(before.files, was) && !lives(files, is)) this.#checkGone(command, actor, was, before);
    }
    // Some entry of the command is the last, and everybody is told by it.
    expect(last?.seq).toBeGreaterThan(before.drive.seq);
    if (outcome.status === "conflict")
      expect(journal.slice(before.drive.seq).some((e) => e.conflict_of !== null || e.op === "kept")).toBe(true);
  }

  /** CF4, CF6: what is gone was known to who deleted it, or came by themselves. */
  #checkGone(command: Command, actor: Actor, was: FileRow, before: MemoryDrive["store"]["state"]): void {
    expect(command.op).toBe("trash");
    if (command.op !== "trash") return;
    const named = before.files.get(command.file_id) as FileRow;
    const base = command.base ?? {};
    expect([hasSeen(base, named.content_dot), hasSeen(base, named.place_dot)]).toEqual([true, true]);
    if (was === named) return;
    const told = new Set(["created", "modified", "updated", "untrashed"]);
    const news = before.journal.filter(
      (e) => e.file_id === was.file_id && e.seq > (command.seen ?? 0) && told.has(e.op),
    );
    expect(
      news.filter((e) => e.device_id !== actor.device_id),
      "CF6",
    ).toEqual([]);
  }

  async #checkRepeat(command: Command, actor: Actor, op_id: string, first: Outcome): Promise<void> {
    const before = this.drive.store.state;
    const again = await this.hub.submit({ command, actor, op_id });
    expect(again).toEqual({ ok: true, outcome: { ...first, upload: null, replayed: true } });
    expect(this.drive.store.state.journal).toHaveLength(before.journal.length);
  }
}

const statusOf = (result: Result): string => (result.ok ? result.outcome.status : result.failure.code);

/** The same commands in groups, on a drive of its own; ids are told apart by the journal's order. */
async function inGroups(play: Play, sizes: readonly number[], faults: readonly Fault[]): Promise<void> {
  const drive = new MemoryDrive(1_000_000);
  const ids = new Map([[play.drive.root, drive.root]]);
  const mapped = (id: string | null): string | null => (id === null ? null : (ids.get(id) ?? `unknown ${id}`));
  const learn = (): void => {
    const { journal } = play.drive.store.state;
    for (const [i, entry] of drive.store.state.journal.entries())
      ids.set((journal[i] as typeof entry).file_id, entry.file_id);
  };
  const translate = (command: Command): Command | null => {
    const names = (id: string): boolean => ids.has(id);
    if (command.op === "commit_content") {
      const { target } = command;
      const id = target.kind === "file" ? target.parent_id : target.file_id;
      if (!names(id)) return null;
      const to =
        target.kind === "file"
          ? { ...target, parent_id: mapped(id) as string }
          : { ...target, file_id: mapped(id) as string };
      return { ...command, upload_id: drive.batch(), target: to };
    }
    const own = command as { file_id?: string; parent_id?: string };
    if ([own.file_id, own.parent_id].some((id) => id !== undefined && !names(id))) return null;
    return {
      ...command,
      ...(own.file_id === undefined ? {} : { file_id: mapped(own.file_id) }),
      ...(own.parent_id === undefined ? {} : { parent_id: mapped(own.parent_id) }),
    } as Command;
  };
  const waiting = [...play.sent];
  for (let turn = 0; waiting.length > 0; turn++) {
    const asked: Sent[] = [];
    const group: Submission[] = [];
    const size = sizes[turn % sizes.length] as number;
    while (group.length < size && waiting.length > 0) {
      const next = waiting[0] as Sent;
      const command = translate(next.command);
      if (command === null) break;
      waiting.shift();
      asked.push(next);
      group.push({ command, actor: { ...next.actor, user_id: drive.root }, op_id: next.op_id });
    }
    expect(group.length).toBeGreaterThan(0);
    // What was refused is no change: after a lost answer it is asked anew, and later in the order (H4).
    const isRefused = asked.some(({ status }) => status !== "applied" && status !== "conflict");
    let fault = isRefused ? "none" : (faults[turn % Math.max(1, faults.length)] ?? "none");
    const once = (call: "load" | "commit"): Fault => {
      if (call === "load") return "none";
      const now = fault;
      fault = "none";
      return now;
    };
    const results = await drive.hub(new FaultyStore(drive.store, once)).submitAll(group);
    expect(results.map(statusOf)).toEqual(asked.map(({ status }) => status));
    const failed = drive.reported.map(String).filter((error) => !error.includes("injected"));
    expect(failed, "a group is planned with all that it needs").toEqual([]);
    learn();
  }
  const [one, other] = [play.drive.store.state, drive.store.state];
  const told = ({ op, file_id, device_id, conflict_of }: (typeof one.journal)[number]) => ({
    op,
    file_id,
    device_id,
    conflict_of,
  });
  expect(other.journal.map(told)).toEqual(
    one.journal.map((e) => ({ ...told(e), file_id: mapped(e.file_id), conflict_of: mapped(e.conflict_of) })),
  );
  const plain = ({ content_id: _, version_id: __, drive_id: ___, created_by: ____, ...file }: FileRow) => file;
  const byId = (a: { file_id: string }, b: { file_id: string }): number => (a.file_id < b.file_id ? -1 : 1);
  const wanted = [...one.files.values()].map((f) => ({
    ...plain(f),
    file_id: mapped(f.file_id) as string,
    parent_id: mapped(f.parent_id),
    conflict_of: mapped(f.conflict_of),
  }));
  expect([...other.files.values()].map(plain).toSorted(byId)).toEqual(wanted.toSorted(byId));
}

it("CF1 to CF13: nothing is lost that who changed it did not know of, and groups change nothing", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 60, size: "max" }),
      fc.array(fc.integer({ min: 1, max: 8 }), { minLength: 1, maxLength: 5 }),
      fc.array(fc.constantFrom<Fault>("none", "none", "lose", "fail"), { maxLength: 4 }),
      async (steps, sizes, faults) => {
        const play = new Play();
        for (const s of steps) await play.take(s);
        await inGroups(play, sizes, faults);
      },
    ),
    { numRuns: Number(process.env["MODEL_RUNS"] ?? 400) },
  );
}, 120_000);
