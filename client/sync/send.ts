/** Changes of the disk go to the server, each under an `op_id` that is noted first: EX1 to EX3. */
import { ApiError } from "../errors.ts";
import { Gate } from "../gate.ts";
import { smallContent, withContent } from "./content.ts";
import type { Context } from "./context.ts";
import { isLater, problemOf } from "./holds.ts";
import type { Up } from "./plan/index.ts";
import { samePlace } from "./plan/view.ts";
import {
  type ChangeAnswer,
  type Content,
  DiskError,
  type OutgoingChange,
  type OutgoingPut,
  SMALL,
  type SyncedItem,
  type Underway,
} from "./ports.ts";
import { seenOf } from "./pull.ts";

type Put = Extract<Up, { kind: "put" }>;

/** What goes into one batch. */
const BATCH = { changes: 500, bytes: 8 * 1024 * 1024 };

/** Requests at once. */
const AT_ONCE = 5;

/** What the planner knows it by. */
const keyOf = (up: Up): string => (up.kind === "make" ? up.node : (up.file_id ?? (up as Put).node));

export class Sender {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** Small ones and what has no bytes. What one needs of another comes in an earlier batch. */
  async batches(ups: readonly Up[]): Promise<void> {
    const isBig = (up: Up): up is Put => up.kind === "put" && up.size > SMALL;
    const isLast = (up: Up, i: number): boolean =>
      up.kind === "trash" && ups.slice(i + 1).every(({ kind }) => kind === "trash" || kind === "put");
    const first = ups.filter((up, i) => up.kind !== "put" && !isLast(up, i));
    const last = ups.filter(isLast);
    const puts = ups.filter((up): up is Put => up.kind === "put" && !isBig(up));
    for (const batch of batchesOf(first)) await this.#batch(batch);
    const gate = new Gate(AT_ONCE);
    await Promise.all(batchesOf(puts).map((batch) => gate.run(() => this.#batch(batch))));
    for (const batch of batchesOf(last)) await this.#batch(batch);
  }

  async big(ups: readonly Up[]): Promise<void> {
    const gate = new Gate(AT_ONCE);
    const big = ups.filter((up): up is Put => up.kind === "put" && up.size > SMALL);
    await Promise.all(big.map((up) => gate.run(() => this.#upload(up))));
  }

  async #batch(ups: readonly Up[]): Promise<void> {
    const { state, remote, signal, transfers } = this.#context;
    const ready: { up: Up; outgoing: OutgoingChange; underway: Underway }[] = [];
    for (const up of ups) {
      try {
        const content = up.kind === "put" ? await this.#small(up) : undefined;
        ready.push({ up, ...this.#outgoing(up, content) });
      } catch (error) {
        this.#failed(up, error);
        transfers.over("up", up);
      }
    }
    if (ready.length === 0) return;
    await state.write({ underway: ready.map(({ underway }) => [underway.op_id, underway]) });
    const answers = await this.#sent(
      ready.map(({ up }) => up),
      () =>
        remote.delta(
          ready.map(({ outgoing }) => outgoing),
          signal(),
        ),
    );
    for (const [i, { up }] of ready.entries()) {
      if (answers !== null) this.#settle(up, answers[i]!);
      transfers.over("up", up);
    }
    if (answers === null) return;
    await this.#forget(ready.filter((_, i) => !isLater(answers[i]!.code ?? "")).map(({ underway }) => underway.op_id));
  }

  #small(up: Put): Promise<Content> {
    const { disk, state, newHasher } = this.#context;
    const { seen } = state.local.get(up.node)!;
    return smallContent(disk, state.local.path(up.node), { seen, hash: up.hash }, newHasher);
  }

  async #upload(up: Put): Promise<void> {
    const { state, remote, disk, signal, transfers } = this.#context;
    const { seen } = state.local.get(up.node)!;
    const path = state.local.path(up.node);
    try {
      await withContent(disk, path, { seen, hash: up.hash }, async (content) => {
        const { outgoing, underway } = this.#outgoing(up, content);
        await state.write({ underway: [[underway.op_id, underway]] });
        const answers = await this.#sent([up], async () => [
          await remote.upload(outgoing as OutgoingPut, (bytes) => transfers.moved("up", up, bytes), signal()),
        ]);
        if (answers === null) return;
        this.#settle(up, answers[0]!);
        await this.#forget([underway.op_id]);
      });
    } catch (error) {
      this.#failed(up, error);
    }
    transfers.over("up", up);
  }

  /** Null when the whole request was refused, for a reason that is each one's own. @throws what ends the round */
  async #sent(ups: readonly Up[], send: () => Promise<ChangeAnswer[]>): Promise<ChangeAnswer[] | null> {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof ApiError) || isLater(error.code) || error.status === 401) throw error;
      for (const up of ups) this.#failed(up, error);
      return null;
    }
  }

  async #forget(op_ids: readonly string[]): Promise<void> {
    await this.#context.state.write({ underway: op_ids.map((op_id) => [op_id, null]) });
  }

  /** The change, under the `op_id` that the same one had before. */
  #outgoing(up: Up, content: Content | undefined): { outgoing: OutgoingChange; underway: Underway } {
    const { state, random } = this.#context;
    const change = this.#change(up);
    const text = JSON.stringify(change);
    const hash = content?.hash ?? null;
    const known = [...state.underway.values()].find((one) => one.change === text && one.hash === hash);
    const underway = known ?? { op_id: random.token(), key: keyOf(up), change: text, hash };
    const named = { ...change, op_id: underway.op_id };
    const outgoing = (content === undefined ? { change: named } : { change: named, content }) as OutgoingChange;
    return { outgoing, underway };
  }

  #change(up: Up): object {
    const { state } = this.#context;
    const { base } = up as { base?: SyncedItem["vector"] };
    switch (up.kind) {
      case "make":
        return { op: "create_folder", parent_id: up.parent_id, name: up.name, base: {} };
      case "place":
        return { op: "update", file_id: up.file_id, parent_id: up.parent_id, name: up.name, base };
      case "trash": {
        const { drive_id } = state.synced.get(up.file_id)!;
        return { op: "trash", file_id: up.file_id, base, ...(up.is_folder && { seen: seenOf(state, drive_id) }) };
      }
      case "put": {
        const { seen } = state.local.get(up.node)!;
        const to = up.file_id === null ? { parent_id: up.parent_id, name: up.name } : this.#version(up.file_id);
        return { op: "put", ...to, base, size: up.size, modified_at: new Date(seen.modified_ms).toISOString() };
      }
    }
  }

  /** What a delta may refer to is the version that lay here before. */
  #version(file_id: string): object {
    const { version_id } = this.#context.state.synced.get(file_id)!;
    return { file_id, ...(version_id !== null && { base_version_id: version_id }) };
  }

  #settle(up: Up, answer: ChangeAnswer): void {
    const { holds } = this.#context;
    if (answer.status === "rejected") return this.#rejected(up, answer);
    holds.done(keyOf(up));
    if (up.kind === "trash") return this.#trashed(up, answer);
    if (up.kind === "place") return this.#placed(up, answer);
    if (up.kind === "put" && up.file_id !== null) return this.#changed({ ...up, file_id: up.file_id }, answer);
    return this.#made(up, answer);
  }

  #trashed(up: Extract<Up, { kind: "trash" }>, answer: ChangeAnswer): void {
    const { state, report } = this.#context;
    const path = state.synced.path(up.file_id);
    if (answer.status === "applied") report.event({ type: "deleted", path });
    else if (up.is_folder) return this.#kept(up.file_id, answer);
    state.agree(up.file_id, null);
  }

  /** A folder that was moved meanwhile comes back whole. One with news in it is looked at again when they are known. */
  #kept(folder_id: string, { file }: ChangeAnswer): void {
    const { state } = this.#context;
    const synced = state.synced.get(folder_id);
    if (synced === undefined || (file !== null && samePlace(file, synced))) return;
    for (const id of [folder_id, ...state.synced.below(folder_id)])
      if (state.local.of(id) === undefined) state.agree(id, null);
  }

  #placed(up: Extract<Up, { kind: "place" }>, { file }: ChangeAnswer): void {
    const { state, report } = this.#context;
    const item = state.synced.get(up.file_id);
    const node = state.local.get(state.local.of(up.file_id) ?? "");
    if (item === undefined || node === undefined || file === null) return;
    const vector = state.own(item.vector, file.vector);
    const isHere = state.local.get(node.parent_id!)?.file_id === up.parent_id && node.name === up.name;
    state.agree(up.file_id, { ...item, vector, ...(isHere && { parent_id: up.parent_id, name: up.name }) });
    if (isHere) report.event({ type: "moved", path: state.local.path(state.local.of(up.file_id)!) });
  }

  /** What our bytes became: the file, or a copy beside it. */
  #ours({ file, copy }: ChangeAnswer): NonNullable<ChangeAnswer["file"]> | null {
    return copy !== null && copy.trashed_at === null ? copy : file;
  }

  #changed(up: Put & { file_id: string }, answer: ChangeAnswer): void {
    const { state, report } = this.#context;
    const before = state.synced.get(up.file_id);
    const node = state.local.get(up.node);
    const ours = this.#ours(answer);
    if (before === undefined || node === undefined || ours === null) return;
    const path = state.local.path(up.node);
    const isSame = ours.file_id === up.file_id;
    const item: SyncedItem = {
      ...before,
      file_id: ours.file_id,
      version_id: (isSame ? answer.version_id : null) ?? ours.version_id,
      hash: up.hash,
      vector: state.own(isSame ? before.vector : {}, ours.vector),
      local: { ...node.seen, name: node.disk_name },
    };
    if (!isSame) {
      state.agree(up.file_id, null);
      report.event({ type: "conflict", path, copy: ours.name });
    } else report.event({ type: "sent", path });
    state.agree(ours.file_id, item);
    if (!isSame) state.local.bind(up.node, ours.file_id);
  }

  #made(up: Extract<Up, { node: string }>, answer: ChangeAnswer): void {
    const { state, holds, report } = this.#context;
    const node = state.local.get(up.node);
    const ours = this.#ours(answer);
    if (node === undefined) return;
    // It was taken, but lies where we do not see it.
    if (ours === null) return holds.refuse(up.node, "not_found");
    const path = state.local.path(up.node);
    const other = state.local.of(ours.file_id);
    if (other !== undefined && other !== up.node) {
      const detail = `It is the same as ${state.local.path(other)}.`;
      holds.hold(up.node, { path, file_id: null, code: "name_clash", detail });
      return;
    }
    state.agree(ours.file_id, {
      file_id: ours.file_id,
      drive_id: ours.drive_id,
      parent_id: up.parent_id,
      name: up.name,
      is_folder: ours.is_folder,
      vector: state.own({}, ours.vector),
      version_id: ours.version_id,
      hash: up.kind === "put" ? up.hash : null,
      local: { ...node.seen, name: node.disk_name },
    });
    state.local.bind(up.node, ours.file_id);
    if (answer.copy !== null) report.event({ type: "conflict", path, copy: ours.name });
    else report.event({ type: "sent", path });
  }

  #rejected(up: Up, { code, detail }: ChangeAnswer): void {
    const { status, title, type, request_id } = { status: 409, title: "", type: "about:blank", request_id: "" };
    this.#failed(up, new ApiError({ status, title, type, request_id, code: code ?? "internal", detail: detail ?? "" }));
  }

  /** Each refusal by its kind: EX3. @throws what is no item's own */
  #failed(up: Up, error: unknown): void {
    const { state, holds, rescan } = this.#context;
    const key = keyOf(up);
    const node = "node" in up ? up.node : state.local.of(up.file_id);
    const path = node === undefined ? state.synced.path((up as { file_id: string }).file_id) : state.local.path(node);
    const at = { path, file_id: "file_id" in up ? up.file_id : null };
    if (error instanceof DiskError) {
      if (error.problem === "changed" || error.problem === "missing") {
        rescan(path);
        holds.hold(key, null);
      } else holds.hold(key, problemOf(at, error));
      return;
    }
    if (!(error instanceof ApiError)) throw error;
    const { code } = error;
    if ((code === "parent_not_found" || code === "not_a_folder") && "parent_id" in up) return this.#lost(up.parent_id);
    if (code === "not_found" || code === "trashed") {
      if (up.kind === "trash") return state.agree(up.file_id, null);
      if (up.kind === "place") return this.#stay(up);
      if (up.kind === "put" && up.file_id !== null && this.#isOwn(up.file_id)) return this.#lost(up.file_id);
      if (up.kind === "make" || up.file_id === null) return this.#lost(up.parent_id);
    }
    if (up.kind === "place" && (holds.isFinal(code) || code === "cannot_move_into_itself" || code === "too_deep"))
      return this.#stay(up);
    if (holds.isFinal(code)) return void holds.refuse(key, code);
    // Another request had it: the next try has its own.
    holds.hold(key, isLater(code) || code === "idempotency_key_reused" ? null : problemOf(at, error));
  }

  #isOwn(file_id: string): boolean {
    const { state } = this.#context;
    return state.synced.get(file_id)?.drive_id === state.me.drive_id;
  }

  /** Gone for good there: what lies here is new. */
  #lost(file_id: string): void {
    const { state } = this.#context;
    if (file_id === state.me.root_id) return;
    const node = state.local.of(file_id);
    state.agree(file_id, null);
    if (node !== undefined) state.local.bind(node, null);
  }

  /** The place is not for us to change: as if it had not been changed here. */
  #stay(up: Extract<Up, { kind: "place" }>): void {
    const { state, holds } = this.#context;
    holds.refuse(`place:${up.file_id}`, "refused");
    state.dirty.add(up.file_id);
  }
}

function batchesOf<T extends Up>(ups: readonly T[]): T[][] {
  const batches: T[][] = [];
  let bytes = 0;
  for (const up of ups) {
    const size = up.kind === "put" ? up.size : 0;
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH.changes || bytes + size > BATCH.bytes) {
      batches.push([up]);
      bytes = size;
    } else {
      last.push(up);
      bytes += size;
    }
  }
  return batches;
}
