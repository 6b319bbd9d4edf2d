/** People, their devices and the server under one seed; what must hold in the end. Issue: docs/spec/sync-client.md, SIM. */
import type { Command } from "../../core/sync/commands.ts";
import { PRIVATE } from "../../client/sync/ports.ts";
import { RECOVERED } from "../../client/sync/receive.ts";
import { Device, type Faults } from "./device.ts";
import { Seeded } from "./random.ts";
import { hashOf, SimServer } from "./server.ts";
import type { Schedule, Step } from "./steps.ts";

export class Broken extends Error {}

const NAMES = ["a", "b", "c", "d.txt", "A", "\u00e9", "e\u0301", "con", "x:y"];
const DEPTH_MAX = 3;
const ITEMS_MAX = 14;
/** Rounds of all devices in which the world must come to rest, when nothing disturbs it any more. */
const ROUNDS_MAX = 30;

const isOurs = (path: string): boolean =>
  path === PRIVATE || path.startsWith(`${PRIVATE}/`) || path === RECOVERED || path.startsWith(`${RECOVERED}/`);

export class World {
  readonly server = new SimServer();
  readonly devices: Device[] = [];
  readonly users: string[] = [];
  readonly log: string[] = [];
  /** Contents that somebody saved and did not destroy themselves before anybody else had them. */
  readonly owed = new Map<string, string>();
  /** Contents that nobody has overwritten or deleted, seeing them: they must not only be kept, but lie where people look. */
  readonly wanted = new Set<string>();
  #contents = 0;

  constructor(seed: number) {
    const random = new Seeded(seed ^ 0x5eed);
    this.users.push(this.server.addUser(), this.server.addUser());
    const habits = [
      {},
      { ignores_case: true },
      { decomposes: true, ignores_case: true },
      { ignores_case: true, refuses_windows_names: true, time_grain_ms: 100 },
      { has_identities: false, time_grain_ms: 2_000 },
    ];
    const count = 2 + random.below(2);
    for (let i = 0; i < count; i++) {
      const user_id = this.users[i === count - 1 && random.chance(0.6) ? 1 : 0]!;
      this.devices.push(new Device(this.server, user_id, `D${i + 1}`, random.chance(0.5) ? {} : random.of(habits)));
    }
    if (random.chance(0.2)) this.server.kept = 12;
  }

  // --- Steps ------------------------------------------------------------------------------------------------------

  async step({ name, seed }: Step): Promise<void> {
    const random = new Seeded(seed);
    const device = random.of(this.devices);
    this.server.now += random.below(1_000);
    device.wall += random.below(1_000);
    device.steady += random.below(5_000);
    switch (name) {
      case "sync":
        return this.#sync(device, random, null);
      case "crash":
        return this.#sync(device, random, 1 + random.below(60));
      case "late":
        return this.#deliver(device);
      case "web":
        return this.#web(random);
      case "share":
        return this.#share(random);
      case "trouble":
        return this.#trouble(device, random);
      case "clock":
        device.wall += random.below(200_000) - 100_000;
        return;
      default:
        this.act(device, name, random);
    }
  }

  /** What a person does with the files of a device. */
  act(device: Device, name: Step["name"], random: Seeded): void {
    const { disk } = device;
    const all = [...disk.all()].filter(([path]) => !isOurs(path));
    const folders = ["", ...all.filter(([, bytes]) => bytes === null).map(([path]) => path)].filter(
      (path) => path.split("/").length < DEPTH_MAX,
    );
    const files = all.filter(([, bytes]) => bytes !== null).map(([path]) => path);
    const place = (): string => {
      const folder = random.of(folders);
      return folder === "" ? random.of(NAMES) : `${folder}/${random.of(NAMES)}`;
    };
    const free = (path: string): boolean => !disk.exists(path) && disk.refusal_of(path.split("/").at(-1)!) === null;
    const target = place();
    switch (name) {
      case "save":
      case "replace": {
        const path = files.length > 0 && random.chance(0.5) ? random.of(files) : target;
        if (disk.bytesOf(path) === null && (all.length >= ITEMS_MAX || !free(path))) return;
        this.#destroy(device, path);
        const text = random.chance(0.1) ? "same" : `text ${(this.#contents += 1)}`;
        const bytes = new TextEncoder().encode(random.chance(0.03) ? "" : text);
        if (disk.used() + bytes.length > disk.habits.capacity_bytes) return;
        if (name === "save" || !disk.exists(path)) disk.save(path, bytes);
        else disk.replace(path, bytes);
        if (text !== "same") this.wanted.add(hashOf(bytes));
        if (bytes.length > 0) this.owed.set(hashOf(bytes), `${device.caller.device_name}:${path}`);
        return this.#did(device, `${name} ${path} = ${text}`, path);
      }
      case "folder":
        if (all.length >= ITEMS_MAX || !free(target)) return;
        disk.folder(target);
        return this.#did(device, `folder ${target}`, target);
      case "rename": {
        if (all.length === 0) return;
        const [from] = random.of(all);
        if (`${target}/`.startsWith(`${from}/`) || disk.refusal_of(target.split("/").at(-1)!) !== null) return;
        if (disk.exists(target)) {
          if (disk.isFolder(target) || disk.isFolder(from) || disk.bytesOf(target) === null) return;
          if (disk.key_of(target) === disk.key_of(from)) return;
          this.#destroy(device, target);
          disk.remove(target);
        }
        disk.rename(from, target);
        device.changed.push(from);
        return this.#did(device, `rename ${from} -> ${target}`, target);
      }
      case "remove": {
        if (all.length === 0) return;
        const [path] = random.of(all);
        for (const [below] of all) if (below === path || below.startsWith(`${path}/`)) this.#destroy(device, below);
        disk.remove(path);
        return this.#did(device, `remove ${path}`, path);
      }
      case "link":
        if (all.length >= ITEMS_MAX || !free(target)) return;
        disk.link(target);
        return this.#did(device, `link ${target}`, target);
    }
  }

  #did(device: Device, what: string, path: string): void {
    device.changed.push(path);
    this.log.push(`${device.caller.device_name}: ${what}`);
  }

  /** A person overwrites or removes what was theirs alone: nobody owes them that any more. */
  #destroy(device: Device, path: string): void {
    const bytes = device.disk.bytesOf(path);
    if (bytes === null) return;
    const text = hashOf(bytes);
    this.wanted.delete(text);
    const elsewhere = this.devices.some((other) =>
      [...other.disk.all()].some(
        ([at, own]) =>
          !at.startsWith(PRIVATE) &&
          own !== null &&
          hashOf(own) === text &&
          !(other === device && other.disk.key_of(at) === other.disk.key_of(path)),
      ),
    );
    if (!elsewhere && !this.server.reachable().has(text)) this.owed.delete(text);
  }

  async #sync(device: Device, random: Seeded, crashAfter: number | null): Promise<void> {
    const paths = device.changed;
    device.changed = [];
    const isWatched = random.chance(0.7);
    const faults: Faults = {
      random,
      network: random.chance(0.4) ? 0.1 : 0,
      meanwhile: random.chance(0.5) ? 0.03 : 0,
      crashAfter,
      interrupt: async (device) => this.#interrupt(device, random),
    };
    this.log.push(`${device.caller.device_name}: sync${crashAfter === null ? "" : ` crashing after ${crashAfter}`}`);
    const outcome = await device.sync(faults, isWatched ? paths : null);
    this.log.push(`${device.caller.device_name}: -> ${outcome?.state ?? "crashed"}`);
  }

  async #interrupt(device: Device, random: Seeded): Promise<void> {
    if (random.chance(0.7))
      this.act(device, random.of(["save", "replace", "rename", "remove", "folder"] as const), random);
    else {
      const others = this.devices.filter((other) => other !== device && other.faults === null);
      if (others.length > 0) await random.of(others).sync(null, null);
    }
  }

  /** What its device meant then, it means still: also for what it has put there itself since. */
  async #deliver(device: Device): Promise<void> {
    const late = device.late.shift();
    for (const file_id of late?.trashes ?? []) {
      const row = this.server.row(file_id);
      if (row !== undefined) for (const text of this.server.below(row)) this.wanted.delete(text);
    }
    await late?.request().catch(() => undefined);
  }

  async #web(random: Seeded): Promise<void> {
    const user_id = random.of(this.users);
    const rows = [...this.server.drives.get(user_id)!.store.state.files.values()].filter(
      (row) => row.parent_id !== null,
    );
    if (rows.length === 0) return;
    const row = random.of(rows);
    const folders = rows.filter((other) => other.is_folder && this.server.isLiving(other));
    const { file_id } = row;
    const commands: Command[] =
      row.trashed_at === null
        ? [
            { op: "trash", file_id },
            { op: "update", file_id, name: random.of(NAMES.slice(0, 8)).normalize("NFC") },
            { op: "update", file_id, parent_id: folders.length > 0 ? random.of(folders).file_id : user_id },
          ]
        : [{ op: "untrash", file_id }];
    const command = random.of(commands);
    if (command.op === "trash") for (const text of this.server.below(row)) this.wanted.delete(text);
    const result = await this.server.web(user_id, command);
    this.log.push(
      `web: ${command.op} ${row.name} ${JSON.stringify(command)} ${result.ok ? "done" : result.failure.code}`,
    );
  }

  #share(random: Seeded): Promise<void> {
    const [owner, other] = this.users as [string, string];
    const all = [...this.server.grants.keys()];
    if (all.length > 0 && random.chance(0.5)) {
      const key = random.of(all);
      const { user_id, file_id, permission } = this.server.grants.get(key)!;
      const next = random.chance(0.5) ? null : permission === "edit" ? "view" : "edit";
      this.server.share(user_id, file_id, next);
      this.log.push(`share: changed ${key}`);
      return Promise.resolve();
    }
    const rows = [...this.server.drives.get(owner)!.store.state.files.values()].filter(
      (row) => row.parent_id !== null && this.server.isLiving(row),
    );
    if (rows.length === 0 || all.length > 1) return Promise.resolve();
    const row = random.of(rows);
    const permission = random.chance(0.7) ? ("edit" as const) : ("view" as const);
    this.server.share(other, row.file_id, permission);
    this.log.push(`share: ${row.name} as ${permission}`);
    return Promise.resolve();
  }

  #trouble(device: Device, random: Seeded): Promise<void> {
    const { disk } = device;
    if (random.chance(0.5)) {
      const isFull = disk.habits.capacity_bytes < Infinity;
      disk.habits.capacity_bytes = isFull ? Infinity : disk.used() + random.below(12);
    } else {
      const folders = [...disk.all()].filter(([path, bytes]) => bytes === null && !isOurs(path)).map(([path]) => path);
      if (folders.length > 0) disk.protect(random.of(folders), random.chance(0.5));
    }
    return Promise.resolve();
  }

  // --- The end ----------------------------------------------------------------------------------------------------

  async play({ steps }: Schedule): Promise<void> {
    for (const step of steps) await this.step(step);
    await this.settle();
    this.check();
  }

  /** Nothing disturbs any more: the world comes to rest. */
  async settle(): Promise<void> {
    for (const device of this.devices) {
      device.disk.habits.capacity_bytes = Infinity;
      for (const path of ["", ...device.disk.all().keys()]) device.disk.protect(path, false);
      while (device.late.length > 0) await this.#deliver(device);
    }
    let before = "";
    for (let round = 0; round < ROUNDS_MAX; round++) {
      for (const device of this.devices) {
        device.steady += 3_600_000;
        device.wall += 1_000;
        const outcome = await device.sync(null, null);
        if (outcome === null || outcome.state === "offline" || outcome.state === "stopped")
          throw new Broken(`${device.caller.device_name} ends as ${JSON.stringify(outcome)}`);
      }
      const now = this.#picture();
      if (now === before) return;
      before = now;
    }
    throw new Broken("no end");
  }

  #picture(): string {
    const seqs = [...this.server.drives.values()].map(({ store }) => store.state.drive.seq);
    const disks = this.devices.map(({ disk }) =>
      [...disk.all()].map(([path, bytes]) => [path, bytes && hashOf(bytes)]),
    );
    return JSON.stringify([seqs, disks]);
  }

  check(): void {
    this.#checkJournals();
    for (const device of this.devices) this.#checkTree(device);
    this.#checkContents();
  }

  /** J1: no gap, no fork. */
  #checkJournals(): void {
    for (const { store } of this.server.drives.values()) {
      const { journal, drive } = store.state;
      for (const [i, { seq }] of journal.entries())
        if (seq !== i + 1) throw new Broken(`the journal has ${seq} in place ${i + 1}`);
      if (drive.seq !== journal.length) throw new Broken(`a journal of ${journal.length} ends at ${drive.seq}`);
      if (new Set(journal.map(({ op_id }) => op_id)).size !== journal.length) throw new Broken("an op_id stands twice");
    }
    if (this.server.failures.length > 0) throw new Broken(`the hub reported ${String(this.server.failures[0])}`);
  }

  /** PL7: the disk has what the person sees, but for what was reported. */
  #checkTree({ disk, caller, problems }: Device): void {
    const there = this.server.tree(caller.user_id);
    const here = new Map(
      [...disk.all()]
        .filter(([path]) => !isOurs(path))
        .map(([path, bytes]) => [path.normalize("NFC"), bytes === null ? null : hashOf(bytes)]),
    );
    const excused = problems.flatMap(({ path, file_id }) => {
      const elsewhere = file_id === null ? null : this.server.path(caller.user_id, file_id);
      return [path.normalize("NFC"), ...(elsewhere === null ? [] : [elsewhere])];
    });
    const isExcused = (path: string): boolean => {
      const key = disk.key_of(path);
      return excused.some((one) => key === disk.key_of(one) || key.startsWith(`${disk.key_of(one)}/`));
    };
    const wrong: string[] = [];
    for (const [path, hash] of there)
      if (!isExcused(path) && here.get(path) !== hash) wrong.push(`there ${path} ${hash}, here ${here.get(path)}`);
    const holdsExcused = (path: string): boolean =>
      excused.some((one) => disk.key_of(one).startsWith(`${disk.key_of(path)}/`));
    for (const path of here.keys())
      if (!isExcused(path) && !there.has(path) && !holdsExcused(path)) wrong.push(`here only ${path}`);
    if (wrong.length > 0)
      throw new Broken(`${caller.device_name}: ${wrong.join("; ")}; problems ${JSON.stringify(problems)}`);
  }

  /** Nothing that somebody saved is lost. */
  #checkContents(): void {
    const found = this.server.reachable();
    for (const { disk } of this.devices)
      for (const bytes of disk.all().values()) if (bytes !== null) found.add(hashOf(bytes));
    for (const [text, where] of this.owed) if (!found.has(text)) throw new Broken(`“${text}” of ${where} is lost`);
    const visible = new Set<string | null>();
    for (const user_id of this.users) for (const text of this.server.tree(user_id).values()) visible.add(text);
    for (const { disk } of this.devices)
      for (const [path, bytes] of disk.all())
        if (bytes !== null && !path.startsWith(PRIVATE)) visible.add(hashOf(bytes));
    for (const text of this.wanted)
      if (text !== "" && !visible.has(text) && !this.server.replaced.has(text))
        throw new Broken(`“${text}” was deleted by nobody, and is nowhere to be seen`);
  }
}
