/** Any commands, in groups, over a store that fails anywhere: the drive stays what the model says. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { MemoryDrive } from "../../test/support/memory/drive.ts";
import { DriveModel, type Place, Refused } from "../../test/support/memory/drive-model.ts";
import { type Fault, FaultyStore } from "../../test/support/memory/faulty-store.ts";
import { nameKey } from "../files/names.ts";
import type { Command, Result } from "./commands.ts";

/** Indices point into what was made before the group, wrapped around; so most of them hit something. */
const pick = fc.nat({ max: 12 });
const name = fc.constantFrom("a", "A", "b", "c.txt", "C.TXT", "é", "e\u0301");
const size = fc.constantFrom(0, 1, 10, 60, 90);
/** What an update believes of the file's place: nothing, what the last group left, something else. */
const seen = fc.constantFrom("nothing", "before", "wrong");

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ op: fc.constant("folder" as const), at: pick, name, rename: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("rename" as const), at: pick, name, seen }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("move" as const), at: pick, to: pick, seen }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("trash" as const), at: pick }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("untrash" as const), at: pick }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("purge" as const), at: pick }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant("reserve" as const), at: pick, name, size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("reserve_version" as const), at: pick, size }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("commit" as const), upload: pick, size }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("release" as const), upload: pick }) },
  { weight: 6, arbitrary: fc.record({ op: fc.constant("content" as const), upload: pick, at: pick, name, size }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("close" as const), upload: pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("copy" as const), at: pick, to: pick }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant("restore" as const), at: pick, version: pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("purge_version" as const), at: pick, version: pick }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant("purge_versions" as const), version: pick }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const fault = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fault>("none") },
  { weight: 1, arbitrary: fc.constant<Fault>("fail") },
  { weight: 1, arbitrary: fc.constant<Fault>("lose") },
);

/** The command, and what the model says of it: a refusal is thrown, an answer takes the ids that were made. */
type Both = { command: Command; model: () => void | ((id: string, version: string) => void) };

interface Asked {
  both: Both;
  op_id: string;
  result: Result;
}

class Play {
  readonly drive = new MemoryDrive(150);
  readonly model = new DriveModel(this.drive.root, 150);
  readonly ids = [this.drive.root];
  /** Sessions of batches, which no command opens. */
  readonly batches = [1, 2, 3, 4].map(() => this.#begin());
  readonly uploads: string[] = [...this.batches];
  readonly versions: string[] = ["none"];

  #wrap = <T>(list: T[], at: number): T => list[at % list.length] as T;

  #begin(): string {
    const upload_id = this.drive.batch();
    this.model.uploads.set(upload_id, { state: "open", reserved: 0, at: null });
    return upload_id;
  }

  #seen(id: string, belief: string): { parent_id: string | null; name: string } | undefined {
    if (belief === "nothing") return undefined;
    const file = this.drive.store.state.files.get(id);
    if (belief === "wrong" || file === undefined) return { parent_id: this.drive.root, name: "b" };
    return { parent_id: file.parent_id, name: file.name };
  }

  both(s: Step): Both {
    const { model, drive } = this;
    const id = "at" in s ? this.#wrap(this.ids, s.at) : "";
    switch (s.op) {
      case "folder": {
        const on_name_conflict = s.rename ? "rename" : "fail";
        const command = { op: "create_folder", parent_id: id, name: s.name, on_name_conflict } as const;
        return { command, model: () => model.createFolder(id, s.name, s.rename) };
      }
      case "rename":
        return {
          command: { op: "update", file_id: id, name: s.name, seen: this.#seen(id, s.seen) },
          model: () => model.update(id, { name: s.name }),
        };
      case "move": {
        const parent = this.#wrap(this.ids, s.to);
        const command = { op: "update", file_id: id, parent_id: parent, seen: this.#seen(id, s.seen) } as const;
        return { command, model: () => model.update(id, { parent }) };
      }
      case "trash":
      case "untrash":
      case "purge":
        return { command: { op: s.op, file_id: id }, model: () => model[s.op](id) };
      case "reserve":
        return this.#reserve(drive.target(s.name, id), { parent: id, name: s.name }, s.size);
      case "reserve_version": {
        const target = {
          kind: "version",
          file_id: id,
          if_version_id: null,
          mime_type: null,
          modified_at: null,
        } as const;
        return this.#reserve(target, { file: id }, s.size);
      }
      case "commit": {
        const upload_id = this.#wrap(this.uploads, s.upload);
        const at = model.uploads.get(upload_id)?.at;
        const command = {
          op: "commit_upload",
          upload_id,
          target: this.#target(at),
          content: drive.content(s.size),
        } as const;
        return { command, model: () => model.commit(upload_id, s.size) };
      }
      case "content": {
        // Mostly a batch: a session of a file takes no content.
        const upload_id = s.upload < 10 ? this.#wrap(this.batches, s.upload) : this.#wrap(this.uploads, s.upload);
        const at = model.nodes.get(id)?.folder === false ? { file: id } : { parent: id, name: s.name };
        const target = this.#target(at);
        const command = { op: "commit_content", upload_id, target, content: drive.content(s.size) } as const;
        return { command, model: () => model.commitContent(upload_id, at, s.size) };
      }
      case "close": {
        const upload_id = this.#wrap(this.uploads, s.upload);
        return { command: { op: "close_upload", upload_id }, model: () => model.close(upload_id) };
      }
      case "release": {
        const upload_id = this.#wrap(this.uploads, s.upload);
        return { command: { op: "release_upload", upload_id }, model: () => model.release(upload_id) };
      }
      case "copy": {
        const parent = this.#wrap(this.ids, s.to);
        const as = model.nodes.get(id)?.name ?? "x";
        const target = { ...drive.target(as, parent), on_name_conflict: "rename" as const };
        return {
          command: { op: "create_from", source_file_id: id, target },
          model: () => model.createFrom(id, { parent, name: as, conflict: "rename" }),
        };
      }
      case "restore": {
        const version_id = this.#wrap(this.versions, s.version);
        const command = { op: "restore_version", file_id: id, version_id } as const;
        return { command, model: () => model.restoreVersion(id, version_id) };
      }
      case "purge_version": {
        const version_id = this.#wrap(this.versions, s.version);
        const command = { op: "purge_version", file_id: id, version_id } as const;
        return { command, model: () => model.purgeVersion(id, version_id) };
      }
      case "purge_versions": {
        // All of its file up to one that is there, as the sweep and the route ask for it.
        const version_id = this.#wrap(this.versions, s.version);
        const all = [...drive.store.state.versions.values()];
        const { file_id, version_number: through } = all.find((v) => v.version_id === version_id) ?? {
          file_id: id,
          version_number: 0,
        };
        const ended = all.filter((v) => v.file_id === file_id && v.version_number <= through).map((v) => v.version_id);
        const command = { op: "purge_versions", file_id, through } as const;
        return { command, model: () => model.purgeVersions(file_id, ended) };
      }
    }
  }

  #target(at: Place | null | undefined) {
    if (at === undefined || at === null) return this.drive.target("x");
    if ("parent" in at) return this.drive.target(at.name, at.parent);
    return { kind: "version", file_id: at.file, if_version_id: null, mime_type: null, modified_at: null } as const;
  }

  #reserve(target: Extract<Command, { op: "reserve_upload" }>["upload"]["target"], at: Place, bytes: number): Both {
    const upload = this.drive.upload(target, bytes);
    return { command: { op: "reserve_upload", upload }, model: () => this.model.reserve(upload.upload_id, at, bytes) };
  }

  /** Whether a command whose answer was lost was committed: only the store knows. */
  #isDone({ command }: Both, op_id: string): boolean {
    const { journal, uploads } = this.drive.store.state;
    if (command.op === "reserve_upload") return uploads.has(command.upload.upload_id);
    if (command.op === "release_upload") return uploads.get(command.upload_id)?.state === "aborted";
    if (command.op === "close_upload") return (uploads.get(command.upload_id)?.state ?? "open") !== "open";
    return journal.some((entry) => entry.op_id === op_id);
  }

  /** With a store that answers, the model moves command by command, and says the same of each. */
  settleInOrder(asked: Asked[]): void {
    for (const { both, op_id, result } of asked) {
      let done: ReturnType<Both["model"]>;
      try {
        done = both.model();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        const said = result.ok ? "ok" : result.failure.code;
        expect({ command: both.command, said }).toEqual({ command: both.command, said: error.code });
        continue;
      }
      expect({ command: both.command, result }).toMatchObject({ result: { ok: true } });
      this.#made(both, op_id, done);
    }
  }

  /**
   * A command that was tried again may have come after later ones: what was committed is taken in the journal's order.
   * What was answered as done is done; what was refused is not; of what was lost, only the store knows.
   */
  settleAfterFaults(asked: Asked[]): void {
    const { journal } = this.drive.store.state;
    const seqOf = ({ op_id }: Asked): number => journal.find((entry) => entry.op_id === op_id)?.seq ?? 0;
    for (const one of asked) {
      const isDone = this.#isDone(one.both, one.op_id);
      // Where nothing is left to end, there is nothing to find again.
      if (one.both.command.op === "purge_versions") continue;
      if (one.result.ok) expect(isDone).toBe(true);
      else if (one.result.failure.code !== "unavailable" && one.both.command.op !== "release_upload")
        expect(isDone).toBe(false);
    }
    this.model.hasSpace = true;
    const done = asked.filter(({ both, op_id }) => this.#isDone(both, op_id));
    const rank = { reserve_upload: 0, release_upload: 2, close_upload: 3 } as Record<string, number>;
    const orderOf = (one: Asked): number => (rank[one.both.command.op] ?? 1) * 1e6 + seqOf(one);
    for (const { both, op_id } of done.toSorted((a, b) => orderOf(a) - orderOf(b)))
      this.#made(both, op_id, both.model());
    this.model.hasSpace = false;
  }

  #made({ command }: Both, op_id: string, done: ReturnType<Both["model"]>): void {
    if (command.op === "reserve_upload") this.uploads.push(command.upload.upload_id);
    const entry = this.drive.store.state.journal.find((e) => e.op_id === op_id);
    if (done === undefined || entry === undefined) return;
    // The journal names the version that was made; a repeat's answer has the newest.
    done(entry.file_id, entry.version_id ?? "");
    if (!this.ids.includes(entry.file_id)) this.ids.push(entry.file_id);
    if (entry.version_id !== null) this.versions.push(entry.version_id);
  }

  check(): void {
    const { model, drive } = this;
    const { files, versions, contents, journal, drive: row } = drive.store.state;
    const stored = [...files.values()].map((f) => [
      f.file_id,
      f.parent_id,
      f.name,
      f.is_folder,
      f.trashed_at !== null,
      f.size,
      f.version_count,
    ]);
    const wanted = [...model.nodes].map(([id, n]) => [
      id,
      n.parent,
      n.name.normalize("NFC"),
      n.folder,
      n.trashed,
      n.versions.at(-1)?.size ?? 0,
      n.versions.length,
    ]);
    const byId = (a: unknown[], b: unknown[]): number => String(a[0]).localeCompare(String(b[0]));
    expect(stored.toSorted(byId)).toEqual(wanted.toSorted(byId));

    const living = [...files.values()].filter((f) => f.trashed_at === null).map((f) => `${f.parent_id}/${f.name_key}`);
    expect(new Set(living).size, "names are unique in a folder").toBe(living.length);
    for (const f of files.values()) expect(f.name_key).toBe(nameKey(f.name));

    expect({ used: row.used_bytes, reserved: row.reserved_bytes }).toEqual({
      used: model.used,
      reserved: model.reserved,
    });
    expect(row.used_bytes + row.reserved_bytes).toBeLessThanOrEqual(row.limit_bytes);
    expect(journal.map((e) => e.seq)).toEqual(journal.map((_, i) => i + 1));
    expect([row.seq, journal.length]).toEqual([model.changes, model.changes]);

    const wantedVersions = [...model.nodes.values()].flatMap((n) => n.versions.map((v) => v.id));
    expect([...versions.values()].map((v) => v.version_id).toSorted()).toEqual(wantedVersions.toSorted());
    for (const v of versions.values()) expect(contents.has(v.content_id)).toBe(true);
    for (const e of drive.announced) expect(journal).toContainEqual(e);
  }
}

/** Commands that arrive together, and what the store does meanwhile. */
const group = fc.record({
  steps: fc.array(step, { minLength: 1, maxLength: 6 }),
  faults: fc.array(fault, { maxLength: 8 }),
});

it("H1 to H8: tree, names, versions, quota and journal are the model's, whatever is asked and whatever fails", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(group, { minLength: 1, maxLength: 12 }), async (groups) => {
      const play = new Play();
      for (const { steps, faults } of groups) {
        const waiting = [...faults];
        const hub = play.drive.hub(new FaultyStore(play.drive.store, () => waiting.shift() ?? "none"));
        play.drive.now += 1;
        const asked = steps.map((s) => play.both(s));
        const op_ids = asked.map(() => crypto.randomUUID());
        const results = await Promise.all(asked.map(({ command }, i) => play.drive.submit(hub, command, op_ids[i])));
        const answered = asked.map((both, i) => ({ both, op_id: op_ids[i] as string, result: results[i] as Result }));
        if (play.drive.reported.length === 0) play.settleInOrder(answered);
        else play.settleAfterFaults(answered);
        play.drive.reported.length = 0;
        play.check();
      }
    }),
    { numRuns: 500 },
  );
}, 60_000);
