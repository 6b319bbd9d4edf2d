/** A device as docs/spec/sync.md tells one to read: it knows nothing but what changes and snapshots told it. */
import { expect } from "vitest";
import type { File } from "../../../core/protocol/files.ts";
import { type SnapshotLine, snapshotLineSchema } from "../../../core/protocol/snapshot.ts";
import type { Change, Changes } from "../../../core/protocol/sync.ts";
import { formatSyncCursor, parseSyncCursor } from "../../../core/sync/cursor.ts";
import { LOOK_EVERY } from "../../../core/sync/look.ts";
import type { User } from "./api.ts";

export async function snapshot(by: User, query: Record<string, string> = {}): Promise<SnapshotLine[]> {
  const answer = await by.ask("GET", `sync/snapshot?${new URLSearchParams(query)}`);
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/x-ndjson"]);
  const lines = new TextDecoder().decode(answer.bytes).split("\n");
  expect(lines.pop()).toBe("");
  return lines.map((line) => snapshotLineSchema.parse(JSON.parse(line)));
}

export const filesOf = (lines: SnapshotLine[]): File[] =>
  lines.flatMap((line) => (line.type === "file" ? [line.file] : []));

export const cursorOf = (lines: SnapshotLine[]): string => (lines[0] as { cursor: string }).cursor;

/** As if so much time had passed since the cursor's last look. */
export function aged(cursor: string, milliseconds = LOOK_EVERY + 1): string {
  const parsed = parseSyncCursor(cursor);
  return formatSyncCursor({ ...parsed, looked_at: Math.max(0, parsed.looked_at - milliseconds) });
}

export class Device {
  readonly tree = new Map<string, File>();
  /** All that was told, in its order. */
  readonly told: Change[] = [];
  cursor = "";
  readonly #user: User;

  constructor(user: User) {
    this.#user = user;
  }

  static async begin(user: User): Promise<Device> {
    const device = new Device(user);
    const lines = await snapshot(user);
    device.cursor = cursorOf(lines);
    for (const file of filesOf(lines)) device.tree.set(file.file_id, file);
    return device;
  }

  /** All that is to be told. @returns it @param isLater when the last look is long ago */
  async pull(isLater = true, limit = 1000): Promise<Change[]> {
    const from = this.told.length;
    if (isLater) this.cursor = aged(this.cursor);
    for (let more = true; more;) {
      const query = new URLSearchParams({ cursor: this.cursor, limit: String(limit) });
      const page = await this.#user.ok<Changes>("GET", `sync/changes?${query}`);
      for (const change of page.changes) await this.#apply(change);
      [this.cursor, more] = [page.next_cursor, page.has_more];
    }
    return this.told.slice(from);
  }

  async #apply(change: Change): Promise<void> {
    this.told.push(change);
    const { file_id, file, op, drive_id } = change;
    if (file === null || file.trashed_at !== null) return this.#remove(file_id);
    const isKnown = this.tree.get(file_id)?.permission === file.permission;
    this.tree.set(file_id, file);
    const isGained = op === "shared" && drive_id !== this.#user.id;
    if (!file.is_folder || (isKnown && !isGained) || op === "created") return;
    const answer = await this.#user.ask("GET", `sync/snapshot?folder_id=${file_id}`);
    // It is gone again, or in the trash: a later change says so.
    if (answer.status !== 200) return;
    const lines = new TextDecoder().decode(answer.bytes).trim().split("\n");
    for (const line of filesOf(lines.map((one) => JSON.parse(one) as SnapshotLine))) this.tree.set(line.file_id, line);
  }

  #remove(file_id: string): void {
    this.tree.delete(file_id);
    for (const file of this.tree.values()) if (file.parent_id === file_id) this.#remove(file.file_id);
  }

  get names(): string[] {
    return [...this.tree.values()].map(({ name }) => name).toSorted();
  }
}
